#!/usr/bin/env python3
"""What `slipway load` itself costs, and whether its percentiles are right.

1. Requests for each second of the sender's processor time, beside wrk: both keep 32 connections busy with requests of 1 KiB to
   the same nginx. A round goes forth and back (wrk, slipway, slipway, wrk), the ratio is taken within the round, and the median
   of the rounds stands with a 95 % interval from a bootstrap. Processor time is what the kernel counted for the ended process.
2. The 99th percentile beside a list: a server answers after delays that it draws from a distribution with a long tail, and
   writes down how long each answer really took it. Both percentiles are of the same requests.

    load.py --slipway .build/release/slipway
    load.py --slipway .build/debug/slipway --rounds 2 --seconds 1 --requests 1000      a short look

nginx and wrk are required. Exit code 1 when a goal is missed: at least 0.7 x wrk by the lower end of the interval, and a p99
within 1 % of the list's.
"""

import argparse
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from bench import figures, servers  # noqa: E402

CONNECTIONS = 32

# Answers after delays from a file, one a line in seconds, and writes for each request how long it took.
DELAYING = """
import asyncio, sys, time
delays = iter([float(line) for line in open(sys.argv[2])])
times = open(sys.argv[3], "w", buffering=1)

class Web(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.rest = transport, b""

    def data_received(self, data):
        began = time.perf_counter()
        self.rest += data
        if b"\\r\\n\\r\\n" in self.rest:
            self.rest = b""
            asyncio.get_running_loop().call_later(next(delays), self.answer, began)

    def answer(self, began):
        self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
        times.write("%.9f\\n" % (time.perf_counter() - began))

async def main():
    server = await asyncio.get_running_loop().create_server(Web, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()

asyncio.run(main())
"""


def cost(command):
    """Output and processor seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return answer.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def with_wrk(url, seconds):
    output, cpu = cost(["wrk", "-t1", "-c%d" % CONNECTIONS, "-d%ds" % seconds, url])
    bad = re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", output)
    if bad:
        raise SystemExit("wrk was not answered cleanly: " + bad.group(0))
    return int(re.search(r"(\d+) requests in", output).group(1)), cpu


def with_slipway(slipway, url, seconds):
    output, cpu = cost([slipway, "load", url, "--connections", str(CONNECTIONS), "--for", "%ds" % seconds, "--quiet",
                        "--output", "json"])
    report = json.loads(output)
    if report["all"]["failures"]:
        raise SystemExit("slipway load was not answered cleanly: %s" % report["failures"][:3])
    return report["counts"]["status2xx"], cpu


def beside_wrk(options, root, verdicts):
    server = servers.start_upstream(root + "/nginx", 1024)
    try:
        url = "http://%s/file" % server.address
        senders = {"wrk": lambda: with_wrk(url, options.seconds),
                   "slipway": lambda: with_slipway(options.slipway, url, options.seconds)}
        for send in senders.values():
            send()
        rounds = {name: [] for name in senders}
        for turn in range(options.rounds):
            seen = {name: [0, 0] for name in senders}
            for name in ["wrk", "slipway", "slipway", "wrk"]:
                requests, cpu = senders[name]()
                seen[name][0] += requests
                seen[name][1] += cpu
            for name, (requests, cpu) in seen.items():
                rounds[name].append((requests / cpu, requests / 2 / options.seconds))
            print("round %2d, requests a CPU second: %s" % (
                turn + 1, "  ".join("%s %.0f" % (name, rounds[name][-1][0]) for name in senders)), file=sys.stderr, flush=True)
    finally:
        server.stop()
    ratio = figures.interval([ours[0] / theirs[0] for ours, theirs in zip(rounds["slipway"], rounds["wrk"])])
    rows = [(name, "{:,.0f}".format(figures.quantile([run[0] for run in runs], 0.5)),
             "{:,.0f}".format(figures.quantile([run[1] for run in runs], 0.5)),
             "%.2f (%.2f to %.2f)" % ratio if name == "slipway" else "1") for name, runs in rounds.items()]
    print("\n" + figures.table(("Sender", "Requests a CPU second", "Requests/s", "Beside wrk"), rows), flush=True)
    verdicts.check("requests a CPU second, slipway load / wrk, 1 KiB, %d connections" % CONNECTIONS,
                   "%.2f (%.2f to %.2f)" % ratio, "≥ 0.70", ratio[1] >= 0.7)


def beside_list(options, root, verdicts):
    source = random.Random(1)
    # Milliseconds to a fifth of a second, with a long tail.
    delays = [min(0.8, 0.02 * source.lognormvariate(0, 0.9)) for _ in range(options.requests + 64)]
    paths = [servers.write(root + "/delaying.py", DELAYING), servers.write(root + "/delays", "\n".join(map(str, delays))),
             root + "/times"]
    address = servers.free_address()
    server = servers.Server(
        "delaying", ["/usr/bin/python3", paths[0], address.rsplit(":", 1)[1], paths[1], paths[2]], address)
    try:
        output, _ = cost([options.slipway, "load", "http://%s/" % address, "--rate", "150", "--requests", str(options.requests),
                          "--quiet", "--output", "json"])
    finally:
        server.stop()
    report = json.loads(output)
    with open(paths[2], encoding="utf-8") as file:
        times = [float(line) * 1e6 for line in file]
    assert len(times) == options.requests == report["all"]["latency"]["samples"], (len(times), report["counts"])
    rows = []
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        reference, found = figures.quantile(times, share), report["all"]["latency"][name]
        off = found / reference - 1
        rows.append((name, "%.2f ms" % (found / 1e3), "%.2f ms" % (reference / 1e3), "%+.2f %%" % (off * 100)))
        if name == "p99":
            verdicts.check("p99 beside the server's own list, %d requests" % options.requests, "%+.2f %%" % (off * 100),
                           "within 1 %", abs(off) <= 0.01)
    print("\n" + figures.table(("Percentile", "slipway load", "The server's list", "Off"), rows), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slipway", required=True, help="the executable")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=3, help="of each run")
    parser.add_argument("--requests", type=int, default=6000, help="beside the list")
    options = parser.parse_args()
    options.slipway = os.path.abspath(options.slipway)
    for program in ("wrk", "nginx"):
        if not shutil.which(program):
            raise SystemExit("%s is needed and is not installed" % program)
    print("## The load generator\n\n" + figures.machine())
    verdicts = figures.Verdicts()
    with tempfile.TemporaryDirectory(prefix="slw-bench-") as root:
        # The workers of an nginx that root started are somebody else.
        os.chmod(root, 0o755)
        beside_wrk(options, root, verdicts)
        beside_list(options, root, verdicts)
    verdicts.end()


if __name__ == "__main__":
    main()
