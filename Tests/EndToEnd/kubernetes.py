"""`runtime: kubernetes`, against the cluster's double: what a user does, from the first deploy to the last."""

import json
import os
import re
import subprocess
import urllib.request

from place import eventually

HERE = os.path.dirname(os.path.abspath(__file__))
DOUBLE = os.path.join(HERE, "..", "..", ".build", "debug", "cluster-double")

MANIFEST = """
version: 1
project: shop
environments:
  production:
    runtime: kubernetes
    namespace: shop
    router: %s
services:
  api:
    image: example/%s
    command: [serve]
    port: 8080
    replicas: 2
    drain: 1s
    probes: {startup: {tcp: true, deadline: 5s}}
    routes: [{listen: 80, host: shop.example.com}]
    strategy: %s
  mail:
    image: example/serves:1
    command: [mail]
    needs: [api]
    strategy: {rolling: {}}
"""


class Cluster:
    """The double in a process of its own, and its API."""

    def __init__(self, place, *words):
        self.kubeconfig = os.path.join(place.project, "kubeconfig")
        self.process = subprocess.Popen(
            [DOUBLE, "--kubeconfig", self.kubeconfig, *words], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        place.environment["KUBECONFIG"] = self.kubeconfig

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=20)

    def get(self, path):
        with urllib.request.urlopen("http://127.0.0.1:%d%s" % (self.port, path), timeout=10) as answer:
            return json.load(answer)

    def log(self, pod):
        address = "http://127.0.0.1:%d/api/v1/namespaces/shop/pods/%s/log" % (self.port, pod)
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.read().decode()

    def create(self, kind, body, version="api/v1"):
        request = urllib.request.Request(
            "http://127.0.0.1:%d/%s/namespaces/shop/%s" % (self.port, version, kind), json.dumps(body).encode(),
            {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def burn(self, release, percent):
        """A release has so much to do, in percent of what one of its pods asks for; they share it."""
        request = urllib.request.Request(
            "http://127.0.0.1:%d/apis/apps/v1/namespaces/shop/deployments/api-r%s" % (self.port, release),
            json.dumps({"metadata": {"annotations": {"double/cpu-percent": str(percent)}}}).encode(),
            {"Content-Type": "application/merge-patch+json"}, method="PATCH")
        urllib.request.urlopen(request, timeout=10).close()

    def all(self, kind, version="api/v1"):
        return {item["metadata"]["name"]: item
                for item in self.get("/%s/namespaces/shop/%s" % (version, kind))["items"]}

    def deployments(self):
        return {name: item["spec"]["replicas"] for name, item in self.all("deployments", "apis/apps/v1").items()}

    def serving(self):
        return self.all("services")["api"]["spec"]["selector"].get("slipway.dev/release")


def has_double():
    if os.access(DOUBLE, os.X_OK):
        return True
    if os.environ.get("SLIPWAY_REQUIRE_PEERS"):
        raise AssertionError("%s is not built: swift build --product cluster-double makes it" % DOUBLE)
    print("skipped: the cluster's double is not built", flush=True)
    return False


def write(place, image="serves:1", strategy="{blueGreen: {scaleDownDelay: 1s}}", router="service"):
    place.write("slipway.yaml", MANIFEST % (router, image, strategy))


def releases_come_and_go_on_a_cluster(place):
    if not has_double():
        return
    with Cluster(place) as cluster:
        write(place)
        plan = place.run("plan", "production")
        assert "api" in plan and "mail" in plan, plan
        place.run("deploy", "production")
        assert cluster.deployments() == {"api-r1": 2, "mail-r1": 1}, cluster.deployments()
        assert cluster.serving() == "1"
        assert "shop.example.com" in json.dumps(cluster.all("ingresses", "apis/networking.k8s.io/v1"))
        pods = cluster.all("pods")
        assert len(pods) == 3 and all(pod["status"]["phase"] == "Running" for pod in pods.values()), pods

        again = place.run("deploy", "production")
        assert cluster.deployments() == {"api-r1": 2, "mail-r1": 1}, again

        write(place, "serves:2")
        plan = place.run("plan", "production")
        assert "deployment/api-r2  beside deployment/api-r1" in plan, plan
        assert "spec.template.spec.containers[api].image: example/serves:1" in plan, plan
        report = json.loads(place.run("plan", "production", "--output", "json"))
        (service,) = [item for item in report["objects"] if item["title"] == "service/api"]
        assert service["changes"] == [] and not service["isNew"], service
        assert cluster.deployments() == {"api-r1": 2, "mail-r1": 1}, "a plan writes nothing"
        place.run("deploy", "production")
        eventually(lambda: cluster.deployments() == {"api-r2": 2, "mail-r1": 1}, 30, "the old release to leave")
        assert cluster.serving() == "2"

        status = place.run("status", "production")
        assert "@2" in status and "●●" in status, status

        # An image that is not there: the release before stays, and the words are the cluster's.
        write(place, "missing:3")
        failed = place.run("deploy", "production", code=3)
        assert "Back-off pulling image" in failed, failed
        assert cluster.serving() == "2"
        eventually(lambda: cluster.deployments() == {"api-r2": 2, "mail-r1": 1}, 30, "the failed release to leave")

        place.run("rollback", "production")
        eventually(lambda: cluster.deployments() == {"api-r1": 2, "mail-r1": 1}, 30, "the release before to be back")
        assert cluster.serving() == "1"

        write(place, "serves:4", "{rolling: {}}")
        place.run("deploy", "production")
        eventually(lambda: cluster.deployments() == {"api-r4": 2, "mail-r1": 1}, 30, "the rolled release")
        assert cluster.serving() == "4"


def what_a_cluster_cannot_do_is_said_before_anything_is_touched(place):
    if not has_double():
        return
    with Cluster(place) as cluster:
        write(place, strategy="{canary: {sticky: false, steps: [{weight: 10%}]}}")
        refused = place.run("deploy", "production", code=1)
        assert "weight of 10%" in refused, refused
        assert "shop" not in [item["metadata"]["name"] for item in cluster.get("/api/v1/namespaces")["items"]]


def what_the_cluster_would_refuse_is_said_before_anything_is_touched(place):
    if not has_double():
        return
    with Cluster(place) as cluster:
        write(place)
        place.run("deploy", "production")
        cluster.create("resourcequotas", {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "4"}}})
        write(place, "serves:2")
        plan = place.run("plan", "production", code=1)
        assert "quota: quota small leaves 1 of 4 pods; the rollout asks for 2 more" in plan, plan
        place.run("deploy", "production", code=1)
        assert cluster.deployments() == {"api-r1": 2, "mail-r1": 1}, cluster.deployments()
        doctor = place.run("doctor", "production", code=1)
        assert "quota small leaves" in doctor and "Kubernetes v1.36" in doctor, doctor
    # Nobody answers any more.
    plan = place.run("plan", "production", code=1)
    assert "cluster: " in plan, plan


