"""Metric gates: a canary that Debian's Prometheus scrapes, both releases under load."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import urllib.parse
import urllib.request

from place import eventually, free_port

PROMETHEUS = "/usr/bin/prometheus"

# Answers over kept connections, fails as often as its first argument says, counts by release on /metrics, and tells
# Prometheus where it is by a file in its second argument.
SERVER = """
import asyncio, json, os, sys
rate, port, release = float(sys.argv[1]), int(os.environ["PORT"]), os.environ["SLIPWAY_RELEASE"]
counts = {"requests": 0, "errors": 0}

class Web(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.rest = transport, b""

    def data_received(self, data):
        self.rest += data
        while b"\\r\\n\\r\\n" in self.rest:
            head, self.rest = self.rest.split(b"\\r\\n\\r\\n", 1)
            status, body = b"200 OK", b"ok"
            if b" /metrics " in head:
                body = "".join(f"app_{name}_total {count}\\n" for name, count in counts.items()).encode()
            elif b" /ready " not in head:
                counts["requests"] += 1
                # In turn, not by chance: few requests must not look like many errors.
                if rate and counts["requests"] % round(1 / rate) == 0:
                    counts["errors"] += 1
                    status = b"500 Oops"
            self.transport.write(b"HTTP/1.1 %s\\r\\nContent-Type: text/plain\\r\\nContent-Length: %d\\r\\n\\r\\n%s"
                                 % (status, len(body), body))

async def main():
    server = await asyncio.get_running_loop().create_server(Web, "127.0.0.1", port)
    path = os.path.join(sys.argv[2], f"{release}-{port}.json")
    with open(path + ".new", "w") as file:
        json.dump([{"targets": [f"127.0.0.1:{port}"], "labels": {"release": release}}], file)
    os.rename(path + ".new", path)
    await server.serve_forever()

asyncio.run(main())
"""


def end_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Prometheus:
    """Scrapes whatever is described in its directory of targets."""

    def __init__(self, place):
        self.targets = os.path.join(place.path, "targets")
        os.makedirs(self.targets)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        home = os.path.join(place.path, "prometheus")
        os.makedirs(home)
        with open(os.path.join(home, "prometheus.yml"), "w", encoding="utf-8") as file:
            json.dump({"global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"}, "scrape_configs": [
                {"job_name": "app", "file_sd_configs": [
                    {"files": [os.path.join(self.targets, "*.json")], "refresh_interval": "1s"}]}]}, file)
        self.log = open(os.path.join(home, "log"), "wb")
        self.process = subprocess.Popen(
            [PROMETHEUS, f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/data",
             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
            stdout=self.log, stderr=self.log, preexec_fn=end_with_us)
        place.children.append(self.process)
        eventually(lambda: self.ask("vector(1)"), 30, "Prometheus answers")

    def ask(self, query):
        """The values of an instant query; None while there is no answer."""
        with contextlib.suppress(OSError, ValueError):
            url = f"{self.url}/api/v1/query?" + urllib.parse.urlencode({"query": query})
            with urllib.request.urlopen(url, timeout=5) as answer:
                return [float(series["value"][1]) for series in json.load(answer)["data"]["result"]]
        return None

    def stop(self):
        self.process.kill()
        self.process.wait()


FAILING = """
  failing:
    metric:
      from: prom
      query: >-
        sum(rate(app_errors_total{release="${release}"}[${window}]))
        / sum(rate(app_requests_total{release="${release}"}[${window}]))
      pass: "< 0.05"
      fail: ">= 0.05"
      window: 3s
    interval: 1s
    count: 3
    errorLimit: 1
    onInconclusive: extend
"""


def service(place, prometheus, rate, gates=FAILING, gate="failing", more=""):
    """One service that fails at a rate, with a gate at half of the traffic."""
    place.write("server.py", SERVER)
    program = os.path.join(place.project, "server.py")
    place.write("slipway.yaml", f"""version: 1
project: measured
services:
  web:
    command: {json.dumps(["/usr/bin/python3", program, rate, prometheus.targets])}
    port: 8080
    replicas: 2
    routes: [{{ listen: {place.port} }}]
    drain: 1s
    probes: {{ readiness: {{ http: /ready, every: 250ms }} }}
    strategy: {{ canary: {{ scaleDownDelay: 0s, steps: [{{ weight: 50% }}, {{ gate: {gate} }}] }} }}
sources:
  prom: {{ prometheus: {{ url: "{prometheus.url}" }} }}
{more}gates:
{gates}""")


def a_canary_is_judged_by_what_prometheus_has_scraped(place):
    if not os.path.exists(PROMETHEUS):
        return missing()
    prometheus = Prometheus(place)
    service(place, prometheus, "0.01")
    place.run("check")
    # Nothing serves beside the first release, so that nothing is asked about it.
    place.run("up")
    load = place.load(90, rate=200)
    eventually(lambda: prometheus.ask('sum(app_requests_total{release="1"}) > 200'), 20, "stable is scraped")

    service(place, prometheus, "0.3")
    output = place.run("deploy", code=3, within=60)
    assert ", and >= 0.05 fails" in output, output
    story = place.run("history", "2")
    assert 'app_errors_total{release="2"}[3s]' in story, story
    assert place.service("web")["stable"] == 1

    service(place, prometheus, "0.011")
    place.run("deploy", within=60)
    assert place.service("web")["stable"] == 3
    story = place.run("history", "3")
    assert ", and < 0.05 passes" in story, story

    assert "< 0.05 passes" in place.run("verify"), "the release that serves is asked too"
    load.kill()


def a_source_that_cannot_answer_is_never_a_pass(place):
    if not os.path.exists(PROMETHEUS):
        return missing()
    prometheus = Prometheus(place)
    wrong = FAILING.replace("sum(rate(app_errors_total", "summ(rate(app_errors_total")
    service(place, prometheus, "0", gates=wrong)
    place.run("up")
    load = place.load(90, rate=50)
    eventually(lambda: prometheus.ask('sum(app_requests_total{release="1"}) > 20'), 20, "stable is scraped")
    service(place, prometheus, "0.0", gates=wrong)
    output = place.run("deploy", code=3, within=60)
    assert "status 400 (bad_data)" in output and "summ" in output, output

    # One series for each of the two instances of stable, and one number is meant.
    several = FAILING.replace("sum(rate(", "(rate(").replace("${release}", "${stable}")
    service(place, prometheus, "0.00", gates=several)
    output = place.run("deploy", code=3, within=60)
    assert "2 series where one is meant" in output, output

    # Nobody has ever counted this.
    nobody = FAILING.replace("app_errors_total", "nobody_total").replace("extend", "revert")
    service(place, prometheus, "0.000", gates=nobody)
    output = place.run("deploy", code=3, within=60)
    assert "no data: no series is what was asked for" in output, output

    prometheus.stop()
    service(place, prometheus, "0.0000")
    output = place.run("deploy", code=3, within=60)
    assert "Connection refused" in output, output
    load.kill()
    assert place.service("web")["stable"] == 1


COMPARED = """
  alike:
    comparison:
      from: prom
      range: 8s
      step: 250ms
      window: 2s
      metrics:
        errors:
          query: 'sum(rate(app_errors_total{release="${release}"}[${window}]))'
          groups: [errors]
          direction: increase
          increase: +50%
        rate:
          query: 'sum(rate(app_requests_total{release="${release}"}[${window}]))'
          groups: [traffic]
          direction: decrease
          decrease: -50%
      weights: { errors: 60% }
    interval: 1s
    onInconclusive: hold
"""


def series_of_canary_and_stable_are_compared(place):
    if not os.path.exists(PROMETHEUS):
        return missing()
    prometheus = Prometheus(place)
    service(place, prometheus, "0.1", gates=COMPARED, gate="alike")
    place.run("up")
    load = place.load(120, rate=300)
    eventually(lambda: prometheus.ask('sum(app_requests_total{release="1"}) > 200'), 20, "stable is scraped")

    service(place, prometheus, "0.5", gates=COMPARED, gate="alike")
    output = place.run("deploy", code=3, within=60)
    assert "score 40 of 100, failed: errors" in output, output
    assert place.service("web")["stable"] == 1

    service(place, prometheus, "0.1001", gates=COMPARED, gate="alike")
    place.run("deploy", within=60)
    story = place.run("history", "3")
    assert "score 100 of 100, no metric failed" in story, story
    assert place.service("web")["stable"] == 3
    load.kill()


def missing():
    """Aloud; where peers are required it is an error."""
    if os.environ.get("SLIPWAY_REQUIRE_PEERS"):
        raise AssertionError("prometheus is not installed")
    print("skipped: prometheus is not installed", flush=True)


TESTS = [
    a_canary_is_judged_by_what_prometheus_has_scraped,
    a_source_that_cannot_answer_is_never_a_pass,
    series_of_canary_and_stable_are_compared,
]
