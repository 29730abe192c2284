"""Slipway's server in a cluster, against the cluster's double: two processes stand for its two pods."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request

from kubernetes import Cluster, has_double
from place import eventually, free_port

MANIFEST = """
version: 1
project: shop
environments:
  production:
    runtime: kubernetes
    namespace: shop
    router: nginx
    server: cluster
  laptop:
    runtime: process
services:
  api:
    image: example/serves:%d
    command: [serve]
    port: 8080
    replicas: 2
    drain: 1s
    probes: {startup: {tcp: true, deadline: 5s}}
    routes: [{listen: 80, host: shop.example.com}]
    strategy: %s
"""

CANARY = "{canary: {sticky: false, scaleDownDelay: 0s, steps: [{weight: 50%}, {hold: 6s}]}}"
HELD = "{canary: {sticky: false, scaleDownDelay: 0s, steps: [{weight: 50%}, {hold: untilPromoted}]}}"


class Installed:
    """A cluster with a server in it. The double's pods run nothing: processes here are what would run in them."""

    def __init__(self, place, *options):
        self.place = place
        self.log = os.path.join(place.path, "writes")
        self.cluster = Cluster(place, "--writes", self.log)
        self.port, self.health = free_port(), free_port()
        # Pods listen on a port of their choice: tests side by side differ in addresses.
        self.net = "127.%d.%d" % divmod(free_port(), 256)
        self.options = options
        self.pods = {}

    def __enter__(self):
        if "--targets" in self.options:
            self.request("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
        output = self.place.run("install", "server", "--image", "example/serves:1", *self.options)
        assert "deployment/slipway" in output and "new" in output, output
        again = self.place.run("install", "server", "--image", "example/serves:1", *self.options)
        assert "new" not in again and "changed" not in again, again
        eventually(lambda: len(self.running()) == 2, 30, "the server's pods")
        self.kubeconfig = os.path.join(self.place.path, "server-kubeconfig")
        with open(self.cluster.kubeconfig, encoding="utf-8") as own, open(self.kubeconfig, "w", encoding="utf-8") as other:
            # With the rights of its account and no others.
            other.write(own.read().replace("user: {token: admin}", "user: {token: admin, "
                                           "as: \"system:serviceaccount:slipway:slipway-server\"}"))
        for number, pod in enumerate(self.running()):
            self.start(pod, "%s.%d" % (self.net, number + 2))
        eventually(self.leader, 30, "one of them to lead")
        return self

    def __exit__(self, *_):
        for process, _ in self.pods.values():
            if process.poll() is None:
                process.kill()
                process.wait()
        self.cluster.__exit__()

    def all(self, kind, version="api/v1"):
        items = self.cluster.get("/%s/namespaces/slipway/%s" % (version, kind))["items"]
        return {item["metadata"]["name"]: item for item in items}

    def running(self):
        return [name for name, pod in self.all("pods").items() if pod["status"].get("phase") == "Running"]

    def stop(self, pod):
        process, _ = self.pods.pop(pod)
        process.terminate()
        process.wait(timeout=20)

    def start(self, pod, address):
        if pod in self.all("pods"):
            self.request("PATCH", "/api/v1/namespaces/slipway/pods/%s/status" % pod, {"status": {"podIP": address}})
        environment = dict(self.place.environment, KUBECONFIG=self.kubeconfig, POD_NAME=pod, POD_NAMESPACE="slipway",
                           HOME=self.place.path)
        log = open(os.path.join(self.place.path, pod + ".log"), "w", encoding="utf-8")
        process = subprocess.Popen(
            [self.place.slipway, "server", "--address", address, "--port", "8080", "--health-port", str(self.health),
             "--lease-seconds", "3", *(["--records", "configmaps"] if "configmaps" in self.options else [])],
            env=environment, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.pods[pod] = (process, address)

    def request(self, method, path, body=None):
        request = urllib.request.Request(
            "http://127.0.0.1:%d%s" % (self.cluster.port, path), json.dumps(body).encode() if body else None,
            {"Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def writes(self):
        """Every request that changed something."""
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.log)
        os.kill(self.cluster.process.pid, signal.SIGUSR1)
        eventually(lambda: os.path.exists(self.log), 10, "the list of writes")
        with open(self.log, encoding="utf-8") as log:
            return [line.split() for line in log]

    def quiet_writes(self):
        """The same, when the last write but the lease's is some renewals ago."""
        def others():
            return len([path for _, path in self.writes() if not path.endswith("/leases/slipway")])

        for _ in range(50):
            before, renewed = others(), self.renewed()
            eventually(lambda: self.renewed() != renewed, 10, "the lease to be renewed")
            renewed = self.renewed()
            eventually(lambda: self.renewed() != renewed, 10, "the lease to be renewed again")
            if others() == before:
                return self.writes()
        raise AssertionError("it never falls silent: %s" % self.writes()[-10:])

    def renewed(self):
        return self.all("leases", "apis/coordination.k8s.io/v1")["slipway"]["spec"]["renewTime"]

    def leader(self):
        """The pod that requests are led to."""
        for name, pod in self.all("pods").items():
            if pod["metadata"]["labels"].get("slipway.dev/leader") == "true" and name in self.pods:
                return name
        return None

    def ready(self, pod):
        try:
            with urllib.request.urlopen("http://%s:%d/readyz" % (self.pods[pod][1], self.health), timeout=5) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            return "%d" % error.code

    def kill(self, pod):
        """The process ends as with a machine that goes, and its pod with it."""
        process, _ = self.pods.pop(pod)
        process.kill()
        process.wait()
        self.request("DELETE", "/api/v1/namespaces/slipway/pods/%s" % pod, {"gracePeriodSeconds": 0})

    def logs(self):
        text = ""
        for name in self.pods:
            with contextlib.suppress(OSError), open(os.path.join(self.place.path, name + ".log"), encoding="utf-8") as log:
                text += log.read()
        return text


def write(place, number, strategy="{blueGreen: {scaleDownDelay: 0s}}"):
    place.write("slipway.yaml", MANIFEST % (number, strategy))


def a_rollout_goes_on_when_its_leader_is_killed(place):
    if not has_double():
        return
    with Installed(place) as server:
        write(place, 1)
        assert "api" in place.run("plan", "production")
        place.run("deploy", "production")
        assert server.cluster.deployments() == {"api-r1": 2}, server.cluster.deployments()
        assert not place.pid_of("keeper"), "nothing of it is on this machine"
        assert sorted(server.ready(pod).split()[0] for pod in server.pods) == ["leading", "standing"]

        write(place, 2, CANARY)
        detached = place.run("deploy", "production", "--detach")
        assert "goes on without this machine" in detached, detached
        eventually(lambda: "api-r2" in server.cluster.deployments(), 30, "the canary to begin")
        made = server.cluster.all("deployments", "apis/apps/v1")["api-r2"]["metadata"]["uid"]

        def shown():
            return server.all("servicerecords", "apis/slipway.dev/v1alpha1")["api.production.shop"]["status"]

        eventually(lambda: shown().get("strategy") == "canary" and shown().get("stage", "").startswith("hold"), 20,
                   "what the rollout is at")
        first = server.leader()
        server.kill(first)
        eventually(lambda: server.leader() not in (None, first), 30, "the other to lead")

        # Another machine's command line, which knows nothing but the cluster.
        place.environment["SLIPWAY_STATE"] = os.path.join(place.path, "another")
        eventually(lambda: server.cluster.deployments() == {"api-r2": 2}, 60, "the canary to be promoted")
        status = place.run("status", "production")
        assert "@2" in status, status
        history = place.run("history", "production")
        assert "slipway-operator" in history, history
        assert server.cluster.all("deployments", "apis/apps/v1")["api-r2"]["metadata"]["uid"] == made
        eventually(lambda: server.all("servicerecords", "apis/slipway.dev/v1alpha1")["api.production.shop"]["status"]
                   .get("stable") == "2", 10, "the record that people see")
        deployments = server.all("deploymentrecords", "apis/slipway.dev/v1alpha1")
        assert deployments["2.production.shop"]["status"]["state"] == "committed", deployments

        place.run("rollback", "production")
        eventually(lambda: server.cluster.deployments() == {"api-r1": 2}, 60, "the release before")

        # When all is done, nothing is written but the lease.
        eventually(lambda: server.all("deploymentrecords", "apis/slipway.dev/v1alpha1").get("3.production.shop", {})
                   .get("status", {}).get("state") == "committed", 20, "the last record")
        before = server.quiet_writes()
        for _ in range(3):
            renewed = server.renewed()
            eventually(lambda: server.renewed() != renewed, 10, "the lease to be renewed")
        more = server.writes()[len(before):]
        assert more and all(path.endswith("/leases/slipway") for _, path in more), more
        # Each record was made once, whoever led.
        made = [path for method, path in server.writes() if method == "POST" and path.endswith("/deploymentrecords")]
        assert len(made) == 3, made


def who_may_do_what_is_the_clusters_to_say(place):
    if not has_double():
        return
    with Installed(place) as server:
        write(place, 1)
        place.run("deploy", "production")
        server.request(
            "POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/slipway/rolebindings",
            {"metadata": {"name": "readers"}, "subjects": [{"kind": "User", "name": "ada"}],
             "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "slipway-viewers"}})
        with open(server.cluster.kubeconfig, encoding="utf-8") as file:
            own = file.read()
        with open(server.cluster.kubeconfig, "w", encoding="utf-8") as file:
            file.write(own.replace("user: {token: admin}", "user: {token: admin, as: ada}"))
        assert "@1" in place.run("status", "production")
        write(place, 2)
        refused = place.run("deploy", "production", code=1)
        assert "slipway-viewer may not change shop/production" in refused, refused
        # Gates come with the request, and a command gate is a program in the server's pod.
        mark = os.path.join(place.path, "run-by-a-viewer")
        with open(os.path.join(place.project, "slipway.yaml"), "a", encoding="utf-8") as file:
            file.write('gates: {mark: {command: [/usr/bin/touch, "%s"]}}\n' % mark)
        text = open(os.path.join(place.project, "slipway.yaml"), encoding="utf-8").read()
        place.write("slipway.yaml", re.sub("strategy: .*", "strategy: {blueGreen: {before: [mark]}}", text))
        refused = place.run("verify", "production", code=1)
        assert "slipway-viewer may not change shop/production" in refused, refused
        assert not os.path.exists(mark), "a program was run for somebody who may only read"
        with open(server.cluster.kubeconfig, "w", encoding="utf-8") as file:
            file.write(own.replace("user: {token: admin}", "user: {token: admin, as: eve}"))
        refused = place.run("status", "production", code=1)
        assert "no token" in refused and "serviceaccounts/token" in refused, refused
        with open(server.cluster.kubeconfig, "w", encoding="utf-8") as file:
            file.write(own)
        refused = place.run("deploy", "laptop", "--server", "cluster", code=1)
        assert "runs on a machine, and this server is in a cluster" in refused, refused


def records_may_be_configmaps(place):
    if not has_double():
        return
    with Installed(place, "--records", "configmaps", "--targets", "shop") as server:
        write(place, 1)
        place.run("deploy", "production")
        write(place, 2, HELD)
        place.run("deploy", "production", "--detach")
        eventually(lambda: "waits" in place.run("status", "production", code=None), 30, "the hold")
        first = server.leader()
        # Told to stop, it lets the other lead at once.
        process, _ = server.pods[first]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0, server.logs()
        server.pods.pop(first)
        server.request("DELETE", "/api/v1/namespaces/slipway/pods/%s" % first, {"gracePeriodSeconds": 0})
        eventually(lambda: server.leader() not in (None, first), 30, "the other to lead")
        place.run("promote", "production", "api")
        eventually(lambda: server.cluster.deployments() == {"api-r2": 2}, 60, "the canary to be promoted")
        assert "slipway-service.api.production.shop" in server.all("configmaps")


def a_server_that_cannot_listen_says_so_and_ends(place):
    if not has_double():
        return
    with Installed(place) as server:
        pods = list(server.pods)
        for pod in pods:
            server.stop(pod)
        for port in (server.health, 8080):
            with socket.create_server(("127.0.0.9", port)):
                server.start(pods[0], "127.0.0.9")
                code = server.pods[pods[0]][0].wait(timeout=30)
            with open(os.path.join(place.path, pods[0] + ".log"), encoding="utf-8") as file:
                said = file.read()
            assert code == 70 and "the server cannot run: " in said and "in use" in said, (code, said)
        held = server.all("leases", "apis/coordination.k8s.io/v1")["slipway"]["spec"].get("holderIdentity")
        assert not held, "whoever comes next need not wait: %s" % held


def without_a_server_it_is_said_how_to_come_by_one(place):
    if not has_double():
        return
    with Cluster(place):
        write(place, 1)
        missing = place.run("deploy", "production", code=1)
        assert "slipway install server" in missing, missing
        printed = place.run("install", "server", "--image", "example/serves:1", "--print")
        assert "kind: CustomResourceDefinition" in printed and "kind: Lease" not in printed, printed
        chart = os.path.join(place.path, "chart")
        place.run("install", "server", "--image", "example/serves:1", "--helm", chart)
        assert sorted(os.listdir(chart)) == ["Chart.yaml", "crds", "templates", "values.yaml"]


def an_environment_goes_from_a_laptop_to_the_server(place):
    if not has_double():
        return
    with Installed(place) as server:
        here = ["production", "--server", "here"]
        write(place, 1)
        place.run("deploy", *here)
        write(place, 2)
        place.run("deploy", *here)
        eventually(lambda: server.cluster.deployments() == {"api-r2": 2}, 30, "the second release alone")
        signed = server.cluster.all("configmaps")["api.slipway"]["data"]["owner"]

        write(place, 3, HELD)
        place.run("deploy", *here, "--detach")
        refused = place.run("handover", "production", code=1)
        assert "under way" in refused, refused
        place.run("abort", *here, code=None)
        eventually(lambda: server.cluster.deployments() == {"api-r2": 2}, 30, "the trial to go")
        eventually(lambda: "under way" not in place.run("handover", "production", code=None), 30, "the handover")

        # Whoever leads reads its journal anew: the other leads.
        first = server.leader()
        process, _ = server.pods[first]
        assert process.wait(timeout=20) == 0, server.logs()
        server.kill(first)
        eventually(lambda: server.leader() not in (None, first), 30, "the other to lead")
        eventually(lambda: "@2" in place.run("status", "production", code=None), 30, "what stands to be known")
        assert "drives shop/production already" in place.run("handover", "production", code=1)
        refused = place.run("deploy", *here, code=1)
        assert "was handed over" in refused, refused

        write(place, 4)
        place.run("deploy", "production")
        eventually(lambda: server.cluster.deployments() == {"api-r4": 2}, 30, "a release by the server")
        assert server.cluster.all("configmaps")["api.slipway"]["data"]["owner"] != signed
        place.run("rollback", "production")
        eventually(lambda: server.cluster.deployments() == {"api-r2": 2}, 30, "a release that the laptop made")


TESTS = [
    an_environment_goes_from_a_laptop_to_the_server,
    a_rollout_goes_on_when_its_leader_is_killed,
    who_may_do_what_is_the_clusters_to_say,
    records_may_be_configmaps,
    a_server_that_cannot_listen_says_so_and_ends,
    without_a_server_it_is_said_how_to_come_by_one,
]
