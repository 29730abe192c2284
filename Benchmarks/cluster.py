#!/usr/bin/env python3
"""A cluster: what a five-step canary asks of its API, and a thousand services, rolled out at once.

A manifest has 200 services at most, so the thousand are five projects, each in a namespace of its own, all of one supervisor.

Both against the API double of the tests, in a process of its own. Counted is every request besides watches, the first lists that
watches start from, and pre-flight, which is skipped. Memory is the highest resident size of the supervisor while it rolls out.

    cluster.py --slipway ./slipway --double .build/release/cluster-double

Exit code 1 when a goal is missed.
"""

import argparse
import collections
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from bench import figures  # noqa: E402
from bench.place import Place, memory  # noqa: E402
from bench.servers import eventually  # noqa: E402

HEAD = """version: 1
project: %(project)s
environments:
  production:
    runtime: kubernetes
    namespace: %(project)s
    router: %(router)s
services:
"""
SERVICE = """  %s:
    image: example/serves:%d
    command: [serve]
    port: 8080
    replicas: %d
    drain: 0s
    probes: {startup: {tcp: true, deadline: 30s}}
%s    strategy: %s
"""


# Services of one manifest.
MOST = 200


class Cluster:
    """The double, and what was asked of it."""

    def __init__(self, double, place):
        self.log = os.path.join(place.path, "requests")
        kubeconfig = os.path.join(place.path, "kubeconfig")
        self.process = subprocess.Popen(
            [os.path.abspath(double), "--kubeconfig", kubeconfig, "--log", self.log], stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        place.environment["KUBECONFIG"] = kubeconfig

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=20)

    def requests(self):
        with open(self.log, encoding="utf-8") as file:
            return [line.strip() for line in file if not line.startswith("WATCH")]


def canary(options, verdicts):
    strategy = "{canary: {sticky: false, scaleDownDelay: 0s, steps: [%s]}}" % ", ".join(
        "{weight: %d%%}" % weight for weight in (5, 20, 40, 60, 80))
    routes = "    routes: [{listen: 80, host: bench.example.com}]\n"
    with Place(options.slipway) as place, Cluster(options.double, place) as cluster:
        def deploy(image):
            place.write("slipway.yaml", HEAD % {"project": "bench", "router": "nginx"} + SERVICE % ("api", image, 4, routes, strategy))
            place.run("deploy", "production", "--skip-preflight", "it is measured")

        deploy(1)
        before = len(cluster.requests())
        deploy(2)
        eventually(lambda: any("DELETE" in line and "deployments/api-r1" in line for line in cluster.requests()[before:]),
                   60, "the old release to leave")
        asked = cluster.requests()[before:]
        kinds = collections.Counter(re.sub(r"(/apis?/[^ ]*?/|/api/v1/)(namespaces/[^/ ]+/)?", "", line) for line in asked)
        print(figures.table(("Request", "Times"), sorted(kinds.items(), key=lambda item: (-item[1], item[0]))))
        verdicts.check("API requests of a five-step canary", str(len(asked)), "<= 40", len(asked) <= 40)


def crowd(options, verdicts):
    """The first release of all, then the second; every project by a command of its own, all at the same time."""
    shares = [min(MOST, options.services - first) for first in range(0, options.services, MOST)]
    with Place(options.slipway) as place, Cluster(options.double, place) as cluster:
        def write(image):
            for project, share in enumerate(shares):
                place.write("%d/slipway.yaml" % project, HEAD % {"project": "bench-%d" % project, "router": "service"}
                            + "".join(SERVICE % ("s%04d" % number, image, 1, "", "{rolling: {}}") for number in range(share)))

        rows = []
        for image in (1, 2):
            write(image)
            before = len(cluster.requests())
            took = place.run_at_once(
                [("deploy", "production", "--file", "%d/slipway.yaml" % project, "--skip-preflight", "it is measured")
                 for project in range(len(shares))], within=600)
            supervisor = place.pid("supervisor")
            with open("/proc/%d/status" % supervisor, encoding="utf-8") as file:
                highest = int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1)) * 1024 / 1e6
            rows.append((("the first", "the second")[image - 1], "%.1f" % took, "%.0f" % highest,
                         "%.0f" % (memory(supervisor)["anonymous"] * 1024 / 1e6), len(cluster.requests()) - before))
        print("\n" + figures.table(
            ("%d services at once" % options.services, "Seconds", "Highest RSS, MB", "Anonymous then, MB", "Requests"), rows))
        slowest, largest = max(float(row[1]) for row in rows), max(float(row[2]) for row in rows)
        verdicts.check("%d services rolled out at once" % options.services, "%.1f s" % slowest, "< 60 s", slowest < 60)
        verdicts.check("the supervisor meanwhile", "%.0f MB" % largest, "< 300 MB", largest < 300)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slipway", required=True)
    parser.add_argument("--double", required=True)
    parser.add_argument("--services", type=int, default=1000)
    options = parser.parse_args()
    verdicts = figures.Verdicts()
    print("## A cluster\n\n" + figures.machine() + "\n")
    canary(options, verdicts)
    crowd(options, verdicts)
    return verdicts.end()


if __name__ == "__main__":
    sys.exit(main())