def a_canary_gets_its_share_of_an_ingress(place):
    if not has_double():
        return

    def canary(cluster):
        ingresses = cluster.all("ingresses", "apis/networking.k8s.io/v1")
        notes = ingresses.get("api-canary", {}).get("metadata", {}).get("annotations", {})
        leads = ingresses["api"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"]
        return leads, notes.get("nginx.ingress.kubernetes.io/canary-weight")

    with Cluster(place) as cluster:
        steps = "{canary: {sticky: false, scaleDownDelay: 0s, steps: [{weight: 25%}, {hold: untilPromoted}]}}"
        write(place, strategy=steps, router="nginx")
        place.run("deploy", "production")
        assert canary(cluster) == ("api-r1", None), canary(cluster)
        write(place, "serves:2", strategy=steps, router="nginx")
        asked = place.run("deploy", "production", code=None)
        assert "waits for `slipway promote`" in asked, asked
        assert canary(cluster) == ("api-r1", "25"), canary(cluster)
        assert cluster.serving() == "1", "callers inside stay with the larger share"
        place.run("promote", "production")
        eventually(lambda: canary(cluster) == ("api-r2", None), 30, "all of them")
        eventually(lambda: "api-r1" not in cluster.all("services"), 30, "the first release's Service to go")
        # Going back half-way: nothing of the canary stays.
        write(place, "serves:3", strategy=steps, router="nginx")
        place.run("deploy", "production", code=None)
        assert canary(cluster) == ("api-r2", "25"), canary(cluster)
        place.run("abort", "production", code=None)
        eventually(lambda: canary(cluster) == ("api-r2", None), 30, "the canary to go")
        eventually(lambda: cluster.deployments() == {"api-r2": 2, "mail-r1": 1}, 30, "its Deployment to go")


def a_canary_gets_its_share_by_the_number_of_its_pods(place):
    if not has_double():
        return

    def stands(cluster):
        slices = cluster.all("endpointslices", "apis/discovery.k8s.io/v1").values()
        led = sum(len(each["endpoints"] or []) for each in slices
                  if each["metadata"]["labels"]["kubernetes.io/service-name"] == "api")
        return {name: count for name, count in cluster.deployments().items() if name != "mail-r1"}, led

    with Cluster(place) as cluster:
        steps = ("{canary: {sticky: false, scaleDownDelay: 0s, steps: "
                 "[{weight: 25%}, {hold: untilPromoted}, {weight: 80%}, {hold: untilPromoted}]}}")
        write(place, strategy=steps, router="replicas")
        place.run("deploy", "production")
        write(place, "serves:2", strategy=steps, router="replicas")
        planned = place.run("plan", "production", code=None)
        assert "api: instances share the requests: 25% is 1 of 3 (33%), 80% is 2 of 3 (67%)" in planned, planned
        place.run("deploy", "production", code=None)
        assert cluster.serving() is None, "one Service leads to both"
        assert stands(cluster) == ({"api-r1": 2, "api-r2": 1}, 3), stands(cluster)
        place.run("promote", "production", code=None)
        eventually(lambda: stands(cluster) == ({"api-r1": 1, "api-r2": 2}, 3), 30, "the larger share")
        place.run("abort", "production", code=None)
        eventually(lambda: stands(cluster) == ({"api-r1": 2}, 2), 30, "the canary to go")
        assert cluster.serving() == "1", cluster.serving()


def a_rollout_that_fails_for_its_cluster_says_so(place):
    if not has_double():
        return
    strategy = "{canary: {progressDeadline: 3s, sticky: false, steps: [{weight: 50%}, {hold: untilPromoted}, {weight: 80%}]}}"
    with Cluster(place) as cluster:
        write(place, strategy=strategy, router="replicas")
        place.run("deploy", "production")
        write(place, "serves:2", strategy=strategy, router="replicas")
        place.run("deploy", "production", code=None)
        cluster.process.kill()

        def told(pattern):
            return lambda: re.search(pattern, place.run("status", "production", code=None))

        eventually(told("! production: what runs in namespace shop cannot be followed: .*127.0.0.1.*"), 30, "a warning")
        promotion = place.start("promote", "production")
        eventually(told("no progress for 3s at: [^;]*; .*127.0.0.1"), 60, "the failure, and why")
        promotion.kill()


def only_one_release_runs_where_requests_are_refused_meanwhile(place):
    if not has_double():
        return
    with Cluster(place) as cluster:
        write(place, strategy="recreate")
        place.run("deploy", "production")
        write(place, "serves:2", strategy="recreate")
        planned = place.run("plan", "production", code=None)
        assert "api: requests are refused while it is replaced: this router cannot hold them" in planned, planned
        running = place.start("deploy", "production")
        seen = []
        while running.poll() is None:
            seen.append((cluster.serving(), tuple(name for name in cluster.deployments() if name != "mail-r1")))
        assert running.wait(timeout=30) == 0
        assert not [names for _, names in seen if len(names) > 1], "one at a time: %s" % sorted(set(seen))
        assert ("none", ("api-r1",)) in seen, "requests end before the release does: %s" % sorted(set(seen))
        assert cluster.serving() == "2" and "api-r1" not in cluster.deployments()


def a_load_that_doubles_in_a_rollout_is_carried_through_its_abort(place):
    if not has_double():
        return
    steps = "{canary: {sticky: false, scaleDownDelay: 1s, steps: [{weight: 25%}, {hold: untilPromoted}]}}"

    def scaled(image):
        write(place, image, strategy=steps, router="nginx")
        path = os.path.join(place.project, "slipway.yaml")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        place.write("slipway.yaml", text.replace(
            "    replicas: 2\n", "    scale: {min: 2, max: 8, cpu: 50%}\n    resources: {cpu: 500m}\n", 1))

    with Cluster(place) as cluster:
        scaled("serves:1")
        place.run("deploy", "production")
        assert cluster.deployments()["api-r1"] == 2, cluster.deployments()
        cluster.burn("1", 150)
        eventually(lambda: cluster.deployments()["api-r1"] == 3, 30, "the autoscaler to ask for a third")
        eventually(lambda: "●●●" in place.run("status", "production"), 30, "the third to be known")
        scaled("serves:2")
        asked = place.run("deploy", "production", code=None)
        assert "waits for `slipway promote`" in asked, asked
        assert cluster.deployments()["api-r1"] == 3 and cluster.deployments()["api-r2"] == 1, cluster.deployments()
        cluster.burn("1", 300)
        eventually(lambda: cluster.deployments()["api-r1"] == 6, 30, "stable to grow")
        eventually(lambda: cluster.deployments()["api-r2"] == 2, 30, "the canary to grow with it")
        autoscalers = cluster.all("horizontalpodautoscalers", "apis/autoscaling/v2")
        assert autoscalers["api-r1"]["spec"]["minReplicas"] == 6, autoscalers
        # Nothing shrinks in a rollout, whatever the load.
        cluster.burn("1", 20)
        place.run("abort", "production", code=None)
        eventually(lambda: "api-r2" not in cluster.deployments(), 30, "the canary to go")
        eventually(lambda: cluster.deployments()["api-r1"] == 2, 30, "as few as the load needs, when all is over")
        autoscalers = cluster.all("horizontalpodautoscalers", "apis/autoscaling/v2")
        assert list(autoscalers) == ["api-r1"] and autoscalers["api-r1"]["spec"]["minReplicas"] == 2, autoscalers
        place.run("scale", "production", "api", "5")
        eventually(lambda: cluster.deployments()["api-r1"] == 5, 30, "a count by hand")
        assert not cluster.all("horizontalpodautoscalers", "apis/autoscaling/v2")


def a_supervisor_that_is_killed_goes_on_where_it_was(place):
    if not has_double():
        return
    with Cluster(place) as cluster:
        write(place)
        place.run("deploy", "production")
        write(place, "never:2")
        deploy = place.start("deploy", "production")
        eventually(lambda: "api-r2" in cluster.deployments(), 30, "the trial to begin")
        os.kill(place.pid_of("supervisor"), 9)
        write(place, "serves:3")
        eventually(lambda: deploy.poll() is not None, 180, "the deploy to end")
        assert cluster.serving() == "1"
        place.run("deploy", "production", within=180)
        eventually(lambda: cluster.deployments() == {"api-r3": 2, "mail-r1": 1}, 30, "the next release")


MIGRATING = """
version: 1
project: shop
environments:
  production:
    runtime: kubernetes
    namespace: shop
services:
  api:
    image: example/serves:%d
    command: [serve]
    port: 8080
    replicas: 2
    drain: 1s
    migrate: {command: [%s], schema: "%d", compatible: true, verify: 0s}
    strategy: {blueGreen: {}}
"""


def a_migration_is_a_job_and_runs_before_anything_of_its_release(place):
    if not has_double():
        return

    def jobs(cluster):
        return sorted(cluster.all("jobs", "apis/batch/v1"))

    with Cluster(place) as cluster:
        place.write("slipway.yaml", MIGRATING % (1, "ends", 1))
        plan = place.run("plan", "production")
        assert "migrates to schema 1 first" in plan, plan
        place.run("deploy", "production")
        assert jobs(cluster) == ["api-migrate-1-1"] and cluster.serving() == "1"
        pods = [pod for name, pod in cluster.all("pods").items() if name.startswith("api-migrate-1-1-")]
        assert [pod["status"]["phase"] for pod in pods] == ["Succeeded"], pods
        assert "done" in place.run("logs", "production", "api", "--migrate")

        # A mark that was reached is not migrated to again.
        place.write("slipway.yaml", MIGRATING % (2, "ends", 1))
        place.run("deploy", "production")
        assert jobs(cluster) == ["api-migrate-1-1"] and cluster.serving() == "2"

        # One that fails: nothing of its release is ever there.
        place.write("slipway.yaml", MIGRATING % (3, "fails", 3))
        failed = place.run("deploy", "production", code=3)
        assert "exit code 3" in failed and "no such table" in failed, failed
        assert cluster.serving() == "2" and "api-r3" not in cluster.deployments(), cluster.deployments()
        assert "no such table" in place.run("logs", "production", "api", "--migrate")
        eventually(lambda: jobs(cluster) == ["api-migrate-3-1"], 30, "the Job before to be put away")

        # A supervisor that is killed in the middle finds it again.
        place.write("slipway.yaml", MIGRATING % (4, "goes", 4))
        place.run("deploy", "production", "--detach")
        eventually(lambda: "api-migrate-4-1" in jobs(cluster), 30, "the Job")
        eventually(lambda: [name for name, pod in cluster.all("pods").items() if name.startswith("api-migrate-4-1-")
                            and pod["status"]["phase"] == "Running"], 30, "its pod to run")
        os.kill(place.pid_of("supervisor"), 9)
        place.run("abort", "production", code=None)
        eventually(lambda: cluster.all("jobs", "apis/batch/v1")["api-migrate-4-1"]["spec"]["suspend"], 30, "its end")
        eventually(lambda: "migration was ended by signal 15" in place.run("history", "production", "4"), 30,
                   "its end to be told")
        assert cluster.serving() == "2" and list(cluster.deployments()) == ["api-r2"], cluster.deployments()


TESTS = [
    a_migration_is_a_job_and_runs_before_anything_of_its_release,
    releases_come_and_go_on_a_cluster,
    what_a_cluster_cannot_do_is_said_before_anything_is_touched,
    what_the_cluster_would_refuse_is_said_before_anything_is_touched,
    a_canary_gets_its_share_of_an_ingress,
    a_canary_gets_its_share_by_the_number_of_its_pods,
    a_rollout_that_fails_for_its_cluster_says_so,
    only_one_release_runs_where_requests_are_refused_meanwhile,
    a_load_that_doubles_in_a_rollout_is_carried_through_its_abort,
    a_supervisor_that_is_killed_goes_on_where_it_was,
]
