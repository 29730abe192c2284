"""Figures, the goals that they are held against, and tables of them in Markdown."""

import os
import platform
import random
import statistics
import sys


def interval(values, samples=4000, seed=1):
    """The median and its 95 % interval by a percentile bootstrap."""
    source = random.Random(seed)
    medians = sorted(statistics.median(source.choices(values, k=len(values))) for _ in range(samples))
    return statistics.median(values), medians[int(samples * 0.025)], medians[int(samples * 0.975)]


def quantile(values, share):
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1e6 * len(ordered)) // 10 ** 6) - 1))]


def slope(points):
    """Of the least-squares line through (x, y) pairs, and its 95 % interval (normal approximation)."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if count < 3 or spread == 0:
        return 0.0, 0.0, 0.0
    rise = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    rest = sum((y - mean_y - rise * (x - mean_x)) ** 2 for x, y in points) / (count - 2)
    error = 1.96 * (rest / spread) ** 0.5
    return rise, rise - error, rise + error


def table(head, rows):
    """A Markdown table, with cells of one width so that it reads well on a terminal too."""
    cells = [list(map(str, row)) for row in [head, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def machine():
    """One line about where this runs, for the page that keeps the figures."""
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2 ** 30
    load = os.getloadavg()[0]
    return "%s, %d cores, %.0f GiB, Linux %s; load before: %.2f" % (
        model, os.cpu_count(), memory, platform.release(), load)


class Verdicts:
    """Each figure beside its goal. A run fails when one is missed."""

    def __init__(self):
        self.rows = []
        self.is_good = True

    def check(self, name, value, goal, is_met):
        """Takes note of a figure. `value` and `goal` are texts for people."""
        self.rows.append((name, value, goal, "pass" if is_met else "**FAIL**"))
        self.is_good = self.is_good and bool(is_met)

    def end(self):
        """Prints the table and ends the program: 0 when every goal is met, else 1."""
        print("\n" + table(("Figure", "Measured", "Goal", ""), self.rows), flush=True)
        sys.exit(0 if self.is_good else 1)
