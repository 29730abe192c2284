#!/usr/bin/env python3
"""How quick Slipway itself is: the switch of traffic, going back, and what a deployment of ten services costs.

1. Switch: from the decision to the first request on the other release. The decision's time is the journal's (the event
   `weightMoved`, written before anything is done about it, to the millisecond); the other end is the instance's own stamp, the
   first request that is not a probe. A client asks without a pause over a few connections.
2. Rollback: wall time of the whole command `slipway rollback`, to a release that is still warm.
3. Ten services in three waves: wall time of `slipway deploy` less the critical path. The test services stamp when their program
   began and when they listened; a wave's part of the path is the longest of its services, from the first line of its
   program to its listening socket, and the path is the sum over the waves.

    switch.py --slipway .build/release/slipway
    switch.py --slipway .build/debug/slipway --switches 4 --deploys 2      a short look

Exit code 1 when a goal is missed.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from bench import figures, servers  # noqa: E402
from bench.place import Place  # noqa: E402

WAVES = [["store", "queue", "mail"], ["users", "stock", "cart", "search"], ["api", "admin", "web"]]
START_MILLISECONDS = 200


class Stamps:
    """What the test services wrote."""

    def __init__(self, place):
        self.path = place.path + "/stamps"
        self.program = place.path + "/stamping"
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench", "stamping.c")
        subprocess.run(["cc", "-O2", "-o", self.program, source], check=True)

    def command(self, name, release, milliseconds):
        return '["%s", "%s", %s, "%s", "%d"]' % (self.program, self.path, name, release, milliseconds)

    def all(self):
        """(event, service, release, pid, nanoseconds), oldest first."""
        if not os.path.exists(self.path):
            return []
        with open(self.path, encoding="utf-8") as file:
            lines = [line.split() for line in file]
        return [(event, name, release, int(pid), int(at)) for event, name, release, pid, at in lines]

    def forget(self):
        if os.path.exists(self.path):
            os.unlink(self.path)


class Client:
    """Asks without a pause over some connections until told to stop. Counts what is not answered with 200."""

    def __init__(self, address, connections=2):
        self.address = address
        self.asked = self.failed = 0
        self.is_over = False
        self.threads = [threading.Thread(target=self.run) for _ in range(connections)]
        for thread in self.threads:
            thread.start()

    def run(self):
        host, port = self.address.rsplit(":", 1)
        connection = None
        while not self.is_over:
            try:
                if connection is None:
                    connection = socket.create_connection((host, int(port)), timeout=5)
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
                answer = b""
                while not answer.endswith(b"\r\n\r\nok"):
                    more = connection.recv(4096)
                    if not more:
                        raise OSError("closed")
                    answer += more
                self.failed += not answer.startswith(b"HTTP/1.1 200 ")
            except OSError:
                self.failed += 1
                connection = None
            self.asked += 1
        if connection:
            connection.close()

    def stop(self):
        self.is_over = True
        for thread in self.threads:
            thread.join()


def one_service(place, stamps, address, release):
    place.write("slipway.yaml", """version: 1
project: bench
services:
  web:
    command: %s
    port: 8080
    replicas: 2
    routes: [{ listen: %s }]
    probes: { readiness: { http: /ready, every: 200ms } }
    drain: 2s
    strategy: { blueGreen: { scaleDownDelay: 60s } }
