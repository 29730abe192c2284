"""Slipway with a state of its own: what a person would type, what the roles cost, nothing left behind."""

import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from bench import servers

ROLES = ("keeper", "supervisor", "proxy")


class Place:
    """A project directory and a state directory under /tmp (sockets need short paths)."""

    def __init__(self, slipway):
        self.slipway = os.path.abspath(slipway)
        self.path = tempfile.mkdtemp(prefix="slw-bench-")
        self.project = os.path.join(self.path, "p")
        os.mkdir(self.project)
        self.state = os.path.join(self.path, "s")
        self.environment = dict(os.environ, SLIPWAY_STATE=self.state, NO_COLOR="1", LC_ALL="C.UTF-8")
        self.loads = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for load in self.loads:
            if load.poll() is None:
                load.kill()
                load.wait()
        if self.pid("keeper"):
            self.run("shutdown", "--yes", accept=(0, 1))
            servers.eventually(lambda: not self.pid("keeper"), 60, "the keeper ends")
        shutil.rmtree(self.path, ignore_errors=True)

    def write(self, name, text):
        path = os.path.join(self.project, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return servers.write(path, text)

    def run(self, *words, accept=(0,), within=300):
        """Runs a command; returns its output and the seconds that it took."""
        began = time.monotonic()
        answer = subprocess.run(
            [self.slipway, *words], cwd=self.project, env=self.environment, capture_output=True, text=True,
            timeout=within, stdin=subprocess.DEVNULL)
        took = time.monotonic() - began
        if answer.returncode not in accept:
            raise SystemExit("slipway %s ended with %d\n%s%s" % (
                " ".join(words), answer.returncode, answer.stdout, answer.stderr))
        return answer.stdout, took

    def run_at_once(self, commands, within=300):
        """Runs commands side by side; returns the seconds until the last of them ended."""
        began = time.monotonic()
        running = [
            subprocess.Popen([self.slipway, *words], cwd=self.project, env=self.environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
            for words in commands]
        self.loads += running
        # By threads: a pipe that nobody empties would hold a command up.
        with concurrent.futures.ThreadPoolExecutor(len(running)) as readers:
            outputs = list(readers.map(lambda command: command.communicate(timeout=within)[0], running))
        took = time.monotonic() - began
        for words, command, output in zip(commands, running, outputs):
            if command.returncode != 0:
                raise SystemExit("slipway %s ended with %d\n%s" % (" ".join(words), command.returncode, output))
        return took

    def ask(self, *words):
        return json.loads(self.run(*words, "--output", "json")[0])

    def pid(self, role):
        """Of a role on this state; nil when it does not run."""
        for entry in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open("/proc/%s/cmdline" % entry, "rb") as file:
                    words = file.read().split(b"\0")
                if len(words) > 3 and words[1] == role.encode() and words[3] == self.state.encode():
                    return int(entry)
        return None

    def start_load(self, url, *words):
        """`slipway load` beside what follows; ended by `end_load`."""
        load = subprocess.Popen(
            [self.slipway, "load", url, *words, "--output", "json", "--quiet"], cwd=self.project, env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.loads.append(load)
        return load

    def end_load(self, load):
        """Stops it and returns its report."""
        if load.poll() is None:
            load.send_signal(signal.SIGINT)
        output, errors = load.communicate(timeout=60)
        if not output:
            raise SystemExit("slipway load ended with %d\n%s" % (load.returncode, errors))
        return json.loads(output)


def memory(pid):
    """What a process holds, in KiB: `rss` with everything it shares, `pss` with its part of that, `private` alone."""
    sizes = {}
    with open("/proc/%d/smaps_rollup" % pid, encoding="utf-8") as file:
        for name, value in re.findall(r"^(\w+):\s+(\d+) kB", file.read(), re.MULTILINE):
            sizes[name] = int(value)
    return {"rss": sizes["Rss"], "pss": sizes["Pss"], "private": sizes["Private_Clean"] + sizes["Private_Dirty"],
            "anonymous": sizes["Anonymous"]}


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def threads(pid):
    return len(os.listdir("/proc/%d/task" % pid))


def failures(report):
    """Kinds of failures that `slipway load` counted, without those that did not happen."""
    kinds = ("status4xx", "status5xx", "refused", "reset", "closedEarly", "staleConnection", "timeout", "malformed",
             "connectFailed", "dropped")
    return {kind: report["counts"][kind] for kind in kinds if report["counts"].get(kind)}


def nginx_manifest(port, strategy="blueGreen: { scaleDownDelay: 0s }", replicas=2, more=""):
    """One service: nginx from a template, with what `version` and `body` say in its environment-free configuration."""
    return """version: 1
project: bench
services:
  web:
    command: [/usr/sbin/nginx, -e, stderr, -p, "${instance.files}", -c, "${instance.files}/nginx.conf"]
    files: { nginx.conf: nginx.conf.tmpl }
    port: 8080
    replicas: %d
    routes: [{ listen: %d }]
    probes: { readiness: { http: /, every: 500ms } }
    stop: { signal: QUIT }
    drain: 10s
    strategy: { %s }
%s""" % (replicas, port, strategy, more)


def nginx_template(version, body_bytes=1024):
    """Answers `/file` and everything else from memory, with its version in a header."""
    return """daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 16384;
pid ${instance.files}/nginx.pid;
events { worker_connections 4096; }
http {
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path ${instance.files}/body;
    proxy_temp_path ${instance.files}/proxy;
    fastcgi_temp_path ${instance.files}/fastcgi;
    uwsgi_temp_path ${instance.files}/uwsgi;
    scgi_temp_path ${instance.files}/scgi;
    server {
        listen ${instance.host}:${instance.port} backlog=4096;
        add_header X-Release "%s";
        location / { return 200 "%s"; }
    }
}
""" % (version, "x" * body_bytes)
