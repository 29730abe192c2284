"""The catalogue of examples, deployed to the cluster's double: nineteen services, in waves."""

import json
import os
import urllib.request

import yaml

from kubernetes import Cluster
from rendering import CATALOGUE

# What the catalogue's clusters have besides Kubernetes itself.
ADDONS = [
    ("autoscaling.k8s.io", "v1", "VerticalPodAutoscaler"),
    ("external-secrets.io", "v1", "ExternalSecret"),
    ("jobset.x-k8s.io", "v1alpha2", "JobSet"),
    ("keda.sh", "v1alpha1", "ScaledObject"),
    ("monitoring.coreos.com", "v1", "ServiceMonitor"),
]


def define(cluster, group, version, kind):
    plural = kind.lower() + "s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced",
                 "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": kind + "List"},
                 "versions": [{"name": version, "served": True, "storage": True, "schema": schema}]}}
    request = urllib.request.Request(
        f"http://127.0.0.1:{cluster.port}/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        json.dumps(definition).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()


def the_catalogue_is_deployed_in_waves(place):
    for name in ("slipway.yaml", "mail.conf"):
        with open(os.path.join(CATALOGUE, name), encoding="utf-8") as file:
            # Of a pod that runs once the double takes its end from the command.
            place.write(name, file.read().replace("./migrate", "ends"))
    with open(os.path.join(place.project, "slipway.yaml"), encoding="utf-8") as file:
        services = yaml.safe_load(file)["services"]
    with Cluster(place) as cluster:
        for addon in ADDONS:
            define(cluster, *addon)
        for environment in ("dev", "production"):
            told = place.run("deploy", environment, "--skip-preflight", "there is no registry").splitlines()
            lines = [line.split(" ", 1)[1] for line in told if " " in line]
            for name, service in services.items():
                began = next(index for index, line in enumerate(lines) if line.startswith(f"{name}@1: rollout starts"))
                for need in service.get("needs", []):
                    arrived = next(index for index, line in enumerate(lines) if line.startswith(f"{need}@1: has arrived"))
                    assert arrived < began, f"{name} begins before {need} stands, in {environment}"
            standing = json.loads(place.run("status", environment, "--output", "json"))["services"]
            assert sorted(service["name"] for service in standing) == sorted(services)
            for service in standing:
                assert any(instance["phase"] == "ready" for instance in service["instances"]), service
            assert "nothing to do" in place.run("plan", environment, code=None)


TESTS = [the_catalogue_is_deployed_in_waves]
