#!/usr/bin/env python3
"""Changes under constant load: 50 deploys and 20 rollbacks of Slipway, beside as many reloads of nginx and of HAProxy.

`slipway load` sends at a constant rate and counts failures as a client sees them; the changes follow each other while it
does. For Slipway a change is a whole deployment: new instances of nginx are started, checked, switched to (blue-green), and
the old ones are drained and stopped. For the peers it is their own reload, between two pairs of such nginx instances that
run all the time: the configuration is written anew and the process told, and the next change follows when the workers
before have gone, or after --patience (they wait for keep-alive clients).

    reload.py --slipway .build/release/slipway
    reload.py --slipway .build/debug/slipway --deploys 3 --rollbacks 2 --requests 5000 --rate 500      a short look

Exit code 1 when a request of Slipway's failed, or too few were sent.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from bench import figures, servers  # noqa: E402
from bench.place import Place, failures, nginx_manifest, nginx_template  # noqa: E402


class SlipwaySubject:
    """Deploys and rollbacks by command."""

    name = "Slipway"

    def __init__(self, place):
        self.place = place
        self.version = 1
        self.address = servers.free_address()
        place.write("slipway.yaml", nginx_manifest(int(self.address.rsplit(":", 1)[1]),
                                                   "blueGreen: { scaleDownDelay: 1s }"))
        self.write()
        place.run("up")

    def write(self):
        self.place.write("nginx.conf.tmpl", nginx_template(self.version))

    def forward(self):
        self.version += 1
        self.write()
        self.place.run("deploy")

    def back(self):
        self.place.run("rollback")

    def stop(self):
        pass


class PeerSubject:
    """A proxy that is told to read its configuration again, before two pairs of instances."""

    def __init__(self, folder, pairs, patience):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.pairs = pairs
        self.patience = patience
        self.address = servers.free_address()
        self.side = 0
        self.server = None

    def words(self):
        return {"listen": self.address, "backend1": self.pairs[self.side][0], "backend2": self.pairs[self.side][1]}

    def forward(self):
        self.side = 1 - self.side
        self.configure()
        before = set(self.server.pids())
        self.server.process.send_signal(self.signal)
        old = before - {self.server.process.pid}
        deadline = time.monotonic() + 10
        while set(self.server.pids()) <= before and time.monotonic() < deadline:
            time.sleep(0.02)
        deadline = time.monotonic() + self.patience
        while old & set(self.server.pids()) and time.monotonic() < deadline:
            time.sleep(0.02)

    back = forward

    def stop(self):
        if self.server:
            self.server.stop()


class NginxSubject(PeerSubject):
    name = "nginx"
    signal = signal.SIGHUP

    def __init__(self, *words):
        super().__init__(*words)
        self.server = servers.nginx(self.folder, self.text(), self.address, self.name)

    def text(self):
        return servers.nginx_text(self.folder, servers.NGINX_PROXY, **self.words())

    def configure(self):
        servers.write(self.folder + "/nginx.conf", self.text())


class HAProxySubject(PeerSubject):
    """In master-worker mode, handing its listening sockets on, as its manual says for reloads without loss."""

    name = "HAProxy"
    signal = signal.SIGUSR2

    def __init__(self, *words):
        super().__init__(*words)
        self.configure()
        socket = self.folder + "/stats.sock"
        self.server = servers.Server(
            self.name, ["haproxy", "-W", "-x", socket, "-f", self.folder + "/haproxy.cfg"], self.address)

    def configure(self):
        master = "stats socket %s/stats.sock level admin expose-fd listeners\n  hard-stop-after 60s" % self.folder
        servers.write(self.folder + "/haproxy.cfg", servers.HAPROXY.format(master=master, bind="", **self.words()))


def play(subject, place, options):
    """All changes under load; returns the load's report and what each change took."""
    load = place.start_load("http://%s/file" % subject.address, "--rate", str(options.rate), "--for", "24h")
    began = time.monotonic()
    took = {"forward": [], "back": []}
    changes = options.deploys + options.rollbacks
    done_back = 0
    for number in range(changes):
        # Rollbacks are spread evenly among the deploys.
        is_back = (number + 1) * options.rollbacks // changes > done_back
        start = time.monotonic()
        (subject.back if is_back else subject.forward)()
        took["back" if is_back else "forward"].append(time.monotonic() - start)
        done_back += is_back
        print("%s: change %d of %d, %.0f s" % (subject.name, number + 1, changes, time.monotonic() - began),
              file=sys.stderr, flush=True)
    rest = options.requests * 1.02 / options.rate + 1 - (time.monotonic() - began)
    if rest > 0:
        try:
            load.wait(timeout=rest)
        except subprocess.TimeoutExpired:
            pass
    return place.end_load(load), took


