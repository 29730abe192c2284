#!/usr/bin/env python3
"""Strikes a small shop at every journal write, file and effect of a deployment, in each strategy, and judges what
comes of it: resumed or refused loudly, nothing lost, exactly what stands runs, no request failed but those that a fault
costs.

Needs a debug build, which alone has failpoints:
  swift build && python3 Tests/EndToEnd/faults --slipway .build/debug/slipway
"""

import argparse
import collections
import ctypes
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import others  # noqa: E402
import points  # noqa: E402
import striking  # noqa: E402
import table  # noqa: E402
from place import eventually, may_mount  # noqa: E402
from shop import STRATEGIES, Shop  # noqa: E402
from striking import Broken, Strike  # noqa: E402


def build_library(directory):
    library = os.path.join(directory, "strike.so")
    subprocess.run(["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library,
                    os.path.join(HERE, "strike.c"), "-ldl", "-lpthread"], check=True)
    return library


def own_network():
    """A loopback for this thread and what it starts: houses choose ports by looking, and would take each other's."""
    new_network = 0x40000000
    if ctypes.CDLL(None, use_errno=True).unshare(new_network) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


class Campaign:
    def __init__(self, options, library):
        self.options = options
        self.library = library
        self.lock = threading.Lock()
        self.outcomes = []
        self.broken = []
        self.is_over = threading.Event()
        self.table = table.Table()
        # The rows that the whole campaign would have.
        self.expected = set()

    def open(self, strategy, prepare=lambda shop: None):
        shop = Shop(self.options.slipway, strategy, self.library)
        try:
            prepare(shop)
            shop.up()
            shop.stands = shop.version
            eventually(shop.settled, 20, "the first release stands")
        except BaseException:
            shop.leave()
            raise
        return shop

    def keep(self, strategy, fault, where, word, cost):
        """A line of the results; with the lock held."""
        self.table.add(strategy, fault, where, word, cost)
        if self.options.results:
            with open(self.options.results, "a", encoding="utf-8") as file:
                file.write(json.dumps([strategy, fault, where, word, cost]) + "\n")

    def census(self, strategy):
        """The passes of one deployment in which nothing strikes."""
        shop = self.open(strategy)
        try:
            striking.run(shop, Strike("none", "none", "none", "none", 0, action="count", value=0))
            return shop.passes()
        finally:
            shop.leave()

    def cases(self):
        """The other faults, as (strategy, case)."""
        every = [(strategy, case) for case in others.CASES for strategy in self.options.strategies
                 if case[3] or strategy == "blueGreen"]
        return [(strategy, case) for strategy, case in every
                if re.search(self.options.only, f"{case[0]} {case[1]}") and self.can(case)]

    def can(self, case):
        if case[2] is others.full_disk and not may_mount():
            print("skipped: a full disk needs root, to mount one", flush=True)
            return False
        return True

    def other(self, strategy, case):
        fault, where, run, _ = case
        began = time.monotonic()
        shop = None
        try:
            shop = self.open(strategy, lambda shop: self.prepare(shop, run))
            word, cost = run(shop)
            with self.lock:
                self.keep(strategy, fault, where, word, cost)
            print(f"{strategy}: {fault}, {where}: {word} ({time.monotonic() - began:.1f}s)", flush=True)
        except Exception as error:  # One that breaks must not keep the others from being tried.
            text = str(error) if isinstance(error, Broken) else traceback.format_exc()
            print(f"BROKEN  {strategy}: {fault}, {where}: {text}", flush=True)
            with self.lock:
                self.broken.append((strategy, case, text))
            if shop is not None:
                self.tell(shop)
        finally:
            if shop is not None:
                self.close(shop)

    def prepare(self, shop, run):
        shop.set_clock()
        if run is others.full_disk:
            os.mkdir(shop.state, 0o700)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=130m,mode=700", "tmpfs", shop.state], check=True)
            shop.is_mounted = True

    def chosen(self, strategy):
        every, offset = self.options.every, self.options.offset
        if re.fullmatch("others?", self.options.only):
            return []
        everything = points.enumerate_strikes(self.census(strategy))
        self.expected |= {(strike.fault, strike.component, strategy) for strike in everything}
        found = [strike for strike in everything
                 if re.search(self.options.only, str(strike))]
        return [(strategy, strike) for strike in found[offset % every::every]]

    def work(self, work):
        shops = {}
        if self.options.jobs > 1:
            own_network()
        try:
            while True:
                try:
                    strategy, strike = work.get_nowait()
                except queue.Empty:
                    return
                if self.is_over.is_set():
                    return
                if isinstance(strike, tuple):
                    self.other(strategy, strike)
                else:
                    self.one(shops, strategy, strike)
        finally:
            for shop in shops.values():
                self.close(shop)

    def one(self, shops, strategy, strike):
        began = time.monotonic()
        try:
            if strategy in shops and shops[strategy].deaths > 2:
                # A role that dies often is started later and later.
                self.close(shops.pop(strategy))
            for other in [name for name in shops if name != strategy]:
                # The strategies come one after the other: a shop that stands idle takes time from those that do not.
                self.close(shops.pop(other))
            if strategy not in shops:
                shops[strategy] = self.open(strategy)
            shops[strategy].deaths += strike.victim is not None
            outcome = striking.run(shops[strategy], strike)
            with self.lock:
                self.outcomes.append((strategy, outcome))
                self.keep(strategy, strike.fault, strike.component, outcome.word, outcome.cost)
            if self.options.verbose:
                print(f"{strategy}: {strike}: {outcome.word}, cost {outcome.cost} "
                      f"({time.monotonic() - began:.1f}s)", flush=True)
                if outcome.word == "reverted" or time.monotonic() - began > 10:
                    print(outcome.said, flush=True)
        except Exception as error:  # One that breaks must not keep the others from being tried.
            with self.lock:
                self.broken.append((strategy, strike, str(error)))
            text = str(error) if isinstance(error, Broken) else traceback.format_exc()
            print(f"BROKEN  {strategy}: {strike}: {text}", flush=True)
            shop = shops.pop(strategy, None)
            if shop is not None:
                self.tell(shop)
                self.close(shop)

    def tell(self, shop):
        """What the roles wrote last, for whoever has to find out why."""
        for role in ("supervisor", "keeper", "proxy"):
            path = os.path.join(shop.state, "keeper", "logs", f"{role}.log")
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    print("".join(f"  {role}: {line}" for line in file.readlines()[-8:]), end="", flush=True)

    def close(self, shop):
        try:
            shop.leave()
        except Exception:  # Its ports and processes are its own: the others go on.
            print(f"BROKEN  cannot be cleaned up:\n{traceback.format_exc()}", flush=True)
            with self.lock:
                self.broken.append((shop.strategy, None, "clean-up"))

    def again(self):
        """What was broken, struck once more, one at a time; what is broken then."""
        broken, self.broken, self.options.jobs = self.broken, [], 1
        print(f"{len(broken)} once more", flush=True)
        work = queue.Queue()
        for strategy, strike, _ in broken:
            if strike is not None:
                work.put((strategy, strike))
        self.work(work)
        return self.broken

    def run(self):
        work = queue.Queue()
        for item in self.cases()[self.options.offset % self.options.others::self.options.others]:
            work.put(item)
        for strategy in self.options.strategies:
            for item in self.chosen(strategy):
                work.put(item)
        total = work.qsize()
        print(f"{total} strikes", flush=True)
        threads = [threading.Thread(target=self.work, args=(work,)) for _ in range(self.options.jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slipway", required=True)
    parser.add_argument("--every", type=int, default=1, help="only each so many-th strike")
    parser.add_argument("--offset", type=int, default=0, help="which of them")
    parser.add_argument("--others", type=int, default=1, help="only each so many-th of the other faults")
    parser.add_argument("--only", default="", help="strikes whose words match")
    parser.add_argument("--strategies", nargs="*", default=list(STRATEGIES), choices=list(STRATEGIES))
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--again", action="store_true", help="up to three that break are struck once more, aloud")
    parser.add_argument("--results", help="a file that gets a line per outcome")
    parser.add_argument("--add", nargs="*", default=[], help="results of earlier runs that belong to the table too")
    parser.add_argument("--write", action="store_true", help="rewrite the table in docs/reference/faults.md")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    if options.jobs > 1 and not may_mount():
        print("skipped: several at a time need root, for a network namespace each", flush=True)
        options.jobs = 1
    options.slipway = os.path.abspath(options.slipway)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="slw-strike-") as directory:
        campaign = Campaign(options, build_library(directory))
        # What is under way is ended in order: no house is left behind.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: campaign.is_over.set())
        campaign.run()
        if campaign.is_over.is_set():
            sys.exit("stopped")
    words = collections.Counter(outcome.word for _, outcome in campaign.outcomes)
    print(f"{len(campaign.outcomes)} judged, {len(campaign.broken)} broken in {time.monotonic() - began:.0f}s: "
          + ", ".join(f"{count} {word}" for word, count in sorted(words.items())))
    broken = campaign.broken
    if options.again and 0 < len(broken) <= 3:
        broken = campaign.again()
    is_good = not broken and bool(campaign.table.rows)
    for path in options.add:
        with open(path, encoding="utf-8") as file:
            for line in file:
                campaign.table.add(*json.loads(line))
    if options.write and is_good:
        campaign.table.write()
    elif not options.only and set(options.strategies) == set(STRATEGIES):
        campaign.expected |= {(case[0], case[1], strategy) for strategy, case in campaign.cases()}
        for line in table.stale(campaign.expected):
            print(f"docs/reference/faults.md is stale, `make faults` rewrites it: {line}")
            is_good = False
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
