#!/usr/bin/env python3
"""End-to-end tests: the real executable, real servers, loopback only. Each test has its own scratch directory and state,
a bounded time, and leaves nothing running."""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SLIPWAY = ""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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


class Place:
    """A project directory and a state of its own."""

    def __init__(self, name):
        self.name = name
        self.path = tempfile.mkdtemp(prefix="slw-")
        self.project = os.path.join(self.path, "p")
        os.mkdir(self.project)
        self.environment = dict(os.environ, SLIPWAY_STATE=os.path.join(self.path, "s"), NO_COLOR="1", LC_ALL="C.UTF-8")
        self.port = free_port()
        self.children = []

    def write(self, name, text):
        path = os.path.join(self.project, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, *words, code=0, within=120):
        answer = subprocess.run(
            [SLIPWAY, *words], cwd=self.project, env=self.environment, capture_output=True, text=True, timeout=within,
            stdin=subprocess.DEVNULL)
        output = answer.stdout + answer.stderr
        if code is not None and answer.returncode != code:
            raise AssertionError(f"slipway {' '.join(words)}: exit {answer.returncode}, not {code}\n{output}")
        return output

    def start(self, *words):
        child = subprocess.Popen(
            [SLIPWAY, *words], cwd=self.project, env=self.environment, stdout=subprocess.PIPE,
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

    def load(self, seconds, rate=200, path="/"):
        return self.start("load", f"http://127.0.0.1:{self.port}{path}", "--rate", str(rate), "--for", f"{seconds}s",
                          "--output", "json", "--quiet")

    def pid_of(self, role):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
                if len(words) > 3 and words[1] == role.encode() and words[3] == self.environment["SLIPWAY_STATE"].encode():
                    return int(pid)
        return None

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


# The tests.


def rolling_and_back_without_a_failed_request(place):
    place.nginx(1)
    place.run("up")
    assert place.get() == (200, "version 1\n")
    load = place.load(12)
    time.sleep(0.5)
    place.nginx(2)
    place.run("deploy")
    assert place.get() == (200, "version 2\n")
    place.run("rollback")
    assert place.get() == (200, "version 1\n")
    report = json.loads(load.communicate(timeout=60)[0])
    assert report["all"]["count"] > 1000, report["all"]
    assert report["all"]["failures"] == 0, (report["counts"], report["failures"])


def every_strategy_switches_without_a_failed_request(place):
    strategies = [
        "canary: { steps: [{ weight: 20% }, { weight: 60% }] }", "blueGreen: { before: [up] }", "recreate: {}",
        "rolling: { maxSurge: 0, maxUnavailable: 1 }",
    ]
    gates = "gates: { up: { smoke: [{ get: /, status: 200 }] } }\n"
    place.nginx(0, strategies[1], extra=gates)
    place.run("up")
    load = place.load(25, rate=100)
    for version, strategy in enumerate(strategies, start=1):
        place.nginx(version, strategy, extra=gates)
        place.run("deploy")
        assert place.get() == (200, f"version {version}\n")
    report = json.loads(load.communicate(timeout=90)[0])
    assert report["all"]["failures"] == 0, (report["counts"], report["failures"])


def the_supervisor_killed_in_a_rollout_comes_back_and_finishes(place):
    place.nginx(1, "canary: { steps: [{ weight: 50% }, { hold: 3s }] }")
    place.run("up")
    place.nginx(2, "canary: { steps: [{ weight: 50% }, { hold: 3s }] }")
    load = place.load(8)
    place.run("deploy", "--detach")
    eventually(lambda: (place.service("web").get("rollout") or {}).get("stage") == 1, 20, "the hold begins")
    instances = {entry["id"] for entry in place.service("web")["instances"]}
    for _ in range(3):
        os.kill(place.pid_of("supervisor"), signal.SIGKILL)
        eventually(lambda: place.pid_of("supervisor"), 10, "the keeper starts another supervisor")
        place.status()
    assert instances <= {entry["id"] for entry in place.service("web")["instances"]}, "instances are adopted"
    eventually(lambda: place.status()["last"]["number"] == 2, 30, "the deployment ends")
    assert place.status()["last"]["phase"] == "committed"
    assert place.get() == (200, "version 2\n")
    report = json.loads(load.communicate(timeout=60)[0])
    assert report["all"]["failures"] == 0, (report["counts"], report["failures"])


def the_proxy_killed_accepts_again_within_a_second(place):
    place.nginx(1)
    place.run("up")
    os.kill(place.pid_of("proxy"), signal.SIGKILL)
    started = time.monotonic()
    assert place.get(timeout=5) == (200, "version 1\n")
    assert time.monotonic() - started < 1, time.monotonic() - started
    place.nginx(2)
    place.run("deploy")
    assert place.get() == (200, "version 2\n")


def an_instance_killed_is_started_again(place):
    place.nginx(1)
    place.run("up")
    view = place.service("web")["instances"][0]
    state = place.environment["SLIPWAY_STATE"]
    with open(os.path.join(state, "instances", view["id"], "files", "nginx.pid"), encoding="utf-8") as file:
        os.kill(int(file.read()), signal.SIGKILL)
    eventually(lambda: any(entry["restarts"] > 0 and entry["phase"] == "ready"
                           for entry in place.service("web")["instances"]), 30, "it is ready again")
    assert place.get() == (200, "version 1\n")


def a_release_that_never_gets_ready_is_reverted_with_a_reason(place):
    place.nginx(1)
    place.run("up")
    with open(os.path.join(place.project, "slipway.yaml"), encoding="utf-8") as file:
        text = file.read()
    place.write("slipway.yaml", text.replace("http: /, every: 500ms", "http: /, every: 500ms, deadline: 2s").replace(
        "/usr/sbin/nginx, -e, stderr", "/usr/bin/python3, -c, \"import time; time.sleep(99)\""))
    output = place.run("deploy", code=3)
    assert "connection refused" in output.lower() or "refused" in output, output
    assert place.get() == (200, "version 1\n")
    output = place.run("deploy", code=1)
    assert "quarantine" in output, output
    assert "web@2" in place.run("quarantine", "list")
    place.run("quarantine", "lift", "web@2", "--reason", "a test")


def a_program_that_dies_is_explained(place):
    place.program(["/bin/sh", "-c", "echo the database is away >&2; exit 3"])
    output = place.run("up", code=3)
    assert "3" in output and "the database is away" in output, output


def a_program_that_is_missing_is_explained(place):
    place.program(["/usr/bin/no-such-program"])
    output = place.run("up", code=3)
    assert "no-such-program" in output, output


def a_port_in_use_is_explained(place):
    with socket.socket() as other:
        other.bind(("127.0.0.1", place.port))
        other.listen()
        place.nginx(1)
        output = place.run("up", code=3)
        assert str(place.port) in output, output


def a_program_that_ignores_term_is_killed(place):
    place.program(
        ["/usr/bin/python3", "-c",
         "import signal,http.server,os; signal.signal(15, signal.SIG_IGN); "
         "http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), "
         "http.server.SimpleHTTPRequestHandler).serve_forever()"], more="    stop: { timeout: 1s }\n    drain: 1s\n")
    place.run("up")
    place.run("down", within=30)
    assert place.service("app")["instances"] == []
    place.run("up")
    assert place.get()[0] == 200


def instances(place, name, release=None):
    return [entry for entry in place.service(name)["instances"]
            if entry["phase"] == "ready" and release in (None, entry["release"])]


def load_scales_a_service_up_and_down_without_a_failed_request(place):
    scale = "    scale: { min: 1, max: 3, requests: 40/s, stabilise: { up: 2s, down: 5s } }\n"
    place.nginx(1, replicas=1, extra=scale)
    place.run("up")
    assert len(instances(place, "web")) == 1
    load = place.load(30, rate=100)
    eventually(lambda: len(instances(place, "web")) == 3, 20, "three instances")
    text = place.run("status")
    assert "of 1 to 3" in text and "requests (40/s an instance wanted)" in text, text
    # A new release begins with what the load needs now, not with what the manifest says.
    place.nginx(2, replicas=1, extra=scale)
    place.run("deploy")
    assert len(instances(place, "web", 2)) == 3, place.service("web")["instances"]
    report = json.loads(load.communicate(timeout=60)[0])
    assert report["all"]["count"] > 2000, report["all"]
    assert report["all"]["failures"] == 0, (report["counts"], report["failures"])
    load = place.load(15, rate=10)
    eventually(lambda: len(place.service("web")["instances"]) == 1, 40, "one instance again")
    report = json.loads(load.communicate(timeout=60)[0])
    assert report["all"]["failures"] == 0, (report["counts"], report["failures"])


def a_count_by_hand_holds_until_it_is_given_back(place):
    place.nginx(1, replicas=1)
    place.run("up")
    load = place.load(8)
    assert "3 instances" in place.run("scale", "web", "3")
    eventually(lambda: len(instances(place, "web")) == 3, 20, "three instances")
    assert "runs 3: set by" in place.run("status"), place.run("status")
    os.kill(place.pid_of("supervisor"), signal.SIGKILL)
    place.nginx(2, replicas=1)
    eventually(lambda: place.pid_of("supervisor"), 20, "the supervisor is back")
    place.run("deploy")
    assert len(instances(place, "web", 2)) == 3, place.service("web")["instances"]
    place.run("scale", "web", "auto")
    eventually(lambda: len(place.service("web")["instances"]) == 1, 20, "as many as the manifest says")
    place.run("scale", "web", "2", "--for", "1s")
    eventually(lambda: len(instances(place, "web")) == 2, 20, "two instances for a while")
    eventually(lambda: len(place.service("web")["instances"]) == 1, 20, "and it is given back")
    report = json.loads(load.communicate(timeout=60)[0])
    assert report["all"]["failures"] == 0, (report["counts"], report["failures"])
    assert "auto" in place.run("scale", "web", "many", code=2)


def more_memory_than_allowed_is_a_restart_with_its_reason(place):
    place.program(["/usr/bin/python3", "-c", """
import http.server, os
kept = []
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/grow":
            kept.append(bytearray(200 << 20))
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()
"""], more="    resources: { memory: 100Mi }\n")
    place.run("up")
    assert place.get("/grow")[0] == 200
    view = eventually(lambda: next((entry for entry in place.service("app")["instances"]
                                    if entry["restarts"] > 0 and entry["phase"] == "ready"), None),
                      30, "it is ready again")
    assert "memory" in view["lastEnd"] and "limit of 100Mi" in view["lastEnd"], view
    assert "limit of 100Mi" in place.run("status")
    text = place.run("logs", "app")
    assert "[slipway]" in text and "limit of 100Mi" in text and "137" not in text, text
    assert place.get()[0] == 200


def a_crash_loop_is_shown_with_its_last_lines(place):
    sick = os.path.join(place.path, "sick")
    place.program(["/usr/bin/python3", "-c", """
import http.server, os, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/die":
            os._exit(7)
        self.send_response(200)
        self.end_headers()
if os.path.exists(os.environ["SICK"]):
    print("the licence has run out", file=sys.stderr, flush=True)
    sys.exit(7)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()
"""], more=f"    env: {{ SICK: {sick} }}\n")
    place.run("up")
    with open(sick, "w", encoding="utf-8"):
        pass
    place.get("/die", timeout=10)
    eventually(lambda: any((entry.get("streak") or 0) >= 3 for entry in place.service("app")["instances"]),
               40, "three ends in a row")
    text = place.run("status")
    assert "crash loop" in text and "exited with code 7" in text and "the licence has run out" in text, text
    text = place.run("logs", "app")
    assert "[slipway] exited with code 7" in text and "a crash loop" in text, text
    os.unlink(sick)
    eventually(lambda: instances(place, "app"), 60, "it is ready again")
    assert place.get()[0] == 200


def a_second_deploy_is_refused_and_an_abort_goes_back(place):
    hold = "canary: { steps: [{ weight: 50% }, { hold: untilPromoted }] }"
    place.nginx(1, hold)
    place.run("up")
    place.nginx(2, hold)
    output = place.run("deploy", code=4)
    assert "promote" in output, output
    place.nginx(3, hold)
    assert "under way" in place.run("deploy", code=1)
    place.run("abort", "--reason", "a test", code=3)
    assert place.get() == (200, "version 1\n")
    place.run("deploy", code=4)
    place.run("promote")
    eventually(lambda: place.status()["last"]["phase"] == "committed", 30, "the deployment is committed")
    assert place.get() == (200, "version 3\n")


def bad_manifests_and_bad_words_get_usage_errors(place):
    place.write("slipway.yaml", "version: 1\nproject: x\nservices:\n  a: { replicass: 2, needs: [a] }\n")
    output = place.run("deploy", code=2)
    assert "replicas" in output and "slipway.yaml:4" in output, output
    place.run("no-such-verb", code=2)
    place.run("status", "--project", "x", code=1)


def a_read_only_state_directory_is_refused(place):
    place.nginx(1)
    if os.geteuid() == 0:
        path = os.path.join(place.path, "ro")
        os.mkdir(path)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", path], check=True)
        try:
            output = place.run("up", "--state", path + "/s", code=1)
        finally:
            subprocess.run(["umount", path], check=True)
    else:
        os.mkdir(os.path.join(place.path, "ro"), 0o500)
        output = place.run("up", "--state", os.path.join(place.path, "ro", "s"), code=1)
    assert "state" in output, output


def a_state_from_a_later_version_is_refused(place):
    import sqlite3
    place.nginx(1)
    place.run("up")
    place.run("shutdown", "--yes")
    path = os.path.join(place.environment["SLIPWAY_STATE"], "journal", "journal.db")
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
        database.commit()
    output = place.run("up", code=1)
    assert "format 99" in output and "Nothing was changed" in output, output


def a_restart_replaces_the_roles_and_nothing_else(place):
    place.nginx(1)
    place.run("up")
    before = {entry["id"] for entry in place.service("web")["instances"]}
    roles = place.pid_of("supervisor"), place.pid_of("proxy")
    load = place.load(8)
    for _ in range(2):
        place.run("restart")
    eventually(lambda: place.pid_of("supervisor") not in (None, roles[0]), 10, "another supervisor runs")
    eventually(lambda: place.pid_of("proxy") not in (None, roles[1]), 40, "another proxy runs alone")
    assert before == {entry["id"] for entry in place.service("web")["instances"]}
    place.nginx(2)
    place.run("deploy")
    assert place.get() == (200, "version 2\n")
    report = json.loads(load.communicate(timeout=60)[0])
    assert report["all"]["failures"] == 0, (report["counts"], report["failures"])


def state_survives_a_stop(place):
    place.nginx(1)
    place.run("up")
    place.run("shutdown", "--yes")
    place.run("status", code=1)
    place.run("up")
    assert place.get() == (200, "version 1\n")
    assert "the chain is whole" in place.run("journal", "verify")
    events = place.run("journal", "export").strip().splitlines()
    assert len([json.loads(line) for line in events]) > 5


def the_demo_passes_and_fails_without_its_gate(place):
    demo = os.path.join(ROOT, "Examples", "shop", "demo.py")
    good = subprocess.run([sys.executable, demo, "--slipway", SLIPWAY, "--seed", "7"], capture_output=True, text=True,
                          timeout=300)
    assert good.returncode == 0, good.stdout[-3000:] + good.stderr[-2000:]
    bad = subprocess.run([sys.executable, demo, "--slipway", SLIPWAY, "--seed", "7", "--without-gate"],
                         capture_output=True, text=True, timeout=300)
    assert bad.returncode == 1, bad.stdout[-3000:] + bad.stderr[-2000:]
    assert "✗ the bad release was caught" in bad.stdout, bad.stdout[-3000:]


TESTS = [
    rolling_and_back_without_a_failed_request,
    every_strategy_switches_without_a_failed_request,
    the_supervisor_killed_in_a_rollout_comes_back_and_finishes,
    the_proxy_killed_accepts_again_within_a_second,
    an_instance_killed_is_started_again,
    a_release_that_never_gets_ready_is_reverted_with_a_reason,
    a_program_that_dies_is_explained,
    a_program_that_is_missing_is_explained,
    a_port_in_use_is_explained,
    a_program_that_ignores_term_is_killed,
    load_scales_a_service_up_and_down_without_a_failed_request,
    a_count_by_hand_holds_until_it_is_given_back,
    more_memory_than_allowed_is_a_restart_with_its_reason,
    a_crash_loop_is_shown_with_its_last_lines,
    a_second_deploy_is_refused_and_an_abort_goes_back,
    bad_manifests_and_bad_words_get_usage_errors,
    a_read_only_state_directory_is_refused,
    a_state_from_a_later_version_is_refused,
    a_restart_replaces_the_roles_and_nothing_else,
    state_survives_a_stop,
    the_demo_passes_and_fails_without_its_gate,
]


def main():
    global SLIPWAY
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slipway", required=True)
    parser.add_argument("--only", default="", help="tests whose name contains this")
    options = parser.parse_args()
    SLIPWAY = os.path.abspath(options.slipway)
    passed = failed = 0
    for test in TESTS:
        if not re.search(options.only, test.__name__):
            continue
        place = Place(test.__name__)
        started = time.monotonic()
        try:
            test(place)
            passed += 1
            print(f"ok      {test.__name__} ({time.monotonic() - started:.1f}s)", flush=True)
        except Exception:  # A failed test must not keep the others from running.
            failed += 1
            print(f"FAILED  {test.__name__} ({time.monotonic() - started:.1f}s)\n{traceback.format_exc()}", flush=True)
        finally:
            place.leave()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
