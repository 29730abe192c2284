#!/usr/bin/env python3
"""A long run: a deployment a minute under load, and nothing may grow or fail.

`slipway load` keeps connections busy (a closed loop), a deployment is made every --every seconds, and memory and descriptors of
keeper, supervisor and proxy are sampled: anonymous memory is what a leak grows; RSS has the pages of the program file too, PSS
each role's part of them. The first part of the samples (--warm-up) is left out; through the rest goes a least-squares line for
each role. A role fails when its line rises faster than the bound *and* the rise over the whole run is more than --allowance
(four times that for RSS): what a program needs to warm up is no leak, a slope that goes on is.

    soak.py --slipway .build/release/slipway --minutes 30
    soak.py --slipway .build/debug/slipway --minutes 1 --every 10 --sample 0.5      a short look

Exit code 1 when a request failed, or something grew.
"""

import argparse
import json
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from bench import figures, servers  # noqa: E402
from bench.place import (  # noqa: E402
    ROLES, Place, descriptors, failures, memory, nginx_manifest, nginx_template, threads)


def sample(place, began):
    point = {"at": time.monotonic() - began}
    for role in ROLES:
        pid = place.pid(role)
        if pid is None:
            raise SystemExit("the %s has gone" % role)
        point[role] = dict(memory(pid), pid=pid, descriptors=descriptors(pid), threads=threads(pid))
    return point


def soak(place, options):
    """Deploys and samples until the time is over."""
    port = int(servers.free_address().rsplit(":", 1)[1])
    place.write("slipway.yaml", nginx_manifest(port, "blueGreen: { scaleDownDelay: 2s }"))
    place.write("nginx.conf.tmpl", nginx_template(0))
    place.run("up")
    pace = ["--rate", str(options.rate)] if options.rate else ["--connections", str(options.connections)]
    load = place.start_load("http://127.0.0.1:%d/file" % port, *pace, "--for", "24h")
    began = time.monotonic()
    end, version, samples = began + options.minutes * 60, 0, []
    next_deploy, next_sample = began + options.every, began
    while time.monotonic() < end:
        if load.poll() is not None:
            raise SystemExit("the load ended by itself\n" + load.stderr.read())
        if time.monotonic() >= next_sample:
            samples.append(sample(place, began))
            next_sample += options.sample
        if time.monotonic() >= next_deploy:
            version += 1
            place.write("nginx.conf.tmpl", nginx_template(version))
            place.run("deploy")
            next_deploy += options.every
            rss = ", ".join("%s %.1f" % (role, samples[-1][role]["rss"] / 1024) for role in ROLES)
            print("%5.1f min, deploy %d; MiB: %s" % ((time.monotonic() - began) / 60, version, rss),
                  file=sys.stderr, flush=True)
        time.sleep(max(0, min(next_sample, next_deploy, end) - time.monotonic()))
    return place.end_load(load), version, samples


def judge(samples, options, verdicts):
    """One row for each role and measure."""
    kept = [point for point in samples if point["at"] >= options.warm_up * options.minutes * 60]
    rows = []
    bounds = {"anonymous": (options.memory_bound, options.allowance, 1024, "MiB"),
              "rss": (options.memory_bound, 4 * options.allowance, 1024, "MiB"),
              "pss": (None, None, 1024, "MiB"), "descriptors": (options.descriptor_bound, 3, 1, "")}
    for role in ROLES:
        if len({point[role]["pid"] for point in samples}) > 1:
            verdicts.check("the %s lives" % role, "it was started again", "one process", False)
        for name, (bound, allowance, scale, unit) in bounds.items():
            values = [(point["at"] / 3600, point[role][name] / scale) for point in kept]
            rise, low, high = figures.slope(values)
            span = values[-1][0] - values[0][0]
            rows.append((role, name, "%.1f" % values[0][1], "%.1f" % values[-1][1],
                         "%.1f" % max(value for _, value in values), "%+.2f (%+.2f to %+.2f)" % (rise, low, high)))
            if bound is not None:
                grown = rise * span
                verdicts.check(
                    "%s, %s: slope" % (role, name), "%+.2f %s an hour, %+.2f in this run" % (rise, unit, grown),
                    "≤ %g an hour, or ≤ %g in all" % (bound, allowance), low <= bound or grown <= allowance)
    print("\n" + figures.table(("Role", "", "First", "Last", "Largest", "Slope an hour (95 %)"), rows))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slipway", required=True, help="the executable")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--every", type=float, default=60, help="seconds from one deployment to the next")
    parser.add_argument("--sample", type=float, default=5, help="seconds from one sample to the next")
    parser.add_argument("--connections", type=int, default=32, help="of the load")
    parser.add_argument("--rate", type=float, default=0, help="of the load, instead of as much as the connections can")
    parser.add_argument("--requests", type=int, default=0, help="fail with fewer requests than these")
    parser.add_argument("--warm-up", type=float, default=0.2, help="share of the run that is not judged")
    parser.add_argument("--memory-bound", type=float, default=2, help="MiB that the memory of a role may grow in an hour")
    parser.add_argument("--allowance", type=float, default=1, help="MiB that it may grow in all")
    parser.add_argument("--descriptor-bound", type=float, default=2, help="descriptors it may gain in an hour")
    parser.add_argument("--json", help="also write samples and the load's report to this file")
    return parser.parse_args()


def main():
    options = arguments()
    if not shutil.which("nginx"):
        raise SystemExit("nginx is needed and is not installed")
    print("## Soak: %g minutes, a deploy every %g s\n\n%s" % (options.minutes, options.every, figures.machine()))
    verdicts = figures.Verdicts()
    with Place(options.slipway) as place:
        report, deploys, samples = soak(place, options)
    if options.json:
        servers.write(options.json, json.dumps({"samples": samples, "load": report}) + "\n")
    count, failed = report["all"]["count"], report["all"]["failures"]
    verdicts.check("requests, with %d deploys" % deploys, "{:,} ({:,.0f} a second)".format(
        count, count / report["elapsedSeconds"]), "≥ {:,}".format(options.requests), count >= options.requests)
    kinds = ", ".join("%s %d" % item for item in failures(report).items())
    verdicts.check("failed", "%d %s" % (failed, kinds), "0", failed == 0)
    judge(samples, options, verdicts)
    verdicts.end()


if __name__ == "__main__":
    main()
