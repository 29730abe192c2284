"""`router: slipway` on a cluster: its proxies and the services' pods are real processes behind the cluster's double."""

import contextlib
import json
import os
import re
import signal
import tempfile
import urllib.request

from kubernetes import Cluster, has_double
from place import eventually

# Answers over kept connections, on its pod's own address; fails as often as its argument says.
SERVER = """
import asyncio, os, random, sys
rate = float(sys.argv[-1])

class Web(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.rest = transport, b""

    def data_received(self, data):
        self.rest += data
        while b"\\r\\n\\r\\n" in self.rest:
            head, self.rest = self.rest.split(b"\\r\\n\\r\\n", 1)
            isBad = b" /ready " not in head and random.random() < rate
            status = b"500 Oops" if isBad else b"200 OK"
            self.transport.write(b"HTTP/1.1 " + status + b"\\r\\nContent-Length: 2\\r\\n\\r\\nok")

async def main():
    server = await asyncio.get_running_loop().create_server(Web, os.environ["POD_IP"], int(os.environ["PORT"]))
    await server.serve_forever()

asyncio.run(main())
"""

MANIFEST = """
version: 1
project: shop
environments:
  production:
    runtime: kubernetes
    namespace: shop
    router: slipway
services:
  api:
    image: example/web:1
    command: [serve, "%s"]
    port: 8080
    replicas: 2
    drain: 1s
    probes: {readiness: {http: /ready, every: 1s}}
    strategy: {canary: {scaleDownDelay: 0s, steps: [{weight: 50%%}, {gate: better}]}}
gates:
  better: {analysis: {errors: +1pp, falseAlarms: 0.1%%, within: 40s}, interval: 500ms}
"""


@contextlib.contextmanager
def cluster_of_programs(place):
    place.write("server.py", SERVER)
    server = os.path.join(place.project, "server.py")
    # Sockets lie below it: their paths must be short.
    with tempfile.TemporaryDirectory(prefix="pods-", ignore_cleanup_errors=True) as folder:
        place.pods = folder
        with Cluster(place, "--directory", folder, "--program", f"example/slipway={place.slipway}",
                     "--program", f"example/web=/usr/bin/python3 {server}") as cluster:
            yield cluster


def install(place, cluster):
    said = place.run("install", "proxy", "--env", "production", "--image", "example/slipway:1")
    assert "deployment/slipway-proxy made" in said, said

    def ready():
        status = cluster.all("deployments", "apis/apps/v1")["slipway-proxy"].get("status", {})
        return status.get("readyReplicas") == 2

    eventually(ready, 30, "two proxies")


def deploy(place, rate, **words):
    place.write("slipway.yaml", MANIFEST % rate)
    return place.run("deploy", "production", **words)


def load(place, cluster, seconds, rate):
    address = cluster.all("services")["api"]["spec"]["clusterIP"]
    return place.start("load", f"http://{address}:8080/", "--rate", str(rate), "--for", f"{seconds}s",
                       "--output", "json", "--quiet")


def a_worse_canary_is_caught_by_the_counts_of_proxies_inside_a_cluster(place):
    if not has_double():
        return
    with cluster_of_programs(place) as cluster:
        refused = deploy(place, "0.02", code=1)
        assert "slipway install proxy --env production" in refused, refused
        install(place, cluster)
        again = place.run("install", "proxy", "--env", "production", "--image", "example/slipway:1")
        assert "changed" not in again.replace("unchanged", "") and " made" not in again, again
        deploy(place, "0.02")
        selector = cluster.all("services")["api"]["spec"]["selector"]
        assert selector["app.kubernetes.io/name"] == "slipway-proxy", selector
        running = load(place, cluster, 90, 300)
        output = deploy(place, "0.2", code=3, within=90)
        running.kill()
        assert "the canary is worse than tolerated: error rate" in output, output
        eventually(lambda: "api-r2" not in cluster.deployments(), 30, "the bad release to leave")
        route = json.loads(cluster.all("configmaps")["slipway-route-api"]["data"]["route.json"])
        assert [target["release"] for target in route["route"]["targets"]] == [1], route
        assert "worse than tolerated" in deploy(place, "0.2", code=1), "the release is in quarantine"


SMOKED = """
version: 1
project: shop
environments:
  production: {runtime: kubernetes, namespace: shop, router: service}
services:
  api:
    image: example/web:1
    command: [serve, "%s"]
    port: 8080
    replicas: 2
    drain: 1s
    probes: {readiness: {http: /ready, every: 1s}}
    strategy: {blueGreen: {before: [answers], scaleDownDelay: 0s}}
gates:
  answers: {smoke: [{get: "/orders?page=1", status: 200}], interval: 500ms}
"""


def pods_are_asked_through_the_api_server(place):
    if not has_double():
        return
    with cluster_of_programs(place) as cluster:
        place.write("slipway.yaml", SMOKED % "0")
        place.run("deploy", "production")
        said = place.run("verify", "production")
        assert "answers" in said, said
        place.write("slipway.yaml", SMOKED % "1")
        output = place.run("deploy", "production", code=3, within=60)
        assert "status 500" in output and "wanted status 200" in output, output
        eventually(lambda: "api-r2" not in cluster.deployments(), 30, "the bad release to leave")
        assert cluster.serving() == "1"


