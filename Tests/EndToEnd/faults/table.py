"""The table of faults in docs/reference/faults.md: made of outcomes, and compared with what would be tried now."""

import collections
import os
import re

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "..", "docs", "reference", "faults.md")
BEGIN, END = "<!-- made by `make faults` -->", "<!-- end -->"
HEAD = "| Fault | Where | Strategy | Points | What happened | Failed requests |\n|---|---|---|---|---|---|\n"


class Table:
    """Rows by fault, component and strategy."""

    def __init__(self):
        self.rows = collections.defaultdict(lambda: {"words": collections.Counter(), "cost": 0})

    def add(self, strategy, fault, where, word, cost):
        if word == "not reached":
            return
        row = self.rows[(fault, where, strategy)]
        row["words"][word] += 1
        # None: nothing serves meanwhile, and nobody counts.
        row["cost"] = cost if cost is None else max(row["cost"], cost)

    def text(self):
        lines = []
        for (fault, component, strategy), row in sorted(self.rows.items()):
            words = ", ".join(f"{count} {word}" for word, count in sorted(row["words"].items()))
            cost = "–" if row["cost"] is None else f"at most {row['cost']}" if row["cost"] else "0"
            points = sum(row["words"].values())
            lines.append(f"| {fault} | {component} | {strategy} | {points} | {words} | {cost} |\n")
        total = sum(sum(row["words"].values()) for row in self.rows.values())
        return f"{total} strikes.\n\n" + HEAD + "".join(lines)

    def write(self):
        with open(PAGE, encoding="utf-8") as file:
            page = file.read()
        start, rest = page.split(BEGIN)
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(start + BEGIN + "\n\n" + self.text() + "\n" + END + rest.split(END)[1])


def rows_of_page():
    """The rows that the page has, as (fault, component, strategy)."""
    with open(PAGE, encoding="utf-8") as file:
        made = file.read().split(BEGIN)[1].split(END)[0]
    found = [tuple(cell.strip() for cell in line.strip().strip("|").split("|")[:3])
             for line in made.splitlines() if re.match(r"\| (?!Fault )", line)]
    return set(found)


def stale(expected):
    """Why the page is not what would be made now; empty: it is."""
    present = rows_of_page()
    missing = sorted(set(expected) - present)
    extra = sorted(present - set(expected))
    return ([f"row missing: {' · '.join(row)}" for row in missing]
            + [f"row of the past: {' · '.join(row)}" for row in extra])
