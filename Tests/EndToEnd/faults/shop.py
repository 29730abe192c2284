"""The small shop that the faults strike at, the client that counts, and what must be true afterwards."""

import contextlib
import fcntl
import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

from place import Place, eventually

REPLICAS = 2
GATES = "gates: { up: { smoke: [{ get: /, status: 200 }], interval: 100ms } }\n"
STRATEGIES = {
    "rolling": "rolling: { maxSurge: 1, maxUnavailable: 0 }",
    "blueGreen": "blueGreen: { before: [up], scaleDownDelay: 0s }",
    "canary": "canary: { steps: [{ weight: 50% }, { gate: up }], scaleDownDelay: 0s }",
    "recreate": "recreate: { scaleDownDelay: 0s }",
}
COMMAND = ["/usr/sbin/nginx", "-e", "stderr", "-p", "${instance.files}", "-c", "${instance.files}/nginx.conf"]
NGINX = """daemon off;
user root;
worker_processes 1;
pid ${instance.files}/nginx.pid;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path ${instance.files}/body;
    proxy_temp_path ${instance.files}/proxy;
    fastcgi_temp_path ${instance.files}/fastcgi;
    uwsgi_temp_path ${instance.files}/uwsgi;
    scgi_temp_path ${instance.files}/scgi;
    server {
        listen ${instance.host}:${instance.port};
        location / { root ${artifact}; }
        location /ready { return 204; }
    }
}
"""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=3)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Client:
    """Constant load: two requests at a time, one of them on a connection that is kept."""

    def __init__(self, port):
        self.port = port
        self.count = 0
        self.failures = []
        self.versions = set()
        self.halt = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(kept,), daemon=True) for kept in (True, False)]
        for thread in self.threads:
            thread.start()

    def run(self, kept):
        connection = None
        while not self.halt.is_set():
            began = time.time()
            opened = began if connection is None else connection.opened
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=45)
                    connection.opened = began
                connection.request("GET", "/", headers={} if kept else {"Connection": "close"})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200:
                    raise AssertionError(f"status {answer.status}: {body[:80]!r}")
                self.versions.add(body.decode().strip())
                if not kept or answer.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.failures.append((began, time.time(), opened, f"{type(error).__name__}: {error}"))
                if connection is not None:
                    connection.close()
                connection = None
            self.count += 1
            self.halt.wait(0.06)
        if connection is not None:
            connection.close()

    def pass_by(self):
        """Returns when a request on each connection has ended that began after this call."""
        count = self.count
        eventually(lambda: self.count >= count + 2 * len(self.threads), 60, "requests are made")

    def stop(self):
        self.halt.set()
        for thread in self.threads:
            thread.join(30)


