"""Load: scenarios, thresholds and pages of `slipway load`, and an analysis that sends load of its own."""

import json
import os
import re
import xml.etree.ElementTree

from analysis import service

# A shop in a few lines: a cart has a number, and paying needs the number and the token that came with it.
SHOP = """
import asyncio, json, os, re
class Web(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.rest = transport, b""

    def data_received(self, data):
        self.rest += data
        while b"\\r\\n\\r\\n" in self.rest:
            head, rest = self.rest.split(b"\\r\\n\\r\\n", 1)
            length = int((re.search(rb"Content-Length: (\\d+)", head) or [0, 0])[1])
            if len(rest) < length:
                return
            self.rest = rest[length:]
            fields = b""
            if head.startswith(b"POST /cart"):
                status, body = b"201 Created", json.dumps({"items": [{"id": 7}]}).encode()
                fields = b"X-Token: t7\\r\\n"
            elif head.startswith(b"GET /cart/7 ") and b"X-Token: t7\\r\\n" in head + b"\\r\\n":
                status, body = b"200 OK", b"paid"
            elif head.startswith((b"GET /search", b"GET /ready")):
                status, body = b"200 OK", b"found"
            else:
                status, body = b"404 Not Found", b"?"
            self.transport.write(b"HTTP/1.1 " + status + b"\\r\\nContent-Length: %d\\r\\n" % len(body) + fields
                                 + b"\\r\\n" + body)

async def main():
    server = await asyncio.get_running_loop().create_server(Web, "127.0.0.1", int(os.environ["PORT"]))
    await server.serve_forever()

asyncio.run(main())
"""

FLOWS = """
  search: { weight: 3, get: "/search?q=${random}" }
  buy:
    think: 5ms..20ms
    steps:
      - name: cart
        post: /cart
        body: '{"user": ${user}}'
        status: 201
        capture: { id: "items[0].id", token: { header: X-Token } }
      - { name: pay, get: "/cart/${id}", headers: { X-Token: "${token}" } }
"""


def shop(place, strategy="rolling: { maxSurge: 1, maxUnavailable: 0 }", gates="", note=""):
    place.write("shop.py", SHOP + note)
    program = os.path.join(place.project, "shop.py")
    place.write("slipway.yaml", f"""version: 1
project: loaded
services:
  web:
    command: ["/usr/bin/python3", {json.dumps(program)}]
    env: {{ NOTE: "{note.strip()}" }}
    port: 8080
    replicas: 2
    routes: [{{ listen: {place.port} }}]
    drain: 1s
    probes: {{ readiness: {{ http: /ready, every: 250ms }} }}
    strategy: {{ {strategy} }}
{gates}""")


def a_scenario_is_sent_judged_and_drawn(place):
    shop(place)
    place.run("up")
    place.write("load.yaml", f"""version: 1
url: http://127.0.0.1:{place.port}
ramp: 0 -> 120/s in 1s, hold 2s
flows: {FLOWS}
thresholds: [errors < 1%, pay p50 < 30s, rate > 20/s]
seed: 7
""")
    text = place.run("load", "--scenario", "load.yaml", "--html", "page.html", "--quiet")
    assert "seed      7" in text and "✓ pay p50 < 30s" in text, text
    assert "0 → 120/s in 1s, hold 2s" in text, text
    report = json.loads(place.run("load", "--scenario", "load.yaml", "--quiet", "--output", "json"))
    counts = {request["name"]: request["statistics"]["count"] for request in report["requests"]}
    assert set(counts) == {"search", "cart", "pay"} and counts["cart"] >= counts["pay"] > 0, counts
    assert report["all"]["failures"] == 0, report["failures"]
    assert counts["search"] + counts["cart"] == 300, counts
    assert all(result["kept"] for result in report["thresholds"]), report["thresholds"]

    with open(os.path.join(place.project, "page.html"), encoding="utf-8") as file:
        page = file.read()
    xml.etree.ElementTree.fromstring(page.split("\n", 1)[1])
    for word in ("src=", "href=", "url(", "@import", "<script"):
        assert word not in page, word
    assert "every threshold kept" in page and ">pay<" in page, page

    missed = place.run("load", "--scenario", "load.yaml", "--quiet", "--threshold", "cart p50 < 1us", code=1)
    assert "error: threshold missed: cart p50 < 1us, measured: " in missed, missed
    assert "✗ cart p50 < 1us" in missed, missed

    place.write("wrong.yaml", "version: 1\nflows: { a: { get: \"/${b}\" } }\nthresholds: [p95 > 1s]\n")
    wrong = place.run("load", "--scenario", "wrong.yaml", f"http://127.0.0.1:{place.port}", code=2)
    assert "wrong.yaml:2:22: error: no request before this one captures `b`" in wrong, wrong
    assert "wrong.yaml:3:14: error" in wrong, wrong


def a_gate_sends_a_scenario_and_holds_its_thresholds(place):
    def gates(limit):
        flows = FLOWS.replace("\n", "\n      ")
        return f"""gates:
  speed:
    load:
      flows: {flows}
      ramp: 60/s for 2s
      thresholds: [errors < 1%, {limit}]
"""
    strategy = "blueGreen: { before: [speed] }"
    shop(place, strategy, gates("pay p99 < 30s"))
    place.run("up")
    shop(place, strategy, gates("pay p99 < 30s"), "# 2\n")
    place.run("deploy")
    story = place.run("history", "2", "--output", "json")
    assert "pay p99 of instance" in story or "every limit kept" in story, story
    shop(place, strategy, gates("cart p50 < 1us"), "# 3\n")
    output = place.run("deploy", code=3)
    assert "load of 60/s for 2s on 2 flows: cart p50 of instance" in output and "wanted < 1us" in output, output


def without_users_an_analysis_sends_load_of_its_own(place):
    # Each request is drawn anew: that needs fewer of them than users who keep to their side.
    drawn = "sticky: false, "
    load = "load: { rate: 150/s, requests: 6000, get: [/, /search] }"
    gate = f"{{ analysis: {{ errors: +4pp, falseAlarms: 0.1%, missed: 1%, within: 40s, {load} }} }}"
    service(place, ["0.02"], gate, strategy=drawn)
    place.run("up")
    service(place, ["0.1"], gate, strategy=drawn)
    output = place.run("deploy", code=3, within=90)
    assert "the canary is worse than tolerated: error rate" in output, output
    assert "were the gate's own load" in output, output
    assert 0 < own_requests(place, 2) < 6000, "it stops with the answer"
    service(place, ["0.021"], gate, strategy=drawn)
    output = place.run("deploy", within=90) + place.run("history", "3")
    assert "no worse than tolerated" in output and "were the gate's own load" in output, output
    assert 0 < own_requests(place, 3) < 6000, "it stops with the answer"
    assert place.service("web")["stable"] == 3

    # What the load asks for is not there: that shows nothing, and is no pass.
    gate = gate.replace("get: [/, /search]", "get: [/missing]").replace("6000", "300")
    service(place, ["0.0201"], gate, strategy=drawn)
    output = place.run("deploy", code=3, within=90)
    assert "it asks for what is not there" in output, output


def own_requests(place, deployment):
    """How many of the compared requests were the gate's own, as the story of a deployment tells."""
    story = place.run("history", str(deployment))
    found = re.findall(r"(\d+) of \d+ requests on both were the gate's own load", story)
    assert found, story
    return int(found[-1])


TESTS = [
    a_scenario_is_sent_judged_and_drawn,
    a_gate_sends_a_scenario_and_holds_its_thresholds,
    without_users_an_analysis_sends_load_of_its_own,
]
