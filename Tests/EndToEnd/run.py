#!/usr/bin/env python3
"""End-to-end tests: the real executable, real servers, loopback only. Each test has its own scratch directory and state,
a bounded time, and leaves nothing running."""

import argparse
import concurrent.futures
import contextlib
import hashlib
import hmac
import http.client
import http.server
import json
import multiprocessing
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import urllib.request

import analysis
import catalogue
import clusterserver
import fresh
import keyboard
import kubernetes
import loading
import metrics
import ownmetrics
import postgres
import proxies
import remote
import registry
import rendering
import replay
from place import Place, eventually, free_port, may_mount, no_failure, use_ports_of

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SLIPWAY = ""


class Receiver:
    """An HTTP server that keeps what it is sent and answers as it is told."""

    def __init__(self):
        receiver = self
        self.got = []
        self.status = 200
        self.delay = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *words):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.delay:
                    time.sleep(receiver.delay)
                status = receiver.status
                receiver.got.append((status, {name.lower(): value for name, value in self.headers.items()}, body))
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def kinds(self, status=200):
        return [headers["x-slipway-event"] for answered, headers, _ in self.got if answered == status]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


MAIL_SERVER = """
import asyncio, email, email.policy, sys
from aiosmtpd.smtp import SMTP
class Handler:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        print(envelope.rcpt_tos[0], mail["Subject"], flush=True)
        return "250 taken"
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler(), hostname="mail.test", loop=loop), "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
"""


# The tests.