""" % (stamps.command("web", release, 0), address.rsplit(":", 1)[1]))


def moved_at(place, deployment):
    """When it was decided that all traffic goes to the other release: nanoseconds since 1970."""
    events = place.ask("history", str(deployment))["events"]
    times = [report["event"]["at"] for report in events
             if report["kind"] == "weightMoved" and report["event"]["number"] == 100]
    return times[-1] * 1_000_000 if times else None


def latest(place):
    return max(deployment["number"] for deployment in place.ask("history")["deployments"])


def switching(options):
    """Deploys forth, rolls back, both under requests: milliseconds of each switch, seconds of each rollback."""
    forth, rollbacks = [], []
    with Place(options.slipway) as place:
        stamps, address = Stamps(place), servers.free_address()
        one_service(place, stamps, address, "r0")
        place.run("up")
        client = Client(address)
        try:
            for number in range(1, options.switches + 1):
                stamps.forget()
                one_service(place, stamps, address, "r%d" % number)
                place.run("deploy")
                served = [at for event, _, release, _, at in stamps.all()
                          if event == "served" and release == "r%d" % number]
                if served:
                    forth.append((min(served) - moved_at(place, latest(place))) / 1e6)
                before = client.asked
                _, took = place.run("rollback")
                rollbacks.append(took)
                servers.eventually(lambda: client.asked > before + 10, 5, "the client goes on")
                print("switch %d: %.1f ms; rollback %.0f ms" % (number, forth[-1], took * 1e3), file=sys.stderr,
                      flush=True)
        finally:
            client.stop()
    return forth, rollbacks, client


def ten_services(place, stamps, release):
    text = "version: 1\nproject: ten\nservices:\n"
    before = []
    for wave in WAVES:
        for name in wave:
            text += """  %s:
    command: %s
    port: 8080
    replicas: 1
    probes: { readiness: { http: /ready, every: 200ms } }
    drain: 2s
    strategy: { blueGreen: { scaleDownDelay: 0s } }
""" % (name, stamps.command(name, release, START_MILLISECONDS))
            if before:
                text += "    needs: [%s]\n" % ", ".join(before)
        before = wave
    place.write("slipway.yaml", text)


def overheads(options):
    """(wall, critical path) of each deployment, seconds."""
    found = []
    with Place(options.slipway) as place:
        stamps = Stamps(place)
        ten_services(place, stamps, "r0")
        place.run("up")
        for number in range(1, options.deploys + 1):
            stamps.forget()
            ten_services(place, stamps, "r%d" % number)
            _, wall = place.run("deploy")
            path = 0
            for wave in WAVES:
                path += max(span(stamps.all(), name) for name in wave)
            found.append((wall, path))
            print("ten services: %.2f s, critical path %.2f s" % (wall, path), file=sys.stderr, flush=True)
    return found


def span(stamps, name):
    """Seconds from the first line of a service's program to its listening socket."""
    begun = min(at for event, service, _, _, at in stamps if service == name and event == "begun")
    return (max(at for event, service, _, _, at in stamps if service == name and event == "ready") - begun) / 1e9


def spread(values, unit, scale=1.0):
    ordered = sorted(values)
    return "%.1f %s (%.1f to %.1f)" % (
        figures.quantile(ordered, 0.5) * scale, unit, ordered[0] * scale, ordered[-1] * scale)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slipway", required=True, help="the executable")
    parser.add_argument("--switches", type=int, default=20)
    parser.add_argument("--deploys", type=int, default=10, help="of ten services")
    options = parser.parse_args()
    if not shutil.which("cc"):
        raise SystemExit("cc is needed for the test services and is not installed")
    print("## Switching, going back, ten services\n\n" + figures.machine())
    verdicts = figures.Verdicts()
    forth, rollbacks, client = switching(options)
    verdicts.check("decision → first request on the other release", spread(forth, "ms"), "< 10 ms",
                   figures.quantile(forth, 0.5) < 10)
    verdicts.check("`slipway rollback`, warm, whole command", spread(rollbacks, "ms", 1e3), "< 500 ms",
                   figures.quantile(rollbacks, 0.5) < 0.5)
    verdicts.check("requests meanwhile, failed", "%d of %s" % (client.failed, "{:,}".format(client.asked)), "0",
                   client.failed == 0)
    found = overheads(options)
    own = [wall - path for wall, path in found]
    verdicts.check(
        "overhead of a ten-service deploy (wall %s, path %s)" % (
            spread([wall for wall, _ in found], "s"), spread([path for _, path in found], "s")),
        spread(own, "ms", 1e3), "< 1000 ms", figures.quantile(own, 0.5) < 1)
    verdicts.end()


if __name__ == "__main__":
    main()
