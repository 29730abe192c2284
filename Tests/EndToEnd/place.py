"""What every end-to-end test stands on: a project directory with a state of its own, and waiting with a deadline."""

import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request


PORTS = itertools.cycle(range(10000, 12000))


def use_ports_of(worker):
    """Ports of a worker's own, below Slipway's and those of connections: tests side by side don't take each other's."""
    global PORTS
    first = 10000 + 2000 * (worker % 4)
    PORTS = itertools.cycle(range(first, first + 2000))


def free_port():
    for port in PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def may_mount():
    """Whether file systems and networks of one's own can be made here: root in a container often may not."""
    with open("/proc/self/status", encoding="ascii") as status:
        effective = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff:"))
    administers_the_system, administers_networks = 1 << 21, 1 << 12
    return effective & administers_the_system and effective & administers_networks


def eventually(condition, within, what):
    """Waits for a condition, with a deadline."""
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within}s: {what}")
        time.sleep(0.02)


def role_pid(role, state):
    """The pid of the keeper, supervisor or proxy of a state directory; None while there is none."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            if len(words) > 3 and words[1] == role.encode() and words[3] == state.encode():
                return int(pid)
    return None


class Place:
    """A project directory and a state of its own."""

    def __init__(self, name, slipway):
        self.name = name
        self.path = tempfile.mkdtemp(prefix="slw-")
        self.project = os.path.join(self.path, "p")
        os.mkdir(self.project)
        self.environment = dict(os.environ, SLIPWAY_STATE=os.path.join(self.path, "s"), NO_COLOR="1", LC_ALL="C.UTF-8")
        self.port = free_port()
        self.children = []
        self.slipway = slipway

    def write(self, name, text):
        path = os.path.join(self.project, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, *words, code=0, within=120):
        answer = subprocess.run(
            [self.slipway, *words], cwd=self.project, env=self.environment, capture_output=True, text=True, timeout=within,
            stdin=subprocess.DEVNULL)
        output = answer.stdout + answer.stderr
        if code is not None and answer.returncode != code:
            raise AssertionError(f"slipway {' '.join(words)}: exit {answer.returncode}, not {code}\n{output}")
        return output

    def start(self, *words):
        child = subprocess.Popen(
            [self.slipway, *words], cwd=self.project, env=self.environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.children.append(child)
        return child

    def status(self):
        return json.loads(self.run("status", "--output", "json", code=None))

    def service(self, name):
        return next(service for service in self.status()["services"] if service["name"] == name)

    def get(self, path="/", timeout=5):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def serves(self, text):
        """Whether this is what a request is answered; no answer in time is none."""
        try:
            return self.get() == (200, text)
        except TimeoutError:
            return False

    def load(self, seconds, rate=200, path="/"):
        return self.start("load", f"http://127.0.0.1:{self.port}{path}", "--rate", str(rate), "--for", f"{seconds}s",
                          "--output", "json", "--quiet")

    def pid_of(self, role):
        return role_pid(role, self.environment["SLIPWAY_STATE"])

    def leave(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
                child.wait()
        if self.pid_of("keeper"):
            self.run("shutdown", "--yes", code=None)
        with contextlib.suppress(AssertionError):
            eventually(lambda: not self.pid_of("keeper"), 20, "the keeper ends")
        shutil.rmtree(self.path, ignore_errors=True)

    def nginx(self, version, strategy="rolling: { maxSurge: 1, maxUnavailable: 0 }", replicas=2, extra=""):
        """One service: nginx, answering with its version."""
        self.write("nginx.conf.tmpl", f"""daemon off;
user root;
worker_processes 1;
pid ${{instance.files}}/nginx.pid;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path ${{instance.files}}/body;
    proxy_temp_path ${{instance.files}}/proxy;
    fastcgi_temp_path ${{instance.files}}/fastcgi;
    uwsgi_temp_path ${{instance.files}}/uwsgi;
    scgi_temp_path ${{instance.files}}/scgi;
    server {{
        listen ${{instance.host}}:${{instance.port}};
        location / {{ return 200 "version {version}\\n"; }}
    }}
}}
""")
        self.write("slipway.yaml", f"""version: 1
project: e2e
services:
  web:
    command: [/usr/sbin/nginx, -e, stderr, -p, "${{instance.files}}", -c, "${{instance.files}}/nginx.conf"]
    files: {{ nginx.conf: nginx.conf.tmpl }}
    port: 8080
    replicas: {replicas}
    routes: [{{ listen: {self.port} }}]
    probes: {{ readiness: {{ http: /, every: 500ms }} }}
    stop: {{ signal: QUIT }}
    drain: 5s
    strategy: {{ {strategy} }}
{extra}""")

    def program(self, command, strategy="rolling: {}", probes="", more=""):
        """One service: whatever command."""
        self.write("slipway.yaml", f"""version: 1
project: e2e
services:
  app:
    command: {json.dumps(command)}
    port: 8080
    routes: [{{ listen: {self.port} }}]
    probes: {{ {probes or "startup: { tcp: true, deadline: 3s }"} }}
    strategy: {{ {strategy} }}
{more}""")

    def shop(self, version, services=("api", "web"), strategies=None, tail="", more=None):
        """Several services, each a small server that answers with the version in its packed files. `web` needs `api` and
        asks it for every answer; the route is web's. `more`: lines by service."""
        strategies, more = strategies or {}, more or {}
        self.write("app/version", f"{version}\n")
        self.write("app/server.py", SHOP_SERVER)
        text = "version: 1\nproject: shop\nservices:\n"
        for name in services:
            strategy = strategies.get(name, "blueGreen: { scaleDownDelay: 20s }")
            text += f"""  {name}:
    artifact: {{ path: app }}
    command: [/usr/bin/python3, server.py, {name}]
    port: 8080
    replicas: 2
    drain: 5s
    probes: {{ readiness: {{ http: /ready, every: 500ms }} }}
    strategy: {{ {strategy} }}
"""
            if name == "web":
                text += f"    needs: [api]\n    routes: [{{ listen: {self.port} }}]\n"
            text += more.get(name, "")
        self.write("slipway.yaml", text + tail)

    def answer(self, path="/"):
        """What web says: its own version and api's."""
        status, text = self.get(path)
        assert status == 200, (status, text)
        return text.strip()


SHOP_SERVER = """
import http.server, os, sys, threading, urllib.request
NAME = sys.argv[1]
VERSION = open("version").read().strip() + os.environ.get("SUFFIX", "")

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        text = f"{NAME} {VERSION}"
        if NAME == "web" and self.path == "/":
            with urllib.request.urlopen(os.environ["API_URL"] + "/", timeout=5) as answer:
                text += ", " + answer.read().decode()
        body = text.encode()
        self.send_response(500 if self.path == "/check" and "bad" in VERSION and NAME == "web" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True

Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def no_failure(load):
    report = json.loads(load.communicate(timeout=90)[0])
    assert report["all"]["count"] > 500, report["all"]
    assert report["all"]["failures"] == 0, (report["counts"], report["failures"])