def channels_are_told_signed_and_once(place):
    secret = os.path.join(place.path, "secret")
    with open(secret, "w", encoding="utf-8") as file:
        file.write("s3cret\n")
    mail_port = free_port()
    mail = subprocess.Popen(["/usr/bin/python3", "-c", MAIL_SERVER, str(mail_port)], stdout=subprocess.PIPE, text=True)
    place.children.append(mail)
    with Receiver() as receiver:
        notify = f"""notify:
  ops: {{ webhook: {{ url: "http://127.0.0.1:{receiver.port}/x", secret: "file:{secret}" }} }}
  people:
    email: {{ to: [ops@example.com], from: slipway@example.com, server: "127.0.0.1:{mail_port}" }}
    events: [reverted]
"""
        good = "gates: { up: { smoke: [{ get: /, status: 200 }] } }\n"
        place.nginx(1, "blueGreen: { before: [up] }", extra=good + notify)
        place.run("up")
        eventually(lambda: receiver.kinds() == ["started", "committed"], 20, "both are told")
        _, headers, body = receiver.got[0]
        code = hmac.new(b"s3cret", headers["x-slipway-timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
        assert headers["x-slipway-signature"] == "sha256=" + code, headers
        assert json.loads(body)["deployment"] == 1, body

        # While the receiver is away a bad release goes back, and the supervisor is killed: it is told later, once.
        receiver.status = 503
        place.nginx(2, "blueGreen: { before: [up] }", extra=good.replace("200", "201") + notify)
        place.run("deploy", code=3)
        os.kill(place.pid_of("supervisor"), signal.SIGKILL)
        receiver.status = 200
        eventually(lambda: receiver.kinds()[2:] == ["started", "failed", "quarantined", "reverted"], 40, "all are told")
        ids = [headers["idempotency-key"] for status, headers, _ in receiver.got if status == 200]
        assert len(set(ids)) == 6, ids
        line = mail.stdout.readline()
        assert line.startswith("ops@example.com [slipway] e2e/dev: deployment #2 reverted"), line

        # One that says no for good is a warning, and a test says how it goes now.
        receiver.status = 410
        assert "ops: 127.0.0.1 answered 410" in place.run("notify", "test", "--channel", "ops", code=1)
        place.nginx(3, extra=notify)
        place.run("deploy")
        eventually(lambda: "given up: 127.0.0.1 answered 410" in place.run("status"), 20, "status warns")
        assert "given up" in place.run("doctor", code=None)
        receiver.status = 200
        assert "took the test" in place.run("notify", "test")
        place.nginx(4, extra=notify)
        place.run("deploy")
        eventually(lambda: "given up" not in place.run("status"), 20, "the warning is gone")

        # A receiver that hangs delays no deployment.
        receiver.delay = 30
        place.nginx(5, extra=notify)
        started = time.monotonic()
        place.run("deploy")
        assert time.monotonic() - started < 15, time.monotonic() - started
    with open(os.path.join(place.environment["SLIPWAY_STATE"], "journal", "journal.db"), "rb") as file:
        assert b"s3cret" not in file.read()



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
        shown = {entry["id"] for entry in place.service("web")["instances"]}
        assert instances <= shown, f"at once {instances} are shown, not {shown}"
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
    output = place.run("up", code=1)
    assert "no-such-program" in output and "nothing was touched" in output, output
    output = place.run("up", "--skip-preflight", "a test", code=3)
    assert "no-such-program" in output, output
    assert "pre-flight skipped: a test" in place.run("history", "1")


def a_port_in_use_is_explained(place):
    with socket.socket() as other:
        other.bind(("127.0.0.1", place.port))
        other.listen()
        place.nginx(1)
        output = place.run("up", code=1)
        assert f"127.0.0.1:{place.port} is in use by python3" in output, output
        output = place.run("up", "--skip-preflight", "a test", code=3)
        assert str(place.port) in output, output


def a_port_that_only_the_new_release_wants_is_no_obstacle_to_going_back(place):
    place.nginx(1)
    place.run("up")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with open(os.path.join(place.project, "slipway.yaml"), encoding="utf-8") as file:
            text = file.read()
        place.write("slipway.yaml", text.replace(f"listen: {place.port}", f"listen: {taken}"))
        output = place.run("deploy", "--skip-preflight", "what it would find is tried", code=3, within=40)
        assert str(taken) in output, output
        assert place.get() == (200, "version 1\n")
        assert place.status()["troubles"] == [], place.status()["troubles"]


def hooks_run_are_journaled_and_block_no_revert(place):
    log = os.path.join(place.path, "log")
    say = f'echo "$SLIPWAY_HOOK $SLIPWAY_DEPLOYMENT $SLIPWAY_SERVICE $SLIPWAY_RELEASE $SLIPWAY_OUTCOME" >> {log}; echo said'

    def lines():
        with contextlib.suppress(FileNotFoundError), open(log, encoding="utf-8") as file:
            return file.read().split("\n")[:-1]
        return []

    def hooks(before="true", promote="true"):
        return "hooks:\n" + "".join(
            f"  {point.lower()}: {{ at: {point}, command: [sh, -c, {json.dumps(say + '; ' + end)}], timeout: 20s }}\n"
            for point, end in [("beforeDeploy", before), ("afterDeploy", "true"), ("beforePromote", promote),
                               ("afterPromote", "exit 7"), ("beforeRevert", "sleep 15"), ("afterRevert", "true")])

    place.nginx(1, extra=hooks())
    place.run("up")
    wanted = ["  web 1 ", "afterDeploy 1   committed", "afterPromote 1   committed", "beforeDeploy 1 web 1 "]
    eventually(lambda: sorted(lines()) == wanted, 20, f"four hooks have run, not {lines()}")
    story = eventually(lambda: (text := place.run("history", "1")).count("exit code") >= 3 and text, 20, "they ended")
    assert "beforedeploy (beforeDeploy): exit code 0" in story and "said" in story, story
    assert "afterpromote (afterPromote): exit code 7" in story, story
    eventually(lambda: "afterpromote: exit code 7" in place.run("status"), 10, "status warns")

    # One that fails before the deployment stops it before anything is touched.
    place.nginx(2, extra=hooks(before="echo not today; exit 3"))
    output = place.run("deploy", code=1)
    assert "exit code 3: not today" in output and "nothing was touched" in output, output
    assert place.status()["last"]["number"] == 1

    # One that fails before promotion is a failed gate; a hook that takes its time holds up no revert.
    place.nginx(2, extra=hooks(promote="exit 4"))
    started = time.monotonic()
    output = place.run("deploy", code=3)
    assert "hook-beforepromote" in output, output
    assert time.monotonic() - started < 12, time.monotonic() - started
    assert place.get() == (200, "version 1\n")
    eventually(lambda: any(line.startswith("afterRevert 2") for line in lines()), 30, "the hook after the revert")
    assert any(line.startswith("beforeRevert 2 web 2 failed") for line in lines()), lines()

    # A supervisor that dies while a hook runs does not run it again.
    count = len([line for line in lines() if line.startswith("beforeRevert")])
    os.kill(place.pid_of("supervisor"), signal.SIGKILL)
    place.status()
    place.nginx(3, extra=hooks())
    place.run("deploy")
    eventually(lambda: any(line.startswith("afterDeploy 3") for line in lines()), 20, "hooks go on")
    assert len([line for line in lines() if line.startswith("beforeRevert")]) == count, lines()


def a_machine_that_is_not_ready_is_told_all_at_once(place):
    with socket.socket() as other:
        other.bind(("127.0.0.1", place.port))
        other.listen()
        place.program(["/usr/bin/no-such-program"], more="""    resources: { memory: 900Gi }
gates: { check: { command: [no-such-check] } }
""", strategy="rolling: { gates: [check] }")
        output = place.run("up", code=1)
        for words in ["no-such-program", "no-such-check", "in use by python3", "1 instance more ask for 921600 MiB",
                      "nothing was touched"]:
            assert words in output, (words, output)
        assert place.status()["services"] == [], output
        doctor = place.run("doctor", code=1)
        for words in ["no-such-program", "no-such-check", "in use by python3", "921600 MiB"]:
            assert words in doctor, (words, doctor)
    place.nginx(1)
    place.run("up")
    # What Slipway listens on itself is in nobody's way.
    place.nginx(2)
    place.run("deploy")
    place.run("doctor")


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
    if os.geteuid() == 0 and not may_mount():
        print("skipped: a directory that root cannot write needs a mount", flush=True)
        return
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


def commands_that_start_slipway_at_the_same_moment_all_pass(place):
    names = [f"e2e-{number}" for number in range(6)]
    for name in names:
        place.write(f"{name}/slipway.yaml", f"version: 1\nproject: {name}\nservices:\n  job:\n    command: [sleep, 1d]\n")
    commands = [place.start("deploy", "--file", f"{name}/slipway.yaml") for name in names]
    for command in commands:
        output = command.communicate(timeout=60)[0]
        assert command.returncode == 0, output


def gates_wait_for_another_person(place):
    gates = "gates: { ok: { approval: { by: other, within: 1h } } }\n"
    strategy = "canary: { steps: [{ weight: 50% }, { gate: ok }] }"
    door = os.path.join(place.path, "door")
    os.mkdir(door)
    os.chmod(place.path, 0o755)
    os.chmod(door, 0o755)
    place.environment["SLIPWAY_APPROVALS"] = os.path.join(door, "a.sock")
    place.nginx(1)
    place.run("up")
    place.nginx(2, strategy, extra=gates)
    assert "waits" in place.run("deploy", code=4)
    refused = place.run("approve", "web", "ok", "--reason", "my own", code=1)
    assert "another user than" in refused, refused
    assert "another user" in place.run("promote", "--skip-gate", "--reason", "hurry", code=1)
    os.kill(place.pid_of("supervisor"), signal.SIGKILL)
    waiting = eventually(lambda: (place.service("web").get("rollout") or {}).get("waitsFor"), 20, "it waits still")
    assert "slipway approve web ok" in waiting, waiting
    if os.geteuid() != 0:
        print("SKIPPED: only root can be another user, so nobody approves", flush=True)
        place.run("abort", code=3)
        return
    # The other user can neither enter the state nor use the supervisor's own socket.
    program = os.path.join(place.path, "slipway")
    shutil.copy(SLIPWAY, program)
    eventually(lambda: os.path.exists(place.environment["SLIPWAY_APPROVALS"]), 10, "the door is open again")

    def other(*words):
        answer = subprocess.run([program, *words], cwd=place.project, env=place.environment, capture_output=True, text=True,
                                timeout=30, user=65534, group=65534, extra_groups=[], stdin=subprocess.DEVNULL)
        return answer.returncode, answer.stdout + answer.stderr
    code, output = other("approve", "web", "ok", "--reason", "tried it", "--file",
                         os.path.join(place.project, "slipway.yaml"))
    assert code == 0, output
    eventually(lambda: place.status()["last"]["number"] == 2, 30, "the deployment ends")
    assert place.status()["last"]["phase"] == "committed"
    story = place.run("history", "2")
    assert "approved ok: tried it, by nobody" in story, story
    place.nginx(3, strategy, extra=gates)
    place.run("deploy", code=4)
    place.run("reject", "web", "ok", "--reason", "not today")
    eventually(lambda: place.status()["last"]["number"] == 3, 30, "it goes back")
    assert place.status()["last"]["phase"] == "reverted"
    assert "not today" in place.run("quarantine"), "a no is remembered"


def gates_ask_another_system_and_put_on_load(place):
    import hashlib
    import hmac
    import http.server
    import threading
    seen = []
    answers = {"verdict": "pass"}

    class Judge(http.server.BaseHTTPRequestHandler):
        def log_message(self, *words):
            pass

        def do_POST(self):
            data = self.rfile.read(int(self.headers["Content-Length"]))
            code = hmac.new(b"s3cret-of-the-gate", data, hashlib.sha256).hexdigest()
            seen.append((json.loads(data), self.headers["X-Slipway-Signature"] == f"sha256={code}"))
            while "verdict" not in answers:
                time.sleep(0.02)
            body = json.dumps(answers).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

    judge = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Judge)
    threading.Thread(target=judge.serve_forever, daemon=True).start()
    secret = os.path.join(place.path, "secret")
    with open(secret, "w", encoding="utf-8") as file:
        file.write("s3cret-of-the-gate\n")
    url = f"http://127.0.0.1:{judge.server_port}/gate"
    gates = f"""gates:
  ask: {{ webhook: {{ url: "{url}", secretFile: {secret} }} }}
  speed: {{ load: {{ perSecond: 100, for: 1s, errorRate: "<= 0.1%", p95: "<= 2s", minRequests: 50 }} }}
"""
    strategy = "canary: { steps: [{ gate: speed }, { gate: ask }, { weight: 50% }] }"
    try:
        place.nginx(1)
        place.run("up")
        place.nginx(2, strategy, extra=gates)
        place.run("deploy")
        assert place.get() == (200, "version 2\n")
        story = place.run("history", "2")
        assert "every limit kept" in story, story
        assert [signed for _, signed in seen] == [True], seen
        assert (seen[0][0]["service"], seen[0][0]["release"], seen[0][0]["stable"]) == ("web", 2, 1), seen
        # Killed while it waits: the next supervisor asks again with the same key.
        seen.clear()
        answers.clear()
        place.nginx(3, strategy, extra=gates)
        place.run("deploy", "--detach")
        eventually(lambda: seen, 30, "the judge is asked")
        os.kill(place.pid_of("supervisor"), signal.SIGKILL)
        eventually(lambda: len(seen) > 1, 30, "the judge is asked again")
        assert len({question["key"] for question, _ in seen}) == 1, seen
        answers.update(verdict="fail", summary="3 tickets are open")
        eventually(lambda: place.status()["last"]["number"] == 3, 30, "the deployment ends")
        assert place.status()["last"]["phase"] == "reverted"
        assert "3 tickets are open" in place.run("history", "3")
        assert place.get() == (200, "version 2\n")
        assert "s3cret-of-the-gate" not in place.run("journal", "export")
    finally:
        answers.setdefault("verdict", "fail")
        judge.shutdown()


def several_services_commit_and_revert_as_one_under_load(place):
    gates = "gates: { check: { smoke: [{ get: /check, status: 200 }] } }\n"
    strategies = {"web": "blueGreen: { before: [check] }"}
    place.shop("one", strategies=strategies, tail=gates)
    place.run("up")
    assert place.answer() == "web one, api one", place.answer()
    load = place.load(14, rate=100)
    place.shop("two", strategies=strategies, tail=gates)
    place.run("deploy")
    assert place.answer() == "web two, api two", place.answer()
    place.shop("bad", strategies=strategies, tail=gates)
    output = place.run("deploy", code=3)
    assert "check" in output and "went back" in output, output
    assert place.answer() == "web two, api two", place.answer()
    # The reason of the quarantine is one line of the refusal; api is not to blame and is in no quarantine.
    output = place.run("deploy", code=1)
    assert "in quarantine" in output and "check" in output, output
    reply = json.loads(place.run("deploy", "--output", "json", code=1))
    assert reply["code"] == "quarantined" and "\n" not in reply["message"], reply
    objections = json.loads(place.run("plan", "--output", "json", code=1))["objections"]
    assert [entry["code"] for entry in objections] == ["quarantined"], objections
    # The deployment before, as a whole.
    place.run("rollback")
    assert place.answer() == "web one, api one", place.answer()
    no_failure(load)


def rollback_to_an_earlier_deployment_and_one_service_to_a_release(place):
    place.shop("one", services=("api", "web"))
    place.run("up")
    place.shop("two", services=("api", "jobs", "web"))
    place.run("deploy")
    place.shop("three", services=("api", "jobs", "web"))
    place.run("deploy")
    load = place.load(14, rate=100)
    plan = json.loads(place.run("rollback", "--to", "1", "--dry-run", "--output", "json"))
    moves = {item["service"]: (item["action"], item.get("from"), item.get("to")) for item in plan["items"]}
    assert moves == {"api": ("change", 3, 1), "web": ("change", 3, 1)}, moves
    assert any(change["field"] == "artifact" for change in plan["items"][0]["changes"]), plan
    assert any("jobs did not stand" in note for note in plan["notes"]), plan["notes"]
    assert "wave 1 of 2" in place.run("rollback", "--to", "1", "--dry-run")
    assert place.status()["last"]["number"] == 3, "a dry run deploys nothing"
    output = place.run("rollback", "--to", "1")
    assert "jobs did not stand in deployment #1" in output, output
    assert place.answer() == "web one, api one", place.answer()
    assert place.service("jobs")["stable"] == 2 and not place.service("jobs")["isDown"]
    place.run("rollback", "--service", "api", "--to", "3")
    assert place.answer() == "web one, api three", place.answer()
    output = place.run("rollback", "--service", "api", "--to", "9", code=1)
    assert "no release api@9" in output, output
    place.run("rollback", "--to", "99", code=1)
    place.run("quarantine", "add", "api@2", "--reason", "a test")
    output = place.run("rollback", "--to", "2", code=1)
    assert "api@2" in output and "in quarantine: a test" in output and "quarantine lift" in output, output
    place.run("rollback", "--to", "1", "--take-down")
    eventually(lambda: place.service("jobs")["isRemoved"] and not place.service("jobs")["instances"], 30, "jobs leaves")
    assert place.answer() == "web one, api one", place.answer()
    # Files that are gone: said so, and nothing begins.
    store = os.path.join(place.environment["SLIPWAY_STATE"], "artifacts")
    subprocess.run(["chmod", "-R", "u+w", store], check=True)
    shutil.rmtree(store)
    output = place.run("rollback", "--service", "api", "--to", "3", code=1)
    assert "the files of api@3 are not kept any more" in output, output
    no_failure(load)


def what_was_tested_in_staging_goes_to_production(place):
    tail = f"""environments:
  staging:
    overrides: {{ services: {{ web: {{ routes: [{{ listen: {free_port()} }}] }} }} }}
  production:
    overrides: {{ services: {{ api: {{ replicas: 3, env: {{ SUFFIX: "!" }} }} }} }}
"""
    place.shop("one", tail=tail)
    output = place.run("deploy", "production", "--from", "staging", code=1)
    assert "nothing was ever committed in shop/staging" in output, output
    place.run("deploy", "staging", "--service", "api")
    output = place.run("deploy", "production", "--from", "staging", code=1)
    assert "web does not stand in staging" in output, output
    output = place.run("deploy", "staging", "--service", "web", "--from", "nowhere", code=2)
    assert "no environment `nowhere`" in output, output
    place.run("deploy", "staging")
    tested = json.loads(place.run("plan", "staging", "--output", "json"))
    # Whatever lies in the directory now: what was tested is taken.
    place.shop("untested", tail=tail)
    plan = json.loads(place.run("plan", "production", "--from", "staging", "--output", "json"))
    assert plan["origin"] == "staging #2", plan
    assert [item["action"] for item in plan["items"]] == ["create", "create"], plan
    output = place.run("deploy", "production", "--from", "staging")
    assert "since deployment #2" in output, output
    assert place.answer() == "web one, api one!", place.answer()
    status = json.loads(place.run("status", "production", "--output", "json"))
    assert status["last"]["origin"] == "staging #2", status["last"]
    assert next(entry for entry in status["services"] if entry["name"] == "api")["replicas"] == 3
    assert "from staging #2" in place.run("history", "production")
    assert "nothing to do" in place.run("plan", "production", "--from", "staging")
    assert tested["items"][0]["action"] == "keep", tested
    # What comes from staging is looked at like what was packed: its own programs too.
    place.shop("one", tail=tail.replace("replicas: 3", "replicas: 3, command: [./no-such-program]"))
    output = place.run("deploy", "production", "--from", "staging", code=1)
    assert "no-such-program" in output and "nothing was touched" in output, output
    # Another way to pack it is not what was tested.
    place.shop("one", tail=tail, more={"api": "    env: { A: b }\n"})
    text = open(os.path.join(place.project, "slipway.yaml"), encoding="utf-8").read()
    place.write("slipway.yaml", text.replace("{ path: app }", "{ path: app, ignore: [x] }", 1))
    output = place.run("deploy", "production", "--from", "staging", code=1)
    assert "api is packed and prepared otherwise in staging" in output, output


def an_earlier_release_is_deployed_again_through_its_gates(place):
    gates = "gates: { check: { smoke: [{ get: /check, status: 200 }] } }\n"
    strategies = {"web": "canary: { steps: [{ weight: 50% }, { gate: check }] }"}
    place.shop("one", strategies=strategies, tail=gates)
    place.run("up")
    place.shop("two", strategies=strategies, tail=gates)
    place.run("deploy")
    plan = json.loads(place.run("plan", "--release", "web@1", "--output", "json"))
    assert [(item["service"], item["from"], item["to"]) for item in plan["items"]] == [("web", 2, 1)], plan
    assert plan["items"][0]["gates"] == ["check"], plan
    place.run("deploy", "--release", "web@1")
    assert place.answer() == "web one, api two", place.answer()
    assert "gate passed" in place.run("history", "3"), "its gates are asked"
    assert "no release web@7" in place.run("deploy", "--release", "web@7", code=1)
    assert "api@14" in place.run("deploy", "--release", "web", code=2)
    assert "api" in place.run("deploy", "--release", "shop@1", code=2)


def a_choice_of_services_needs_what_it_needs(place):
    place.shop("one")
    output = place.run("deploy", "--only", "web", code=1)
    assert "web needs api, which does not stand in shop/dev" in output, output
    place.run("deploy", "--only", "api")
    place.run("deploy", "--only", "web")
    assert place.answer() == "web one, api one", place.answer()


def a_failure_is_held_for_inspection(place):
    gates = "gates: { check: { smoke: [{ get: /check, status: 200 }] } }\n"
    strategies = {"web": "canary: { onFailure: hold, steps: [{ weight: 50% }, { gate: check }] }"}
    place.shop("one", strategies=strategies, tail=gates)
    place.run("up")
    load = place.load(16, rate=100)
    place.shop("bad", strategies=strategies, tail=gates)
    output = place.run("deploy", code=4)
    assert "kept for inspection" in output and "needs a person" in output, output
    # All traffic is back on stable (api has arrived, and stays), and the instance on trial stands without any.
    service = place.service("web")
    assert service["rollout"]["phase"] == "held", service["rollout"]
    trial = [entry for entry in service["instances"] if entry["release"] == 2]
    assert trial and all(entry["phase"] == "ready" for entry in trial), service["instances"]
    assert {entry["release"]: entry["weight"] for entry in service["weights"]} == {1: 100}, service["weights"]
    for _ in range(20):
        assert place.answer() == "web one, api bad", place.answer()
    with urllib.request.urlopen(f"http://{trial[0]['address']}/looked-at", timeout=5) as answer:
        assert answer.read() == b"web bad"
    output = place.run("status", code=4)
    assert "waits" in output and "slipway abort" in output, output
    place.run("promote", code=1)
    # A supervisor that dies meanwhile changes nothing.
    os.kill(place.pid_of("supervisor"), signal.SIGKILL)
    eventually(lambda: place.pid_of("supervisor"), 10, "the keeper starts another supervisor")
    eventually(lambda: (place.service("web").get("rollout") or {}).get("waitsSince"), 20, "it is held still")
    assert [entry["id"] for entry in place.service("web")["instances"] if entry["release"] == 2] == [
        entry["id"] for entry in trial]
    place.run("retry", code=4)
    assert [entry["id"] for entry in place.service("web")["instances"] if entry["release"] == 2] != [
        entry["id"] for entry in trial], "a retry starts new instances"
    output = place.run("abort", "--reason", "seen enough", code=3)
    assert "check" in output, output
    assert place.answer() == "web one, api one", place.answer()
    assert "web@2" in place.run("quarantine", "list")
    no_failure(load)


def the_switch_for_failures_can_be_given_with_the_deploy(place):
    place.program(["/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", "${instance.port}"], "blueGreen: {}")
    place.run("up")
    place.program(["/bin/sh", "-c", "echo the cable is cut >&2; exit 3"], "blueGreen: {}")
    assert "a failure is held" in place.run("plan", "--on-failure", "hold")
    output = place.run("deploy", "--on-failure", "hold", code=4)
    assert "the cable is cut" in output, output
    assert place.get()[0] == 200
    place.run("abort", code=3)
    assert place.get()[0] == 200


TURNING_SERVER = """
import http.server, os, sys
version = open("version").read().strip()
flag = os.path.join(sys.argv[1], version)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *words): pass
    def do_GET(self):
        if self.path == "/crash": os._exit(3)
        turned = os.path.exists(flag) and self.path != "/ready"
        body = (version + "\\n").encode()
        self.send_response(500 if turned else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def turning(place, version, watch, web="", tail=""):
    """Two services; api answers with its version until a file of that name lies beside the project: then it fails."""
    place.write("app/version", f"{version}\n")
    place.write("app/server.py", TURNING_SERVER)
    text = "version: 1\nproject: turning\nservices:\n"
    for name in ("api", "web"):
        text += f"""  {name}:
    artifact: {{ path: app }}
    command: [/usr/bin/python3, server.py, {json.dumps(place.path)}]
    port: 8080
    probes: {{ readiness: {{ http: /ready, every: 500ms }} }}
    drain: 2s
    strategy: {{ blueGreen: {{ scaleDownDelay: 0s }} }}
"""
        text += f"    routes: [{{ listen: {place.port} }}]\n    watch: {watch}\n" if name == "api" else "    needs: [api]\n"
    text += "gates:\n  errors: { threshold: { errorRate: \"<= 20%\", minRequests: 20 }, interval: 1s, onInconclusive: extend }\n"
    place.write("slipway.yaml", text + tail)


def what_fails_after_its_promotion_is_taken_back(place):
    with Receiver() as receiver:
        tail = f"notify: {{ team: {{ webhook: {{ url: \"http://127.0.0.1:{receiver.port}/\" }} }} }}\n"
        watch = "{ for: 90s, gates: [errors] }"
        turning(place, "one", "{ for: 1s }", tail=tail)
        output = place.run("deploy", "--until-watched")
        assert "has stood its watch" in output, output
        turning(place, "two", watch, tail=tail)
        assert "watched for 90s by errors once promoted: a failure takes everything back" in place.run("plan")
        output = place.run("deploy")
        assert "api is watched for" in output, output
        load = place.load(60, rate=50)
        report = place.service("api")["watch"]
        assert report["phase"] == "watching" and report["deployment"] == 2, report
        eventually(lambda: place.service("api")["watch"]["gates"][0]["hasPassed"], 30, "the gate has passed once")
        # A supervisor that comes back looks on, with the time that is left.
        left = place.service("api")["watch"]["remaining"]
        os.kill(place.pid_of("supervisor"), signal.SIGKILL)
        eventually(lambda: place.get()[0] == 200 and place.pid_of("supervisor"), 20, "the supervisor is back")
        report = place.service("api")["watch"]
        assert report["phase"] == "watching" and report["remaining"] <= left, (report, left)
        assert place.service("api")["stable"] == 2
        open(os.path.join(place.path, "two"), "w", encoding="utf-8").close()
        eventually(lambda: place.get()[1] == "one\n", 60, "what stood before serves again")
        eventually(lambda: place.status()["last"]["kind"] == "revert", 60, "the way back is committed")
        load.kill()
        status = place.status()
        assert status["last"]["takesBack"] == 2 and status["last"]["by"] == "slipway", status["last"]
        # The whole deployment, the last wave first.
        waves = {item["service"]: (item["wave"], item["to"]) for item in status["last"]["items"]}
        assert waves == {"web": (0, 1), "api": (1, 1)}, waves
        output = place.run("history")
        assert "taken back by #3" in output and "api@2 failed after it was promoted" in output, output
        output = place.run("history", "2")
        assert "failed after it was promoted: gate errors: error rate" in output, output
        output = place.run("deploy", code=1)
        assert "in quarantine: gate errors" in output, output
        eventually(lambda: "reverted" in receiver.kinds(), 30, "the channel is told")
        assert "failed" in receiver.kinds() and "quarantined" in receiver.kinds(), receiver.kinds()


def a_watch_waits_for_the_deploy_and_for_a_person(place):
    # Its instances keep dying: no gate is needed for that.
    turning(place, "one", "{ for: 5m }")
    place.run("up")
    # Nothing stood before: it is not taken back, but a person is asked.
    def crash():
        with contextlib.suppress(OSError, urllib.error.URLError, http.client.HTTPException):
            place.get("/crash")
        return place.service("api")["watch"]["phase"] == "waiting"
    eventually(crash, 60, "the watch fails")
    output = place.run("status", code=4)
    assert "failed after it was promoted, and serves on" in output and "`slipway down`" in output, output
    place.run("promote")
    assert "watch" not in place.service("api"), place.service("api")
    eventually(lambda: place.service("api")["isServing"], 60, "it serves again")
    # With `hold` nothing is touched; the deploy that waits ends with 4.
    turning(place, "two", "{ for: 5m, gates: [errors], onFailure: hold }")
    load = place.load(120, rate=50)
    child = place.start("deploy", "--until-watched")
    eventually(lambda: (place.service("api").get("watch") or {}).get("deployment") == 2, 60, "it is watched")
    open(os.path.join(place.path, "two"), "w", encoding="utf-8").close()
    output, _ = child.communicate(timeout=60)
    assert child.returncode == 4 and "it serves on, as its watch says" in output, output
    assert place.service("api")["stable"] == 2 and place.get()[0] == 500
    # A person takes it back by name.
    output = place.run("abort", "--reason", "seen enough")
    assert "revert #3 committed" in output, output
    assert place.get() == (200, "one\n")
    output = place.run("history")
    assert "revert by" in output and "seen enough" in output and "takes back #2" in output, output
    # Nobody blamed its files: they may come again. Another deployment ends the watch, and says so.
    os.remove(os.path.join(place.path, "two"))
    place.run("deploy")
    turning(place, "three", "{ for: 5m }")
    output = place.run("plan")
    assert "the watch of deployment #4 (api) ends with this one" in output, output
    place.run("deploy")
    assert "is not watched any more: deployment #5 begins" in place.run("history", "4"), place.run("history", "4")
    load.kill()


def a_service_that_leaves_the_manifest_leaves_when_asked(place):
    place.shop("one", services=("api", "jobs", "web"), more={"jobs": f"    routes: [{{ listen: {free_port()} }}]\n"})
    place.run("up")
    listen = place.service("jobs")["urls"][0]
    port = int(re.search(r":(\d+)/", listen)[1])
    socket.create_connection(("127.0.0.1", port), timeout=2).close()
    place.shop("two")
    assert "jobs runs, but the manifest does not name it any more" in place.run("plan")
    output = place.run("deploy")
    assert "jobs runs" in output and place.service("jobs")["stable"] == 1, output
    socket.create_connection(("127.0.0.1", port), timeout=2).close()
    load = place.load(8, rate=100)
    plan = json.loads(place.run("plan", "--prune", "--output", "json"))
    assert [(item["service"], item["action"]) for item in plan["items"]][-1] == ("jobs", "remove"), plan
    assert "taken down: jobs" in place.run("deploy", "--prune")
    eventually(lambda: not place.service("jobs")["instances"], 30, "its instances leave")

    def is_closed():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
        except ConnectionRefusedError:
            return True
        return False

    eventually(is_closed, 20, "the router forgets it and closes its socket")
    with open(os.path.join(place.environment["SLIPWAY_STATE"], "proxy", "routes.json"), encoding="utf-8") as file:
        assert "jobs" not in file.read()
    assert "jobs" not in place.run("status")
    # The next supervisor does not bring it back, and a rollback does.
    os.kill(place.pid_of("supervisor"), signal.SIGKILL)
    eventually(lambda: place.pid_of("supervisor"), 10, "the keeper starts another supervisor")
    assert "jobs" not in place.run("status")
    assert "nothing to do" in place.run("plan", "--prune")
    place.run("rollback")
    socket.create_connection(("127.0.0.1", port), timeout=2).close()
    assert place.service("jobs")["stable"] == 1 and not place.service("jobs")["isDown"]
    no_failure(load)


def the_demo_passes_and_fails_without_its_gate(place):
    demo = os.path.join(ROOT, "Examples", "shop", "demo.py")
    good = subprocess.run([sys.executable, demo, "--slipway", SLIPWAY, "--seed", "7"], capture_output=True, text=True,
                          timeout=300)
    assert good.returncode == 0, good.stdout[-3000:] + good.stderr[-2000:]
    assert re.search(r"The judge stopped the bad release after \d+ of its requests, \d+ of which had failed", good.stdout)
    assert "it said: the canary is worse than tolerated: error rate" in good.stdout, good.stdout[-3000:]
    bad = subprocess.run([sys.executable, demo, "--slipway", SLIPWAY, "--seed", "7", "--without-gate"],
                         capture_output=True, text=True, timeout=300)
    assert bad.returncode == 1, bad.stdout[-3000:] + bad.stderr[-2000:]
    assert "✗ the bad release was caught" in bad.stdout, bad.stdout[-3000:]
    assert "✗ the sequential judge caught it" in bad.stdout, bad.stdout[-3000:]


MIGRATED_SERVER = """
import http.server, os, subprocess
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ask = subprocess.run(["psql", "-X", "-A", "-t", "-c", os.environ["QUESTION"]], capture_output=True, text=True)
        self.send_response(500 if ask.returncode else 200)
        self.end_headers()
        self.wfile.write((os.environ["SLIPWAY_RELEASE"] + " " + ask.stdout + ask.stderr).encode())
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


class Shop:
    """A service over a database, deployed again and again with migrations."""

    def __init__(self, place, database):
        self.place = place
        self.database = database
        database.ask("create table ran (schema int)")
        database.ask("create table users (name text)")
        database.ask("insert into users values ('ann')")
        place.write("app/server.py", MIGRATED_SERVER)

    def write(self, question, schema=None, statement="", seconds=0, more=""):
        migrate = ""
        if schema is not None:
            self.place.write("app/migrate.sql", f"""begin;
insert into ran values ({schema});
select 'at work', pg_sleep({seconds});
{statement};
commit;
""")
            migrate = f"""    migrate:
      command: [psql, -X, -v, ON_ERROR_STOP=1, -f, migrate.sql]
      schema: {schema}
      verify: 3s
      {more}
"""
        env = ", ".join(f'{name}: "{value}"' for name, value in self.database.env.items())
        self.place.write("slipway.yaml", f"""version: 1
project: e2e
services:
  app:
    artifact: {{ path: app }}
    command: [python3, server.py]
    env: {{ {env}, QUESTION: "{question}" }}
    port: 8080
    routes: [{{ listen: {self.place.port} }}]
    probes: {{ readiness: {{ http: /, every: 500ms, failures: 2 }} }}
    strategy: {{ rolling: {{}} }}
{migrate}""")

    def is_migrating(self):
        return self.database.ask("select count(*) from pg_stat_activity where query like '%pg_sleep(%' and "
                                 "state = 'active' and pid <> pg_backend_pid()") != "0"

    def runs(self):
        return self.database.ask("select string_agg(schema::text, ' ' order by schema) from ran")

    def events(self):
        return self.place.run("history", str(self.place.status()["last"]["number"]))


def migrations_run_once_whatever_is_killed(place):
    if not postgres.programs():
        return skip("PostgreSQL")
    with postgres.Postgres() as database:
        shop = Shop(place, database)
        shop.write("select name from users")
        place.run("up")
        assert place.get()[0] == 200
        load = place.load(60, rate=20)

        # The supervisor is killed in the middle: the migration goes on, once, and so does the deployment.
        shop.write("select name, email from users", 2, "alter table users add column email text default 'none'", 4,
                   "compatible: true")
        plan = place.run("plan")
        assert "migrates to schema 2 first" in plan, plan
        place.run("deploy", "--detach")
        eventually(shop.is_migrating, 30, "the migration is at work")
        os.kill(place.pid_of("supervisor"), signal.SIGKILL)
        eventually(lambda: place.get() == (200, "2 ann|none\n"), 60, "the new release serves")
        eventually(lambda: place.status().get("deployment") is None, 60, "the deployment ends")
        assert shop.runs() == "2", shop.runs()
        story = shop.events()
        assert "migrated to schema 2" in story and "committed" in story, story
        assert "at work" in place.run("logs", "app", "--migrate")

        # A release that bears the mark already does not migrate.
        shop.write("select name, email, 3 from users", 2, "select 'never'", 0, "compatible: true")
        assert "migrates to" not in place.run("plan")
        place.run("deploy")
        assert shop.runs() == "2", shop.runs()

        # One that fails: its last lines are shown, nothing else was started, and stable serves.
        shop.write("select 4 from users", 4, "alter table nowhere add column x int")
        output = place.run("deploy", code=3)
        assert "nowhere" in output and "migration" in output, output
        assert shop.runs() == "2", shop.runs()
        assert place.get() == (200, "3 ann|none|3\n"), place.get()

        # Everything is gone at once, as with a power failure: nobody knows how it ended, so a person is asked.
        shop.write("select name, email, 5 from users", 5, "alter table users add column age int", 30)
        place.run("deploy", "--detach")
        eventually(shop.is_migrating, 30, "the migration is at work")
        power_off(place)
        place.start("up")
        eventually(lambda: place.pid_of("supervisor"), 30, "a supervisor")
        waits = eventually(lambda: waiting(place), 60, "somebody is asked")
        assert "slipway migrate" in waits, waits
        assert place.run("promote", code=1)
        database.ask("select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(%' "
                     "and pid <> pg_backend_pid()")
        eventually(lambda: not shop.is_migrating(), 30, "the database has given it up")
        assert shop.runs() == "2", shop.runs()
        place.run("migrate", "--again", code=2)
        place.run("migrate", "--again", "--reason", "the database has rolled it back")
        # Until then requests may wait for the table that is being changed.
        eventually(lambda: place.serves("5 ann|none|5\n"), 90, "the new release serves")
        eventually(lambda: place.status().get("deployment") is None, 60, "the deployment ends")
        assert shop.runs() == "2 5", shop.runs()
        story = shop.events()
        assert "the database has rolled it back" in story and "attempt 2" in story, story

        # Back across a migration that is not declared compatible: only with a word.
        output = place.run("rollback", code=1)
        assert "--accept" in output, output
        place.run("rollback", "--accept")
        assert place.get() == (200, "3 ann|none|3\n"), place.get()
        load.send_signal(signal.SIGINT)
        load.communicate(timeout=60)


def a_failure_after_an_incompatible_migration_waits_for_a_person(place):
    if not postgres.programs():
        return skip("PostgreSQL")
    with postgres.Postgres() as database:
        shop = Shop(place, database)
        shop.write("select name from users")
        place.run("up")
        # The new release never gets ready; the old one gets along.
        shop.write("select nothing from users", 2, "alter table users add column email text")
        place.write("slipway.yaml", open(os.path.join(place.project, "slipway.yaml"), encoding="utf-8").read().replace(
            "failures: 2 }", "failures: 2, deadline: 3s }"))
        output = place.run("deploy", code=4)
        assert "slipway abort --accept" in output and "slipway retry" in output, output
        assert place.get() == (200, "1 ann\n"), place.get()
        assert "--accept" in place.run("abort", code=1)
        place.run("abort", "--accept", code=3)
        assert place.get() == (200, "1 ann\n"), place.get()

        # The old one does not get along with the new schema: that is seen before anything new is started.
        shop.write("select email from users", 3, "alter table users drop column name", 0, "compatible: true")
        manifest = open(os.path.join(place.project, "slipway.yaml"), encoding="utf-8").read()
        place.write("slipway.yaml", manifest.replace("rolling: {}", "rolling: { progressDeadline: 5s }"))
        output = place.run("deploy", code=4)
        assert "stable does not stand after the migration" in output, output
        assert {entry["release"] for entry in place.service("app")["instances"]} == {1}
        place.run("promote", "--skip-gate", "--reason", "the old one is gone anyway")
        eventually(lambda: place.get()[0] == 200, 60, "the new release serves")


def waiting(place):
    """What a person is asked for; None while nobody is."""
    try:
        services = place.status()["services"]
    except (ValueError, subprocess.TimeoutExpired):
        return None
    return next((service["rollout"]["waitsFor"] for service in services
                 if service.get("rollout") and service["rollout"].get("waitsFor")), None)


def power_off(place):
    """Kills all roles, instances and migrations of a state, and what the keeper remembers of them, as a reboot does."""
    state = place.environment["SLIPWAY_STATE"].encode()

    def mine():
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
                with open(f"/proc/{pid}/environ", "rb") as file:
                    variables = file.read().split(b"\0")
                is_role = len(words) > 3 and words[1] in (b"keeper", b"supervisor", b"proxy") and words[3] == state
                if is_role or any(entry.startswith(b"TMPDIR=" + state) for entry in variables):
                    found.append(int(pid))
        return found

    def kill_all():
        for pid in mine():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not mine()

    eventually(kill_all, 20, "everything is gone")
    os.remove(os.path.join(state.decode(), "keeper", "keeper.state"))


def skip(what):
    """Aloud; where peers are required it is an error."""
    if os.environ.get("SLIPWAY_REQUIRE_PEERS"):
        raise AssertionError(f"{what} is not installed")
    print(f"skipped: {what} is not installed", flush=True)


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
    a_port_that_only_the_new_release_wants_is_no_obstacle_to_going_back,
    a_machine_that_is_not_ready_is_told_all_at_once,
    hooks_run_are_journaled_and_block_no_revert,
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
    commands_that_start_slipway_at_the_same_moment_all_pass,
    gates_wait_for_another_person,
    gates_ask_another_system_and_put_on_load,
    migrations_run_once_whatever_is_killed,
    a_failure_after_an_incompatible_migration_waits_for_a_person,
    several_services_commit_and_revert_as_one_under_load,
    rollback_to_an_earlier_deployment_and_one_service_to_a_release,
    what_was_tested_in_staging_goes_to_production,
    an_earlier_release_is_deployed_again_through_its_gates,
    a_choice_of_services_needs_what_it_needs,
    a_failure_is_held_for_inspection,
    the_switch_for_failures_can_be_given_with_the_deploy,
    a_service_that_leaves_the_manifest_leaves_when_asked,
    what_fails_after_its_promotion_is_taken_back,
    a_watch_waits_for_the_deploy_and_for_a_person,
    channels_are_told_signed_and_once,
    the_demo_passes_and_fails_without_its_gate,
    *analysis.TESTS,
    *fresh.TESTS,
    *metrics.TESTS,
    *loading.TESTS,
    *remote.TESTS,
    *replay.TESTS,
    *kubernetes.TESTS,
    *proxies.TESTS,
    *clusterserver.TESTS,
    *registry.TESTS,
    *rendering.TESTS,
    *catalogue.TESTS,
    *ownmetrics.TESTS,
    *keyboard.TESTS,
]