class Shop(Place):
    """One service of two instances, in a house whose processes carry `strike.so`."""

    def __init__(self, slipway, strategy, library):
        super().__init__("faults", slipway)
        self.strategy = strategy
        self.faults = os.path.join(self.path, "f")
        os.mkdir(self.faults)
        self.environment.update(SLIPWAY_FAULTS=self.faults, LD_PRELOAD=library)
        self.state = self.environment["SLIPWAY_STATE"]
        self.version = 0
        self.serial = 0
        self.keeper = None
        self.deaths = 0
        self.is_mounted = False

    def fault_file(self, name):
        return os.path.join(self.faults, name)

    def set_clock(self, wall=0, boot=0):
        """Milliseconds that the clocks of this house are ahead; before it starts, with zeroes, to change it later."""
        with open(self.fault_file("clock"), "r+b" if os.path.exists(self.fault_file("clock")) else "wb") as file:
            file.write(struct.pack("<qq", wall, boot))

    def new_version(self, extra="", command=None, files=None, probe=None, deadline="20s"):
        self.version += 1
        for name, text in (files or {}).items():
            self.write(name, text)
        self.write("app/index.html", f"version {self.version}\n")
        self.write("nginx.conf.tmpl", NGINX)
        self.write("slipway.yaml", f"""version: 1
project: shop
services:
  web:
    artifact: {{ path: app }}
    command: {json.dumps(command or COMMAND)}
    files: {{ nginx.conf: nginx.conf.tmpl }}
    port: 8080
    replicas: {REPLICAS}
    routes: [{{ listen: {self.port} }}]
    probes:
      startup: {{ http: /ready, every: 100ms, timeout: 500ms, deadline: {deadline} }}
      readiness: {probe or "{ http: /ready, every: 200ms, timeout: 1s }"}
    stop: {{ signal: {"TERM" if command else "QUIT"}, timeout: 5s }}
    drain: 2s
    strategy: {{ {STRATEGIES[self.strategy]} }}
{GATES if "up" in STRATEGIES[self.strategy] else ""}{extra}""")

    def up(self):
        self.new_version()
        self.run("up")
        self.client = Client(self.port)

    def ask(self, path):
        """The supervisor's own interface, without a process in between; None while it does not answer."""
        connection = UnixConnection(os.path.join(self.state, "run", "supervisor.sock"))
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            return json.loads(body) if answer.status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def status(self):
        return self.ask("/v1/environments/shop/dev/status")

    def arm(self, role, point, when, number, action, a=0, b=0):
        """From now on passes are written down, and one of them is struck."""
        self.serial += 1
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.fault_file("passed"))
        beside = self.fault_file("plan.new")
        with open(beside, "w", encoding="utf-8") as file:
            file.write(f"{self.serial} {role} {point} {when} {number} {action} {a} {b}\n")
        os.rename(beside, self.fault_file("plan"))

    def disarm(self):
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.fault_file("plan"))

    def fired(self):
        """When it struck, in seconds since 1970; None: not yet."""
        try:
            return os.stat(self.fault_file(f"fired-{self.serial}")).st_mtime
        except FileNotFoundError:
            return None

    def passes(self):
        with open(self.fault_file("passed"), encoding="utf-8") as file:
            return [line.split() for line in file]

    def has_keeper(self):
        """The keeper holds a lock as long as it lives."""
        with open(os.path.join(self.state, "keeper", "keeper.lock"), "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return False
            except BlockingIOError:
                return True

    def ensure_keeper(self):
        """What a systemd unit does: starts the keeper when it is gone."""
        if self.keeper is not None and self.keeper.poll() is not None:
            self.keeper = None
        if not self.has_keeper():
            self.keeper = subprocess.Popen(
                [self.slipway, "keeper", "--state", self.state], env=self.environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            return True
        return False

    def processes(self):
        """All processes of instances that run, as the system sees them: those that log into the state's pipes."""
        mark = os.path.join(self.state, "keeper", "pipes", "instance-")
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/2").startswith(mark):
                    found.append(int(pid))
        return found

    def masters(self):
        """Those of them that lead a session: one for each instance."""
        return [pid for pid in self.processes() if os.getsid(pid) == pid]

    def restart_client(self):
        self.client = Client(self.port)

    def leave(self):
        self.disarm()
        if hasattr(self, "client"):
            self.client.stop()
        pid = self.pid_of("proxy")
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.ensure_keeper()
        eventually(self.status, 15, "the supervisor answers")
        try:
            super().leave()
        finally:
            if self.is_mounted:
                subprocess.run(["umount", "-l", self.state], check=True)
                os.rmdir(self.state)
                shutil.rmtree(self.path, ignore_errors=True)
        if self.keeper is not None:
            self.keeper.wait()

    def settled(self):
        """The end of everything: no deployment under way, and exactly what stands runs, ready. None until then."""
        status = self.status()
        if not status or status.get("deployment"):
            return None
        service = next((service for service in status["services"] if service["name"] == "web"), None)
        if service is None or status["troubles"]:
            return None
        running = service["instances"]
        stands = [entry for entry in running if entry["phase"] == "ready"]
        if len(running) != REPLICAS or len(stands) != REPLICAS:
            return None
        return status if len(self.masters()) == REPLICAS else None
