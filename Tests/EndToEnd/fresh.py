"""Fresh baselines: a canary beside instances of stable that are as young, where age alone makes a difference."""

import json
import os
import shutil
import signal
import time

from place import eventually

# Fails as often as its second argument says while it is young, as often as its third once it is old: when the file
# `aged` was written after it began. It does not start at all while there is a file `broken-` with its first argument.
SERVER = """
import asyncio, os, random, sys, time
place = os.path.dirname(os.path.abspath(__file__))
if os.path.exists(os.path.join(place, "broken-" + sys.argv[1])):
    sys.exit("this machine does not run it any more")
born, seen = time.time(), [0.0, False]

def rate():
    if time.time() - seen[0] > 0.2:
        seen[0] = time.time()
        try:
            seen[1] = os.stat(os.path.join(place, "aged")).st_mtime > born
        except FileNotFoundError:
            seen[1] = False
    return float(sys.argv[3 if seen[1] else 2])

class Web(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.rest = transport, b""

    def data_received(self, data):
        self.rest += data
        while b"\\r\\n\\r\\n" in self.rest:
            head, self.rest = self.rest.split(b"\\r\\n\\r\\n", 1)
            isBad = b" /ready " not in head and random.random() < rate()
            self.transport.write(b"HTTP/1.1 " + (b"500 Oops" if isBad else b"200 OK")
                                 + b"\\r\\nContent-Length: 2\\r\\n\\r\\nok")

async def main():
    server = await asyncio.get_running_loop().create_server(Web, "127.0.0.1", int(os.environ["PORT"]))
    await server.serve_forever()

asyncio.run(main())
"""

JUDGE = "{ analysis: { errors: +8pp, falseAlarms: 0.1%, missed: 1%, within: 40s@ }, interval: 500ms }"


def service(place, words, baseline="fresh", steps="{ weight: 40% }, { gate: better }"):
    place.write("server.py", SERVER)
    program = os.path.join(place.project, "server.py")
    gate = JUDGE.replace("@", ", baseline: fresh" if baseline == "fresh" else "")
    place.write("slipway.yaml", f"""version: 1
project: aged
services:
  web:
    command: {json.dumps(["/usr/bin/python3", program, *words])}
    port: 8080
    replicas: 2
    routes: [{{ listen: {place.port} }}]
    drain: 1s
    probes: {{ readiness: {{ http: /ready, every: 250ms }} }}
    strategy: {{ canary: {{ scaleDownDelay: 0s, steps: [{steps}] }} }}
gates:
  better: {gate}
""")


def grow_old(place):
    """What runs now is old from here on; what starts later is not."""
    place.write("aged", "")
    now = time.time()
    os.utime(os.path.join(place.project, "aged"), (now, now))


def is_baseline(instance):
    return str(instance["release"]).endswith("-baseline")


def baseline(place):
    return [instance for instance in place.service("web")["instances"] if is_baseline(instance)]


def nothing_is_left(place, stable, count=2, within=20):
    """In time, only stable's own instances run, and they have all of the traffic."""
    def rests():
        web = place.service("web")
        releases = [instance["release"] for instance in web["instances"]]
        shares = [(share["release"], share["weight"]) for share in web["weights"]]
        return releases == [stable] * count and shares == [(stable, 100)]
    eventually(rests, within, "only stable is left")


def what_is_young_is_not_held_against_what_is_old(place):
    # Both releases are the same; whatever is young fails more often.
    service(place, ["v1", "0.15", "0.01"], baseline="stable")
    place.run("up")
    grow_old(place)
    load = place.load(110, rate=250)
    service(place, ["v2", "0.15", "0.01"], baseline="stable")
    output = place.run("deploy", code=3, within=90)
    assert "worse than tolerated" in output, output
    service(place, ["v3", "0.15", "0.01"])
    note = place.run("check")
    assert "1 more instance" in note and "fresh baseline" in note, note
    plan = place.run("plan")
    assert "fresh instance" in plan and "web@1" in plan, plan
    output = place.run("deploy", within=90)
    load.kill()
    story = place.run("history", "3")
    assert "fresh instance of web@1" in story, story
    assert "no worse than tolerated" in story, story
    assert place.service("web")["stable"] == 3
    nothing_is_left(place, 3)