# These measure times or need the rate they ask for: nothing else runs beside them.
ALONE = {
    the_demo_passes_and_fails_without_its_gate,
    load_scales_a_service_up_and_down_without_a_failed_request,
    *loading.TESTS,
    *catalogue.TESTS,
}


def main():
    global SLIPWAY
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slipway", required=True)
    parser.add_argument("--only", default="", help="tests whose name contains this")
    parser.add_argument("--workers", type=int, default=2, help="so many at a time: most of them wait for most of their time")
    options = parser.parse_args()
    SLIPWAY = os.path.abspath(options.slipway)
    chosen = [test for test in TESTS if re.search(options.only, test.__name__)]
    failed = all_of([test for test in chosen if test not in ALONE], options.workers)
    failed += all_of([test for test in chosen if test in ALONE], 1)
    # They race real processes: one that fails is run once more, aloud. A second failure counts. Many are no accident.
    if 0 < len(failed) <= 3:
        print(f"once more: {', '.join(test.__name__ for test in failed)}", flush=True)
        failed = all_of(failed, 1)
    print(f"{len(chosen) - len(failed)} passed, {len(failed)} failed")
    for test in failed:
        print(f"FAILED  {test.__name__}")
    sys.exit(1 if failed or not chosen else 0)


def all_of(tests, workers):
    """Runs them, so many at a time; those that failed."""
    failed = []
    numbers = multiprocessing.Value("i", 0)
    if not tests:
        return failed
    with concurrent.futures.ProcessPoolExecutor(workers, initializer=as_worker, initargs=(numbers,)) as pool:
        for run in concurrent.futures.as_completed([pool.submit(passes, TESTS.index(test)) for test in tests]):
            test, passed, told = run.result()
            print(told, flush=True)
            if not passed:
                failed.append(TESTS[test])
    return failed


def as_worker(numbers):
    with numbers.get_lock():
        use_ports_of(numbers.value)
        numbers.value += 1


def passes(number):
    """Its number, whether it passed, and what there is to say."""
    test = TESTS[number]
    place = Place(test.__name__, SLIPWAY)
    started = time.monotonic()
    try:
        test(place)
        return number, True, f"ok      {test.__name__} ({time.monotonic() - started:.1f}s)"
    except Exception:  # A failed test must not keep the others from running.
        return number, False, f"failed  {test.__name__} ({time.monotonic() - started:.1f}s)\n{traceback.format_exc()}"
    finally:
        place.leave()


if __name__ == "__main__":
    main()
