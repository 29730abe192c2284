#!/usr/bin/env python3
"""CPU time for each proxied request: Slipway's proxy beside nginx, HAProxy and Caddy, in one run.

All proxies run with one worker before the same two nginx upstreams that serve a 1 KiB file; wrk keeps the
connections busy. Rounds alternate their order (A B C D, D C B A, ...), so that drift of the machine falls on all alike.
What is reported is the ratio to each peer within a round: its median, with a 95 % interval from a bootstrap.

    compare.py --proxy-command '.build/release/slipway proxy-bench --listen {listen} --directory {dir}
                                --backend {backend1} --backend {backend2}'

Only the standard library is used. nginx and wrk are required; haproxy, caddy and strace are left out aloud if missing.
"""

import argparse
import json
import os
import random
import re
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")

NGINX_COMMON = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 2048; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 75s;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  {rest}
}}
"""

NGINX_UPSTREAM = "server {{ listen {listen}; root {dir}/html; }}"

NGINX_PROXY = """
  upstream web {{ server {backend1}; server {backend2}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen {listen};
    location / {{
      proxy_pass http://web; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto http;
      proxy_set_header X-Forwarded-Host $http_host;
    }}
  }}
"""

HAPROXY = """
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 3s
  timeout client 75s
  timeout server 60s
  http-reuse safe
  option forwardfor
frontend web
  bind {listen}
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend web
backend web
  balance roundrobin
  server one {backend1}
  server two {backend2}