def row(name, report, took):
    count, failed = report["all"]["count"], report["all"]["failures"]
    latency = report["all"]["latency"]
    kinds = ", ".join("%s %d" % item for item in failures(report).items()) or "–"
    return (name, len(took["forward"]), len(took["back"]), "{:,}".format(count), failed, kinds,
            "%.2f / %.1f" % (latency["p99"] / 1000, latency["max"] / 1000),
            "%.2f / %.2f" % (middle(took["forward"]), middle(took["back"])))


def middle(values):
    return figures.quantile(values, 0.5) if values else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slipway", required=True, help="the executable")
    parser.add_argument("--deploys", type=int, default=50)
    parser.add_argument("--rollbacks", type=int, default=20)
    parser.add_argument("--requests", type=int, default=1_000_000, help="at least")
    parser.add_argument("--rate", type=int, default=5000, help="requests a second")
    parser.add_argument("--peers", default="nginx,haproxy")
    parser.add_argument("--patience", type=float, default=2, help="seconds that workers before may take to go")
    parser.add_argument("--json", help="also write the load's reports to this file")
    return parser.parse_args()


def main():
    options = arguments()
    if not shutil.which("nginx"):
        raise SystemExit("nginx is needed and is not installed")
    print("## Changes under constant load\n\n" + figures.machine())
    rows, reports, verdicts = [], {}, figures.Verdicts()
    with Place(options.slipway) as place:
        report, took = play(SlipwaySubject(place), place, options)
    rows.append(row("Slipway", report, took))
    reports["slipway"] = report
    verdicts.check("requests under %d deploys and %d rollbacks" % (options.deploys, options.rollbacks),
                   "{:,}".format(report["all"]["count"]), "≥ {:,}".format(options.requests),
                   report["all"]["count"] >= options.requests)
    verdicts.check("failed requests", report["all"]["failures"], "0", report["all"]["failures"] == 0)
    for peer in filter(None, options.peers.split(",")):
        if not shutil.which(peer):
            print("%s is not installed: left out" % peer)
            continue
        name, report, took = against(peer, options)
        rows.append(row(name, report, took))
        reports[peer] = report
    print("\n" + figures.table(
        ("", "Forward", "Back", "Requests", "Failed", "How", "p99 / max ms", "s a change: forward / back"), rows))
    if options.json:
        servers.write(options.json, json.dumps(reports, indent=1) + "\n")
    verdicts.end()


def against(peer, options):
    root = tempfile.mkdtemp(prefix="reload-bench-")
    os.chmod(root, 0o755)
    started = []
    try:
        pairs = []
        for side in (1, 2):
            pairs.append([])
            for number in (1, 2):
                started.append(servers.start_upstream("%s/up%d%d" % (root, side, number), release=side))
                pairs[-1].append(started[-1].address)
        make = {"nginx": NginxSubject, "haproxy": HAProxySubject}[peer]
        subject = make(root + "/" + peer, pairs, options.patience)
        started.append(subject)
        with Place(options.slipway) as place:
            report, took = play(subject, place, options)
        return subject.name, report, took
    finally:
        for server in reversed(started):
            server.stop()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