def a_bad_canary_does_not_hide_behind_old_instances(place):
    # Stable has grown old, and fails more often than the canary, which is far worse than stable was when it was young.
    service(place, ["v1", "0.005", "0.2"])
    place.run("up")
    grow_old(place)
    load = place.load(60, rate=250)
    service(place, ["v2", "0.15", "0.15"], steps="{ weight: 30% }, { gate: better }")
    output = place.run("deploy", code=3, within=90)
    load.kill()
    assert "worse than tolerated" in output and "fresh instance" in output, output
    assert place.service("web")["stable"] == 1
    nothing_is_left(place, 1)
    assert "worse than tolerated" in place.run("deploy", code=1), "the release is in quarantine"


def a_baseline_outlives_its_supervisor_and_not_its_trial(place):
    steps = "{ weight: 30% }, { hold: untilPromoted }, { gate: better }"
    service(place, ["v1", "0.01", "0.01"], steps=steps)
    place.run("up")
    service(place, ["v2", "0.01", "0.01"], steps=steps)
    place.run("deploy", "--detach")
    waits = lambda: (place.service("web").get("rollout") or {}).get("waitsSince")
    eventually(waits, 30, "the rollout holds")
    web = place.service("web")
    assert {str(share["release"]): share["weight"] for share in web["weights"]} == {
        "1": 40, "2": 30, "1-baseline": 30}, web["weights"]
    assert web["rollout"]["baseline"]["instances"] == 1, web["rollout"]
    text = place.run("status", code=4)
    assert "baseline" in text and "1 of 1 fresh instance of @1 ready" in text, text
    before = [instance["id"] for instance in baseline(place)]
    old = place.pid_of("supervisor")
    os.kill(old, signal.SIGKILL)
    eventually(lambda: place.pid_of("supervisor") not in (None, old), 20, "another supervisor")
    eventually(waits, 30, "it holds again")
    assert [instance["id"] for instance in baseline(place)] == before, "the same baseline goes on"
    load = place.load(50, rate=250)
    place.run("promote")
    eventually(lambda: place.status()["last"]["number"] == 2, 60, "it is promoted")
    load.kill()
    assert place.service("web")["stable"] == 2
    nothing_is_left(place, 2)
    place.run("verify")
    # The same again, and back: aborted in the middle, then everything down.
    service(place, ["v3", "0.01", "0.01"], steps=steps)
    place.run("deploy", "--detach")
    eventually(waits, 30, "the rollout holds")
    assert baseline(place)
    place.run("abort", "--reason", "enough", code=3)
    nothing_is_left(place, 2)
    place.run("down")
    eventually(lambda: not place.service("web")["instances"], 20, "nothing runs")


def a_baseline_that_does_not_start_is_nobodys_fault(place):
    service(place, ["v1", "0.01", "0.01"])
    place.run("up")
    place.write("broken-v1", "")
    service(place, ["v2", "0.01", "0.01"])
    output = place.run("deploy", code=3, within=90)
    assert "the fresh baseline, web@1, does not run" in output, output
    assert "this machine does not run it any more" in output + place.run("history", "2"), output
    nothing_is_left(place, 1)
    # It is not in quarantine: what was wrong is repaired, and the same release comes again.
    os.remove(os.path.join(place.project, "broken-v1"))
    load = place.load(60, rate=250)
    place.run("deploy", within=90)
    load.kill()
    assert place.service("web")["stable"] in (2, 3)


def the_example_is_judged_by_age(place):
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    shutil.copytree(os.path.join(root, "Examples", "aging"), place.project, dirs_exist_ok=True)
    manifest = os.path.join(place.project, "slipway.yaml")
    with open(manifest, encoding="utf-8") as file:
        text = file.read()
    place.write("slipway.yaml", text.replace("listen: 8090", f"listen: {place.port}"))
    place.run("up")
    # It grows old: 3000 requests make it four times as slow.
    place.run("load", f"http://127.0.0.1:{place.port}/", "--rate", "300", "--for", "10s", "--quiet")
    server = os.path.join(place.project, "app", "server.py")
    with open(server, encoding="utf-8") as file:
        source = file.read()
    place.write("app/server.py", source.replace("VERSION = 1", "VERSION = 2").replace("SLOW = 10", "SLOW = 100"))
    output = place.run("deploy", code=3, within=150)
    assert "worse than tolerated" in output and "fresh instance of web@1" in output, output
    place.write("app/server.py", source.replace("VERSION = 1", "VERSION = 3"))
    place.run("deploy", within=150)
    # The release before stays warm for half a minute.
    nothing_is_left(place, 3, within=60)


TESTS = [
    the_example_is_judged_by_age,
    what_is_young_is_not_held_against_what_is_old,
    a_bad_canary_does_not_hide_behind_old_instances,
    a_baseline_outlives_its_supervisor_and_not_its_trial,
    a_baseline_that_does_not_start_is_nobodys_fault,
]
