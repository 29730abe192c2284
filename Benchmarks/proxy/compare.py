#!/usr/bin/env python3
"""Processor time for each proxied request: Slipway's proxy beside nginx, HAProxy and Caddy, in one run.

All proxies run with one worker before the same two nginx upstreams; wrk keeps the connections busy. A round goes through
the proxies forth and back (A B C D D C B A), so that a drift of the machine falls on all alike, and the ratio to each peer
is taken within the round. What is reported is the median of these ratios with a 95 % interval from a bootstrap.

    compare.py --proxy-command '.build/release/slipway proxy-bench --listen {listen} --directory {dir}
                                --backend {backend1} --backend {backend2}'
    compare.py ... --rounds 2 --seconds 1 --connections 32 --body-bytes 1024 --peers nginx      a short look

System calls are counted by strace, allocations (calls of malloc, calloc, realloc, aligned forms) by a preloaded library
that is compiled on the spot, both in runs of their own. Caddy does not ask malloc: its Go runtime's own count is read.

Only the standard library is used. nginx and wrk are required; haproxy, caddy, strace and cc are left out aloud if missing.
Exit code 1 when a goal is missed: at most 1.15 x nginx and 0.4 x Caddy, by the upper end of the interval.
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from bench import figures, servers  # noqa: E402

GOALS = {"nginx": 1.15, "caddy": 0.4}


def load(address, connections, seconds):
    """Runs wrk; returns the answered requests and the 99th percentile that it printed."""
    output = subprocess.run(
        ["wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds, "--timeout", "20s", "--latency",
         "http://%s/file" % address],
        check=True, capture_output=True, text=True).stdout
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", output) or re.search(r"Socket errors: (.*)", output)
    if bad:
        raise SystemExit("%s did not answer cleanly: %s" % (address, bad.group(0)))
    p99 = re.search(r"^\s+99%\s+(\S+)", output, re.MULTILINE)
    return requests, p99.group(1) if p99 else "?"


def measure(server, connections, seconds):
    before = server.cpu_seconds()
    requests, p99 = load(server.address, connections, seconds)
    return {"cpu": server.cpu_seconds() - before, "requests": requests, "p99": p99, "seconds": seconds}


def joined(runs):
    """Several runs of one round as one."""
    cpu, requests = sum(run["cpu"] for run in runs), sum(run["requests"] for run in runs)
    return {"microseconds": cpu / requests * 1e6, "per_second": requests / sum(run["seconds"] for run in runs),
            "p99": runs[-1]["p99"]}


def system_calls(server, connections, seconds):
    """System calls for each request, by name, from a short run of its own under strace."""
    pids = [word for pid in server.pids() for word in ("-p", str(pid))]
    trace = subprocess.Popen(["strace", "-c", "-f", *pids], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    servers.eventually(lambda: is_traced(server.process.pid), 10, "strace is attached")
    requests, _ = load(server.address, connections, seconds)
    trace.send_signal(signal.SIGINT)
    text = trace.communicate(timeout=30)[1]
    calls = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 5 and re.fullmatch(r"[\d.]+", words[0]) and words[3].isdigit() and words[-1] != "total":
            calls[words[-1]] = int(words[3]) / requests
    return dict(sorted(calls.items(), key=lambda item: -item[1]))


def is_traced(pid):
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, thread), encoding="utf-8") as file:
            if re.search(r"^TracerPid:\t0$", file.read(), re.MULTILINE):
                return False
    return True


class AllocationCounter:
    """Starts a proxy with the counting library, or asks the Go runtime."""

    def __init__(self, folder):
        self.folder = folder
        self.library = folder + "/allocations.so"
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "allocations.c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", self.library, source], check=True)

    def count(self, name, backends, command, connections, seconds):
        """Calls for each request once the proxy has warmed up; nil where they cannot be counted."""
        file = "%s/%s.allocations" % (self.folder, name)
        surroundings = {} if name == "caddy" else {"LD_PRELOAD": self.library, "ALLOCATIONS": file}
        folder = "%s/%s-allocations-%d" % (self.folder, name, connections)
        server = servers.start_proxy(name, folder, backends, command, surroundings)
        try:
            load(server.address, connections, seconds)
            before = self.calls(server, file)
            requests, _ = load(server.address, connections, seconds)
            after = self.calls(server, file)
        finally:
            server.stop()
            if os.path.exists(file):
                os.unlink(file)
        return None if before is None or after is None else (after - before) / requests

    @staticmethod
    def calls(server, file):
        if server.name == "caddy":
            with urllib.request.urlopen("http://%s/metrics" % server.admin, timeout=5) as answer:
                found = re.search(r"^go_memstats_mallocs_total (\S+)$", answer.read().decode(), re.MULTILINE)
            return float(found.group(1)) if found else None
        # A program that is linked statically has no use for the library.
        if not os.path.exists(file):
            return None
        with open(file, "rb") as numbers:
            return struct.unpack("<Q", numbers.read(8))[0]


def setting(options, names, root, connections, body_bytes, counter, verdicts):
    """All rounds with one number of connections and one size."""
    title = "%s, %d connections" % (size(body_bytes), connections)
    print("\n### %s\n" % title, flush=True)
    started = []
    try:
        for number in (1, 2):
            started.append(servers.start_upstream("%s/up%d-%d-%d" % (root, number, connections, body_bytes), body_bytes))
        backends = [server.address for server in started]
        proxies = {}
        for name in names:
            folder = "%s/%s-%d-%d" % (root, name, connections, body_bytes)
            proxies[name] = servers.start_proxy(name, folder, backends, options.proxy_command)
            started.append(proxies[name])
            load(proxies[name].address, connections, 1)
        rounds = {name: [] for name in names}
        for turn in range(options.rounds):
            runs = {name: [] for name in names}
            for name in [*names, *reversed(names)]:
                runs[name].append(measure(proxies[name], connections, options.seconds))
            for name in names:
                rounds[name].append(joined(runs[name]))
            line = "  ".join("%s %.1f" % (name, rounds[name][-1]["microseconds"]) for name in names)
            print("round %2d, µs of CPU: %s" % (turn + 1, line), file=sys.stderr, flush=True)
        calls, allocations = {}, {}
        if not options.no_counts:
            if shutil.which("strace"):
                calls = {name: system_calls(proxies[name], connections, options.count_seconds) for name in names}
            if counter:
                allocations = {
                    name: counter.count(name, backends, options.proxy_command, connections, options.count_seconds)
                    for name in names}
    finally:
        for server in reversed(started):
            server.stop()
    return report(title, names, rounds, calls, allocations, verdicts)


def report(title, names, rounds, calls, allocations, verdicts):
    rows, ratios = [], {}
    for name in names:
        runs = rounds[name]
        ratio = "1"
        if name != "slipway":
            ratios[name] = figures.interval(
                [ours["microseconds"] / theirs["microseconds"] for ours, theirs in zip(rounds["slipway"], runs)])
            ratio = "%.2f (%.2f to %.2f)" % ratios[name]
            if name in GOALS:
                verdicts.check("CPU a request, Slipway / %s, %s" % (name, title), ratio,
                               "≤ %.2f" % GOALS[name], ratios[name][2] <= GOALS[name])
        counted = allocations.get(name)
        rows.append((
            name, "%.1f" % statistics.median(run["microseconds"] for run in runs),
            "{:,.0f}".format(statistics.median(run["per_second"] for run in runs)), runs[-1]["p99"],
            "%.2f" % sum(calls[name].values()) if name in calls else "–",
            "–" if counted is None else "%.2f" % counted, ratio))
    print(figures.table(
        ("Proxy", "µs of CPU a request", "Requests/s", "p99", "System calls", "Allocations", "Slipway / it"), rows))
    for name in calls:
        top = ", ".join("%s %.2f" % item for item in list(calls[name].items())[:6])
        print("%s%s: %s" % ("\n" if name == names[0] else "", name, top), flush=True)
    return {"rounds": rounds, "ratios": ratios, "system_calls": calls, "allocations": allocations}


def size(body_bytes):
    return "%d KiB" % (body_bytes // 1024) if body_bytes % 1024 == 0 else "%d bytes" % body_bytes


def numbers(text):
    return [int(word) for word in text.split(",")]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxy-command", required=True,
                        help="starts the proxy under test; {listen}, {backend1}, {backend2} and {dir} are filled in")
    parser.add_argument("--peers", default="nginx,haproxy,caddy")
    parser.add_argument("--rounds", type=int, default=10, help="each goes forth and back")
    parser.add_argument("--seconds", type=int, default=2, help="of one run; a round has two of each proxy")
    parser.add_argument("--connections", type=numbers, default=[2, 32, 1000], help="one or more, with commas")
    parser.add_argument("--body-bytes", type=numbers, default=[1024, 65536], help="one or more, with commas")
    parser.add_argument("--no-counts", action="store_true", help="neither system calls nor allocations")
    parser.add_argument("--count-seconds", type=int, default=2, help="of the runs that count")
    parser.add_argument("--json", help="also write the numbers to this file")
    return parser.parse_args()


def main():
    options = arguments()
    for needed in ("nginx", "wrk"):
        if not shutil.which(needed):
            raise SystemExit("%s is needed and is not installed" % needed)
    names = ["slipway"]
    for peer in filter(None, options.peers.split(",")):
        if shutil.which(peer):
            names.append(peer)
        else:
            print("%s is not installed: left out" % peer)
    for needed in ("strace", "cc"):
        if not options.no_counts and not shutil.which(needed):
            print("%s is not installed: no %s" % (needed, "system calls" if needed == "strace" else "allocations"))
    print("## Processor time of a proxied request\n\n" + figures.machine())
    root = tempfile.mkdtemp(prefix="proxy-bench-")
    # Started by root, nginx serves files as another user.
    os.chmod(root, 0o755)
    verdicts, results = figures.Verdicts(), {}
    try:
        counter = AllocationCounter(root) if not options.no_counts and shutil.which("cc") else None
        for body_bytes in options.body_bytes:
            for connections in options.connections:
                results["%d/%d" % (body_bytes, connections)] = setting(
                    options, names, root, connections, body_bytes, counter, verdicts)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    if options.json:
        servers.write(options.json, json.dumps(results, indent=1) + "\n")
    verdicts.end()


if __name__ == "__main__":
    main()