"""

CADDY = """
{{
  admin off
  auto_https off
}}
http://{listen} {{
  reverse_proxy {backend1} {backend2} {{
    lb_policy round_robin
  }}
}}
"""


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % probe.getsockname()[1]


def wait_for(address, deadline=10.0):
    host, port = address.rsplit(":", 1)
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("nothing listens on %s after %.0f s" % (address, deadline))


class Server:
    """A process (and its children) that listens on an address."""

    def __init__(self, name, command, address, environment=None):
        self.name = name
        self.address = address
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, env=dict(os.environ, **(environment or {})))
        try:
            wait_for(address)
        except SystemExit:
            self.log.seek(0)
            sys.stderr.write(self.log.read().decode(errors="replace"))
            self.stop()
            raise

    def pids(self):
        children = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open("/proc/%s/stat" % entry) as file:
                        fields = file.read().rsplit(")", 1)[1].split()
                    children.setdefault(int(fields[1]), []).append(int(entry))
                except OSError:
                    continue
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo += children.get(pid, [])
        return found

    def cpu_seconds(self):
        total = 0
        for pid in self.pids():
            try:
                with open("/proc/%d/stat" % pid) as file:
                    fields = file.read().rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
            except OSError:
                continue
        return total / TICKS

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    return path


def nginx(folder, rest, address, name):
    os.makedirs(folder, exist_ok=True)
    text = NGINX_COMMON.format(dir=folder, rest=rest.format(dir=folder, listen=address))
    return Server(name, ["nginx", "-c", write(folder + "/nginx.conf", text)], address)


def start_upstream(folder, body_bytes):
    os.makedirs(folder + "/html", exist_ok=True)
    write(folder + "/html/file", "x" * body_bytes)
    return nginx(folder, NGINX_UPSTREAM, free_address(), "upstream")


def start_proxy(name, folder, backends, command):
    os.makedirs(folder, mode=0o700 if name == "slipway" else 0o755, exist_ok=True)
    address = free_address()
    words = dict(listen=address, backend1=backends[0], backend2=backends[1], dir=folder)
    if name == "slipway":
        return Server(name, [word.format(**words) for word in shlex.split(command)], address)
    if name == "nginx":
        return nginx(folder, NGINX_PROXY.replace("{dir}", folder).format(**words).replace("{", "{{").replace("}", "}}"),
                     address, name)
    if name == "haproxy":
        return Server(name, ["haproxy", "-f", write(folder + "/haproxy.cfg", HAPROXY.format(**words))], address)
    if name == "caddy":
        path = write(folder + "/Caddyfile", CADDY.format(**words))
        return Server(name, ["caddy", "run", "--config", path, "--adapter", "caddyfile"], address,
                      {"GOMAXPROCS": "1", "HOME": folder, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder})
    raise SystemExit("unknown peer " + name)


def load(address, connections, seconds):
    """Runs wrk; returns the answered requests and the latencies that it printed."""
    output = subprocess.run(
        ["wrk", "-t1", "-c%d" % connections, "-d%gs" % seconds, "--latency", "http://%s/file" % address],
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
    used = server.cpu_seconds() - before
    return {"microseconds": used / requests * 1e6, "requests": requests, "p99": p99, "per_second": requests / seconds}


def interval(values, samples=4000, seed=1):
    """The median and its 95 % interval by a percentile bootstrap."""
    random.seed(seed)
    medians = sorted(statistics.median(random.choices(values, k=len(values))) for _ in range(samples))
    return statistics.median(values), medians[int(samples * 0.025)], medians[int(samples * 0.975)]


def system_calls(server, connections, seconds):
    """System calls for each request, by name, from a short run of its own under strace."""
    pids = [word for pid in server.pids() for word in ("-p", str(pid))]
    trace = subprocess.Popen(["strace", "-c", "-f", *pids], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    time.sleep(0.5)
    requests, _ = load(server.address, connections, seconds)
    trace.send_signal(signal.SIGINT)
    text = trace.communicate(timeout=30)[1]
    calls = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 5 and re.fullmatch(r"[\d.]+", words[0]) and words[3].isdigit() and words[-1] != "total":
            calls[words[-1]] = int(words[3]) / requests
    return dict(sorted(calls.items(), key=lambda item: -item[1]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxy-command", required=True,
                        help="starts the proxy under test; {listen}, {backend1}, {backend2} and {dir} are filled in")
    parser.add_argument("--peers", default="nginx,haproxy,caddy")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--body-bytes", type=int, default=1024)
    parser.add_argument("--no-strace", action="store_true")
    parser.add_argument("--json", help="also write the numbers to this file")
    options = parser.parse_args()

    for needed in ("nginx", "wrk"):
        if not shutil.which(needed):
            raise SystemExit("%s is needed and is not installed" % needed)
    names = ["slipway"]
    for peer in options.peers.split(","):
        if shutil.which(peer):
            names.append(peer)
        else:
            print("%s is not installed: left out" % peer)

    root = tempfile.mkdtemp(prefix="proxy-bench-")
    # Started by root, nginx serves files as another user.
    os.chmod(root, 0o755)
    servers = []
    try:
        upstreams = [start_upstream("%s/upstream%d" % (root, number), options.body_bytes) for number in (1, 2)]
        servers += upstreams
        backends = [server.address for server in upstreams]
        proxies = {}
        for name in names:
            proxies[name] = start_proxy(name, root + "/" + name, backends, options.proxy_command)
            servers.append(proxies[name])
        for name in names:
            load(proxies[name].address, options.connections, 1)
        results = {name: [] for name in names}
        for turn in range(options.rounds):
            for name in names if turn % 2 == 0 else reversed(names):
                results[name].append(measure(proxies[name], options.connections, options.seconds))
            line = "  ".join("%s %.1f" % (name, results[name][-1]["microseconds"]) for name in names)
            print("round %2d: %s" % (turn + 1, line), flush=True)
        report(options, names, proxies, results)
    finally:
        for server in reversed(servers):
            server.stop()
        shutil.rmtree(root, ignore_errors=True)


def report(options, names, proxies, results):
    calls = {}
    if not options.no_strace and shutil.which("strace"):
        calls = {name: system_calls(proxies[name], options.connections, 2) for name in names}
    elif not options.no_strace:
        print("strace is not installed: no system calls")
    print("\n%-8s %12s %12s %9s %s" % ("proxy", "CPU µs/req", "requests/s", "p99", "calls/req"))
    for name in names:
        cpu = statistics.median(run["microseconds"] for run in results[name])
        rate = statistics.median(run["per_second"] for run in results[name])
        total = "%.2f" % sum(calls[name].values()) if name in calls else "-"
        print("%-8s %12.1f %12.0f %9s %s" % (name, cpu, rate, results[name][-1]["p99"], total))
    ratios = {}
    for peer in names[1:]:
        values = [ours["microseconds"] / theirs["microseconds"]
                  for ours, theirs in zip(results["slipway"], results[peer])]
        ratios[peer] = interval(values)
        print("CPU of a request, slipway / %-8s %.2f  (95 %%: %.2f to %.2f)" % ((peer,) + ratios[peer]))
    for name in calls:
        top = ", ".join("%s %.2f" % item for item in list(calls[name].items())[:6])
        print("calls of %s: %s" % (name, top))
    if options.json:
        write(options.json, json.dumps(
            {"rounds": results, "ratios": ratios, "system_calls": calls, "connections": options.connections,
             "body_bytes": options.body_bytes, "seconds": options.seconds}, indent=1) + "\n")


if __name__ == "__main__":
    main()
