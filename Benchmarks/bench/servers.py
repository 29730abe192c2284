"""Servers of other makers, and any process that listens: started on free loopback ports, stopped by pid."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time

NGINX_COMMON = """
daemon off; worker_processes 1; worker_rlimit_nofile 16384; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 75s;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  {rest}
}}
"""

NGINX_UPSTREAM = """
  server {{ listen {listen} backlog=4096; root {dir}/html; open_file_cache max=10; add_header X-Release "{release}"; }}
"""

NGINX_PROXY = """
  upstream web {{
    server {backend1}; server {backend2};
    keepalive 1024; keepalive_requests 1000000000;
  }}
  server {{
    listen {listen} backlog=4096;
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
  maxconn 8000
  {master}
defaults
  mode http
  timeout connect 3s
  timeout client 75s
  timeout server 60s
  http-reuse safe
  option forwardfor
frontend web
  bind {listen} backlog 4096 {bind}
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
  admin {admin}
  auto_https off
}}
http://{listen} {{
  reverse_proxy {backend1} {backend2} {{
    lb_policy round_robin
    transport http {{
      keepalive_idle_conns_per_host 1024
    }}
  }}
}}
"""


def free_address():
    """Of loopback, with a port that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % probe.getsockname()[1]


def eventually(condition, within, what):
    """Waits for a condition, with a deadline."""
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise SystemExit("not within %.0f s: %s" % (within, what))
        time.sleep(0.02)


def listens(address):
    """Whether somebody accepts there."""
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
        return True
    except OSError:
        return False


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def family(pid):
    """The process and its descendants."""
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open("/proc/%s/stat" % entry, encoding="utf-8", errors="replace") as file:
                children.setdefault(int(file.read().rsplit(")", 1)[1].split()[1]), []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def cpu_seconds(pids):
    """Time on a processor of all their threads, to the nanosecond, as the scheduler counts it."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for thread in os.listdir("/proc/%d/task" % pid):
                with open("/proc/%d/task/%s/schedstat" % (pid, thread), encoding="utf-8") as file:
                    total += int(file.read().split()[0])
    return total / 1e9


class Server:
    """A process (and its children) that listens on an address."""

    def __init__(self, name, command, address, environment=None):
        self.name = name
        self.address = address
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, env=dict(os.environ, **(environment or {})))
        try:
            eventually(lambda: listens(address) or self.process.poll() is not None, 10, "%s listens" % name)
            if self.process.poll() is not None:
                raise SystemExit("%s ended with %d" % (name, self.process.returncode))
        except SystemExit:
            self.log.seek(0)
            sys.stderr.write(self.log.read().decode(errors="replace"))
            self.stop()
            raise

    def pids(self):
        return family(self.process.pid)

    def cpu_seconds(self):
        return cpu_seconds(self.pids())

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                for pid in self.pids():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                self.process.wait()
        self.log.close()


def nginx_text(folder, rest, **words):
    """A configuration; `rest` is a part of `http`."""
    return NGINX_COMMON.format(dir=folder, rest=rest.format(dir=folder, **words))


def nginx(folder, text, address, name, environment=None):
    os.makedirs(folder, exist_ok=True)
    path = write(folder + "/nginx.conf", text)
    return Server(name, ["nginx", "-e", folder + "/error.log", "-c", path], address, environment)


def start_upstream(folder, body_bytes=1024, release="1"):
    """An nginx that serves `/file` of this size, and names its release in a header."""
    os.makedirs(folder + "/html", exist_ok=True)
    write(folder + "/html/file", "x" * body_bytes)
    address = free_address()
    return nginx(folder, nginx_text(folder, NGINX_UPSTREAM, listen=address, release=release), address, "upstream")


def start_proxy(name, folder, backends, command="", environment=None):
    """Slipway's proxy by its command, or a peer with one worker, before two backends."""
    os.makedirs(folder, mode=0o700 if name == "slipway" else 0o755, exist_ok=True)
    address = free_address()
    words = {"listen": address, "backend1": backends[0], "backend2": backends[1]}
    if name == "slipway":
        line = [word.format(dir=folder, **words) for word in shlex.split(command)]
        return Server(name, line, address, environment)
    if name == "nginx":
        return nginx(folder, nginx_text(folder, NGINX_PROXY, **words), address, name, environment)
    if name == "haproxy":
        path = write(folder + "/haproxy.cfg", HAPROXY.format(master="", bind="", **words))
        return Server(name, ["haproxy", "-f", path], address, environment)
    if name == "caddy":
        admin = free_address()
        path = write(folder + "/Caddyfile", CADDY.format(admin=admin, **words))
        surroundings = {"GOMAXPROCS": "1", "HOME": folder, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder}
        server = Server(name, ["caddy", "run", "--config", path, "--adapter", "caddyfile"], address,
                        dict(surroundings, **(environment or {})))
        server.admin = admin
        return server
    raise SystemExit("unknown peer " + name)