def processes(place, role):
    """The pids of a role in all pods of this test."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            if len(words) > 3 and words[1] == role.encode() and words[3].startswith(place.pods.encode()):
                found.append(int(pid))
    return found


def a_proxy_that_is_killed_inside_a_cluster_costs_what_it_has_under_way(place):
    if not has_double():
        return
    with cluster_of_programs(place) as cluster:
        place.write("slipway.yaml", MANIFEST % "0")
        install(place, cluster)
        deploy(place, "0")
        pods = [name for name in cluster.all("pods") if "slipway-proxy" in name]
        # What those who lead requests have written is where people look for it.
        for log in map(cluster.log, pods):
            assert "keeper started" in log and "agent: leads shop/production/api: @1 100%" in log, log
        running = load(place, cluster, 8, 200)
        before = processes(place, "proxy")
        assert len(before) == 2, before
        os.kill(before[0], 9)
        eventually(lambda: len(processes(place, "proxy")) == 2 and before[0] not in processes(place, "proxy"), 10,
                   "another in its place")
        os.kill(place.pid_of("supervisor"), 9)
        report = json.loads(running.communicate(timeout=60)[0])
        assert report["all"]["count"] > 1000, report["all"]
        # Those whose answers were under way, and those that were sent on a connection that was just cut.
        assert report["all"]["failures"] <= 5, (report["counts"], report["failures"])


def an_environment_changes_over_to_another_router_and_back(place):
    if not has_double():
        return
    steps = "{canary: {scaleDownDelay: 0s, steps: [{weight: 50%}, {hold: untilPromoted}]}}"

    def change(router, strategy, rate):
        text = re.sub("strategy: .*", lambda _: "strategy: " + strategy, MANIFEST % rate)
        place.write("slipway.yaml", text.replace("router: slipway", "router: " + router))

    with cluster_of_programs(place) as cluster:
        change("service", "{rolling: {}}", "0.01")
        place.run("deploy", "production")
        assert cluster.serving() == "1", cluster.serving()
        change("slipway", steps, "0.02")
        install(place, cluster)
        asked = place.run("deploy", "production", code=None, within=60)
        assert "waits for `slipway promote`" in asked, asked
        selector = cluster.all("services")["api"]["spec"]["selector"]
        assert selector["app.kubernetes.io/name"] == "slipway-proxy", selector
        place.run("promote", "production")
        eventually(lambda: list(cluster.deployments()) == ["api-r2", "slipway-proxy"], 30, "the first to leave")
        place.run("rollback", "production", within=60)
        assert cluster.serving() == "1", cluster.serving()
        change("replicas", steps.replace("{scale", "{sticky: false, scale"), "0.03")
        place.run("deploy", "production", code=None, within=60)
        assert cluster.serving() is None, cluster.serving()
        place.run("abort", "production", code=None)
        eventually(lambda: cluster.serving() == "1", 30, "all requests to be the first one's again")


def proxies_go_on_without_the_api_server(place):
    if not has_double():
        return

    def answers(address, port):
        try:
            with urllib.request.urlopen(f"http://{address}:{port}/", timeout=2) as answer:
                return answer.read() == b"ok"
        except OSError:
            return False

    with cluster_of_programs(place) as cluster:
        place.write("slipway.yaml", MANIFEST % "0")
        install(place, cluster)
        deploy(place, "0")
        port = json.loads(cluster.all("configmaps")["slipway-route-api"]["data"]["route.json"])["port"]
        addresses = [pod["status"]["podIP"] for name, pod in cluster.all("pods").items() if "slipway-proxy" in name]
        assert len(addresses) == 2, addresses
        # What is stopped answers nobody; the Service's address is its own, so the proxies are asked themselves.
        os.kill(cluster.process.pid, signal.SIGSTOP)
        try:
            before = processes(place, "proxy") + processes(place, "proxy-agent")
            assert len(before) == 4, before
            assert all(answers(address, port) for address in addresses)
            for pid in before:
                os.kill(pid, 9)
            eventually(lambda: all(answers(address, port) for address in addresses), 20, "answers by the table on disk")
            eventually(lambda: len(processes(place, "proxy") + processes(place, "proxy-agent")) == 4, 20, "all to be back")
        finally:
            os.kill(cluster.process.pid, signal.SIGCONT)
        # Those that are back follow again: a later release reaches them.
        place.write("slipway.yaml", (MANIFEST % "0.001").split("gates:")[0].replace(", {gate: better}", ""))
        place.run("deploy", "production")
        assert cluster.deployments()["api-r2"] == 2, cluster.deployments()


def a_proxy_that_does_not_follow_is_named(place):
    if not has_double():
        return
    strategy = "strategy: {canary: {progressDeadline: 4s, scaleDownDelay: 0s, steps: [{weight: 50%}, {hold: untilPromoted}]}}"
    with cluster_of_programs(place) as cluster:
        place.write("slipway.yaml", MANIFEST % "0")
        install(place, cluster)
        deploy(place, "0")
        place.write("slipway.yaml", re.sub("strategy: .*", strategy, MANIFEST % "0.001"))
        place.run("deploy", "production", code=None, within=60)
        agent = processes(place, "proxy-agent")[0]
        os.kill(agent, signal.SIGSTOP)
        try:
            place.run("promote", "production")
            # Before its pod counts as not ready, and nobody waits for it any more.
            said = place.run("status", "production", "--follow", code=None, within=60)
            wanted = "no progress for 4s at: weight 100%; slipway-proxy-[^ ]* has not taken over the route"
            assert re.search(wanted, said), said
        finally:
            os.kill(agent, signal.SIGCONT)


TESTS = [
    pods_are_asked_through_the_api_server,
    a_worse_canary_is_caught_by_the_counts_of_proxies_inside_a_cluster,
    a_proxy_that_is_killed_inside_a_cluster_costs_what_it_has_under_way,
    an_environment_changes_over_to_another_router_and_back,
    proxies_go_on_without_the_api_server,
    a_proxy_that_does_not_follow_is_named,
]
