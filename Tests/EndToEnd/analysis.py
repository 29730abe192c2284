"""Analyses: a canary beside a stable release, both real programs that fail at a given rate, under load."""

import json
import os
import signal

from place import eventually

# Answers over kept connections; fails as often as its first argument says. With a second one, a directory: the first
# instance that can make it fails as often as the third says.
SERVER = """
import asyncio, os, random, sys
rate = float(sys.argv[1])
if len(sys.argv) > 2:
    try:
        os.mkdir(sys.argv[2])
        rate = float(sys.argv[3])
    except FileExistsError:
        pass

class Web(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.rest = transport, b""

    def data_received(self, data):
        self.rest += data
        while b"\\r\\n\\r\\n" in self.rest:
            head, self.rest = self.rest.split(b"\\r\\n\\r\\n", 1)
            isBad = b" /ready " not in head and random.random() < rate
            status = b"404 None" if b" /missing " in head else b"500 Oops" if isBad else b"200 OK"
            self.transport.write(b"HTTP/1.1 " + status + b"\\r\\nContent-Length: 2\\r\\n\\r\\nok")

async def main():
    server = await asyncio.get_running_loop().create_server(Web, "127.0.0.1", int(os.environ["PORT"]))
    await server.serve_forever()

asyncio.run(main())
"""


def service(place, words, gate, replicas=2, strategy="", steps="{ weight: 50% }, { gate: better }"):
    """One service with an analysis at half of the traffic."""
    place.write("server.py", SERVER)
    program = os.path.join(place.project, "server.py")
    place.write("slipway.yaml", f"""version: 1
project: judged
services:
  web:
    command: {json.dumps(["/usr/bin/python3", program, *words])}
    port: 8080
    replicas: {replicas}
    routes: [{{ listen: {place.port} }}]
    drain: 1s
    probes: {{ readiness: {{ http: /ready, every: 250ms }} }}
    strategy: {{ canary: {{ {strategy}scaleDownDelay: 0s, steps: [{steps}] }} }}
gates:
  better: {gate}
""")


def a_worse_canary_is_caught_and_the_summary_says_after_how_many_requests(place):
    gate = "{ analysis: { errors: +1pp, falseAlarms: 0.1%, within: 25s }, interval: 500ms }"
    service(place, ["0.02"], gate)
    place.run("up")
    load = place.load(40, rate=300)
    service(place, ["0.1"], gate)
    output = place.run("deploy", code=3, within=60)
    load.kill()
    # Five times the errors: `error rate 9.8% (37 of 377) on the canary, 2% (8 of 391) on stable`.
    assert "the canary is worse than tolerated: error rate" in output, output
    assert "on the canary" in output and "on stable" in output, output
    events = place.run("history", "2")
    assert "gate better: the canary is worse than tolerated" in events, events
    assert place.service("web")["stable"] == 1
    assert "worse than tolerated" in place.run("deploy", code=1), "the release is in quarantine"


def a_canary_that_is_no_worse_passes_as_soon_as_that_is_shown(place):
    gate = "{ analysis: { errors: +8pp, falseAlarms: 0.01%, missed: 1%, within: 30s }, interval: 500ms }"
    service(place, ["0.01"], gate)
    place.run("up")
    load = place.load(40, rate=300)
    service(place, ["0.011"], gate)
    output = place.run("deploy", within=60)
    load.kill()
    story = place.run("history", "2")
    assert "no worse than tolerated" in output + story, output + story
    assert place.service("web")["stable"] == 2


def one_bad_instance_of_two_is_found_as_such(place):
    gate = "{ analysis: { errors: +1pp, falseAlarms: 0.1%, within: 8s }, interval: 500ms, onInconclusive: hold }"
    service(place, ["0.01"], gate)
    place.run("up")
    load = place.load(45, rate=300)
    service(place, ["0.011", os.path.join(place.path, "taken"), "0.5"], gate, replicas=4)
    output = place.run("deploy", code=4, within=60)
    events = place.run("history", "2")
    assert "one instance differs" in output + events, output + events
    assert "replace it" in output + events, output + events
    place.run("abort", "--reason", "one host is bad", code=3)
    load.kill()
    assert place.service("web")["stable"] == 1


def what_is_spent_without_an_answer_goes_back_and_a_restart_is_said(place):
    gate = "{ analysis: { errors: +0.1pp, within: 10m, requests: 600 }, interval: 500ms }"
    service(place, ["0.01"], gate)
    place.run("up")
    load = place.load(45, rate=150)
    service(place, ["0.011"], gate)
    place.run("deploy", "--detach")
    eventually(lambda: (place.service("web").get("rollout") or {}).get("gate"), 30, "it is asked")
    os.kill(place.pid_of("supervisor"), signal.SIGKILL)
    eventually(lambda: place.status()["last"]["phase"] == "reverted", 40, "the budget is spent")
    load.kill()
    story = place.run("history", "2")
    assert "the budget is spent: neither shown to be worse nor to be as good" in story, story


TESTS = [
    a_worse_canary_is_caught_and_the_summary_says_after_how_many_requests,
    a_canary_that_is_no_worse_passes_as_soon_as_that_is_shown,
    one_bad_instance_of_two_is_found_as_such,
    what_is_spent_without_an_answer_goes_back_and_a_restart_is_said,
]
