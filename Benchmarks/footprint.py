#!/usr/bin/env python3
"""What Slipway takes: the release file, its start, the memory of the three roles when nothing happens.

The file is what `make release` makes. `slipway --version` is timed from fork to exit, as a shell would see it. Memory is read
from /proc/<pid>/smaps_rollup of keeper, supervisor and proxy after one deployment of two nginx instances and some quiet:
RSS counts what they share (the program file above all) once for each, PSS once; the goal is held against the sum of RSS.

    footprint.py --slipway ./slipway

Exit code 1 when a goal is missed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from bench import figures, servers  # noqa: E402
from bench.place import ROLES, Place, descriptors, memory, nginx_manifest, nginx_template, threads  # noqa: E402


def file_of(slipway, verdicts):
    size = os.path.getsize(slipway)
    linked = subprocess.run(["ldd", slipway], capture_output=True, text=True, check=False).stdout
    libraries = sorted(line.split()[0] for line in linked.splitlines() if "=>" in line)
    head = subprocess.run(["readelf", "-SW", slipway], capture_output=True, text=True, check=True).stdout
    verdicts.check("release file", "%.1f MB, %s" % (
        size / 1e6, "no symbols" if " .symtab " not in head else "with symbols"), "< 120 MB", size < 120e6)
    foreign = [name for name in libraries if not name.startswith(("libc.so", "libm.so", "ld-linux"))]
    verdicts.check("linked at run time", ", ".join(libraries) or "nothing", "glibc only", not foreign)


def start(slipway, times, verdicts):
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run([slipway, "--version"], check=True, stdout=subprocess.DEVNULL)
        taken.append((time.perf_counter() - began) * 1e3)
    median, low, high = figures.interval(taken)
    verdicts.check("`slipway --version`, median of %d" % times, "%.1f ms (%.1f to %.1f)" % (median, low, high),
                   "< 15 ms", median < 15)


def roles(slipway, quiet, verdicts):
    with Place(slipway) as place:
        port = int(servers.free_address().rsplit(":", 1)[1])
        place.write("nginx.conf.tmpl", nginx_template(1))
        place.write("slipway.yaml", nginx_manifest(port))
        place.run("up")
        time.sleep(quiet)
        rows, sums = [], {"rss": 0, "pss": 0, "private": 0, "anonymous": 0}
        for role in ROLES:
            pid = place.pid(role)
            sizes = memory(pid)
            for name in sums:
                sums[name] += sizes[name]
            rows.append((role, *("%.1f" % (sizes[name] / 1024) for name in sums), threads(pid), descriptors(pid)))
    rows.append(("together", *("%.1f" % (sums[name] / 1024) for name in sums), "", ""))
    print("\n" + figures.table(
        ("MiB, idle", "RSS", "PSS", "Private", "Anonymous", "Threads", "Descriptors"), rows))
    verdicts.check("keeper + supervisor + proxy, idle, sum of RSS", "%.1f MB" % (sums["rss"] * 1024 / 1e6), "< 60 MB",
                   sums["rss"] * 1024 < 60e6)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slipway", required=True, help="the release file")
    parser.add_argument("--times", type=int, default=200, help="starts that are timed")
    parser.add_argument("--quiet", type=float, default=20, help="seconds of quiet before memory is read")
    options = parser.parse_args()
    for needed in ("nginx", "ldd", "readelf"):
        if not shutil.which(needed):
            raise SystemExit("%s is needed and is not installed" % needed)
    print("## Footprint\n\n" + figures.machine())
    slipway, verdicts = os.path.abspath(options.slipway), figures.Verdicts()
    file_of(slipway, verdicts)
    start(slipway, options.times, verdicts)
    roles(slipway, options.quiet, verdicts)
    verdicts.end()


if __name__ == "__main__":
    main()
