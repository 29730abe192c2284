"""Metrics of the proxy's own counts, their recordings, and a stop whose answer is lost."""

import fcntl
import http.server
import json
import os
import socketserver
import threading

from analysis import service

GATE = """{{ metric: {{ from: proxy, query: errorRate, pass: "< {}", window: 3s }}, interval: 1s, count: {},
    onInconclusive: extend, dryRun: {} }}"""


def a_canary_is_judged_by_the_proxys_own_counts(place):
    strict, loose, dry = GATE.format("0.05", 3, "false"), GATE.format("0.5", 1, "false"), GATE.format("0.05", 3, "true")
    service(place, ["0.001"], strict, strategy="sticky: false, ")
    place.run("up")
    load = place.load(110, rate=200)
    service(place, ["0.3"], strict, strategy="sticky: false, ")
    output = place.run("deploy", code=3, within=60)
    assert ", and only < 0.05 passes (proxy: errorRate)" in output, output
    service(place, ["0.002"], strict, strategy="sticky: false, ")
    place.run("deploy", within=60)
    # A dry run is told, and stops nothing.
    service(place, ["0.301"], dry, strategy="sticky: false, ")
    place.run("deploy", within=60)
    assert "would have failed" in place.run("history", "4"), place.run("history", "4")
    load.kill()

    recorded = place.run("judge", "record", "2", "--gate", "better")
    readings = [json.loads(line) for line in recorded.splitlines()][1:]
    assert readings[-1]["said"] == "fail" and readings[-1]["answers"][0]["query"] == "errorRate", readings
    place.write("rollout.ndjson", recorded)
    report = json.loads(place.run("judge", "replay", "rollout.ndjson", "--output", "json"))["recordings"][0]
    assert report["ending"]["decision"] == "fail" and report["then"]["look"] == report["ending"]["look"], report
    assert [look["verdict"] for look in report["looks"]] == [look["said"] for look in report["looks"]], report
    text = place.run("judge", "replay", "rollout.ndjson")
    assert "fails at look" in text and "requests" not in text.splitlines()[-1], text
    other = place.run("judge", "replay", "rollout.ndjson", "--as", GATE.format("0.05", 3, "false").replace("errorRate", "p95"),
                      code=1)
    assert "what it asks was not asked then" in other and "p95" in other, other

    # Both gates are tried on what was: the loose one would have let the bad release pass.
    service(place, ["0.002"], loose, strategy="sticky: false, ")
    missed = place.run("gates", "backtest", "--bad", "4", code=1)
    assert "MISS" in missed and "misses: 2 of 2 bad releases, then 0" in missed, missed
    service(place, ["0.002"], dry, strategy="sticky: false, ")
    tried = place.run("gates", "backtest", "--bad", "4", "--all")
    assert "misses: 0 of 2 bad releases" in tried and "a dry run" in tried, tried


class Dying(http.server.BaseHTTPRequestHandler):
    """A supervisor that says who it is, and is gone before it can answer when it is to stop."""

    protocol_version = "HTTP/1.1"
    lock = None
    asked = []

    def log_message(self, *words):
        pass

    def address_string(self):
        return "a socket"

    def do_GET(self):
        body = json.dumps({"version": "0.0.0", "api": 1, "pid": os.getpid(), "state": "", "startedAt": 0}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        Dying.asked.append(self.path)
        self.close_connection = True
        self.connection.shutdown(2)
        # The keeper goes as well: its lock is free.
        fcntl.flock(Dying.lock, fcntl.LOCK_UN)


def a_stop_whose_answer_is_lost_is_a_stop(place):
    state = place.environment["SLIPWAY_STATE"]
    for name in ("", "run", "keeper"):
        os.makedirs(os.path.join(state, name), mode=0o700, exist_ok=True)
    with open(os.path.join(state, "keeper", "keeper.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        Dying.lock, Dying.asked = lock, []
        path = os.path.join(state, "run", "supervisor.sock")
        with socketserver.ThreadingUnixStreamServer(path, Dying) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            output = place.run("shutdown", "--yes", within=60)
            server.shutdown()
    assert any("shutdown" in path for path in Dying.asked), Dying.asked
    assert "stopped" in output, output


TESTS = [
    a_canary_is_judged_by_the_proxys_own_counts,
    a_stop_whose_answer_is_lost_is_a_stop,
]
