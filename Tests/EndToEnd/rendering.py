"""`slipway render`: the same objects by every way, as kubectl and Helm's template engine see them."""

import json
import os
import re
import shutil
import subprocess

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
CATALOGUE = os.path.join(HERE, "..", "..", "Examples", "catalogue")
ENVIRONMENTS = ["dev", "staging", "production"]


def catalogue(place):
    for name in ("slipway.yaml", "mail.conf"):
        shutil.copy(os.path.join(CATALOGUE, name), os.path.join(place.project, name))


def rendered(place, *words):
    """Standard output alone: what cannot be rendered is told beside it."""
    answer = subprocess.run(
        [place.slipway, "render", *words], cwd=place.project, env=place.environment, capture_output=True, text=True,
        timeout=120, stdin=subprocess.DEVNULL)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def objects(text):
    """By kind and name."""
    found = {}
    for one in yaml.safe_load_all(text):
        if one is None:
            continue
        key = (one["kind"], one["metadata"]["name"])
        assert key not in found, "%s twice" % (key,)
        found[key] = one
    return found


def differ(one, other, path=""):
    """Where two values differ, in words."""
    if type(one) is not type(other):
        return ["%s: %r and %r" % (path, one, other)]
    if isinstance(one, dict):
        return [line for key in sorted(set(one) | set(other))
                for line in differ(one.get(key), other.get(key), "%s/%s" % (path, key))]
    if isinstance(one, list) and len(one) == len(other):
        return [line for index, pair in enumerate(zip(one, other)) for line in differ(*pair, "%s/%d" % (path, index))]
    return [] if one == other else ["%s: %r and %r" % (path, one, other)]


def has(program):
    """Aloud when it is not there; where peers are required that is an error."""
    if shutil.which(program):
        return True
    if os.environ.get("SLIPWAY_REQUIRE_PEERS"):
        raise AssertionError("%s is not installed" % program)
    print("skipped: %s is not installed" % program, flush=True)
    return False


def the_catalogue_is_rendered_the_same_by_kustomize(place):
    if not has("kubectl"):
        return
    catalogue(place)
    place.run("render", *ENVIRONMENTS, "--to", "kustomize", "--output-dir", "deploy")
    for environment in ENVIRONMENTS:
        plain = objects(rendered(place, environment))
        made = subprocess.run(
            ["kubectl", "kustomize", os.path.join(place.project, "deploy", "overlays", environment)],
            capture_output=True, text=True, timeout=60)
        assert made.returncode == 0, made.stderr
        overlaid = objects(made.stdout)
        assert set(plain) == set(overlaid), set(plain) ^ set(overlaid)
        found = [line for key in plain for line in differ(plain[key], overlaid[key], "/".join(key))]
        assert not found, found[:10]


def merged(standard, values):
    """As Helm merges values: maps key by key, null takes a key away."""
    if not isinstance(standard, dict) or not isinstance(values, dict):
        return values
    result = dict(standard)
    for key, value in values.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(standard.get(key), value)
    return result


def environments_side_by_side_have_directories_of_their_own(place):
    catalogue(place)
    assert "--output-dir" in place.run("render", *ENVIRONMENTS, code=2)
    assert "named twice" in place.run("render", "dev", "dev", "-o", "rendered", code=2)
    place.run("render", *ENVIRONMENTS, "-o", "rendered")
    for environment in ENVIRONMENTS:
        folder = os.path.join(place.project, "rendered", environment)
        text = []
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text.append(file.read())
        assert objects("---\n".join(text)) == objects(rendered(place, environment)), environment
    # What says the same already is left alone.
    changed, same = (os.path.join(place.project, "rendered", "dev", name) for name in ("service-web.yaml", "service-cart.yaml"))
    before = os.stat(same).st_mtime_ns
    with open(changed, "r+", encoding="utf-8") as file:
        whole = file.read()
        file.truncate(len(whole) // 2)
    place.run("render", *ENVIRONMENTS, "-o", "rendered")
    with open(changed, encoding="utf-8") as file:
        assert file.read() == whole
    assert os.stat(same).st_mtime_ns == before
    assert not [name for name in os.listdir(os.path.dirname(same)) if not name.endswith(".yaml")]
    told = place.run("render", "dev", "-o", "/proc/rendered", code=1)
    assert "cannot make the directory /proc/rendered: No such file or directory" in told, told


def the_catalogue_is_rendered_the_same_by_a_helm_chart(place):
    if not has("go"):
        return
    catalogue(place)
    place.run("render", *ENVIRONMENTS, "--to", "helm", "--output-dir", "chart", "--chart-version", "1.2.3")
    chart = os.path.join(place.project, "chart")

    def read(name):
        with open(os.path.join(chart, name)) as file:
            return file.read()

    about = yaml.safe_load(read("Chart.yaml"))
    assert about["apiVersion"] == "v2" and about["version"] == "1.2.3", about
    engine = os.path.join(place.project, "engine")
    subprocess.run(["go", "build", "-o", engine, "main.go"], cwd=os.path.join(HERE, "helm"), check=True, timeout=300,
                   env=dict(os.environ, GOCACHE=os.path.join(place.project, "cache"), GO111MODULE="off", HOME=place.project))
    templates = {name: read("templates/" + name) for name in os.listdir(os.path.join(chart, "templates"))}
    import jsonschema
    schema = json.loads(read("values.schema.json"))
    for environment in ENVIRONMENTS:
        plain = objects(rendered(place, environment))
        plain = {key: value for key, value in plain.items() if key[0] != "Namespace"}
        namespace = next(iter(plain.values()))["metadata"]["namespace"]
        values = merged(yaml.safe_load(read("values.yaml")), yaml.safe_load(read("values-%s.yaml" % environment)))
        jsonschema.validate(values, schema)

        def charted_by(values, is_install):
            made = subprocess.run(
                [engine], capture_output=True, text=True, timeout=60, input=json.dumps({
                    "templates": templates, "values": values, "chart": {"Name": about["name"], "Version": about["version"]},
                    "release": {"Name": "catalogue", "Namespace": namespace, "Service": "Helm", "IsInstall": is_install}}))
            assert made.returncode == 0, made.stderr
            texts = json.loads(made.stdout)
            assert namespace in texts.pop("NOTES.txt")
            return objects("\n---\n".join(texts.values()))

        charted = charted_by(values, is_install=True)
        # What a migration needs may come with the chart, but for an upgrade: then a failure is one.
        migration = ("Job", "orders-migrate")
        assert charted[migration]["metadata"]["annotations"]["helm.sh/hook"] == "post-install,pre-upgrade", charted[migration]
        assert charted[migration]["spec"]["backoffLimit"] == 6, charted[migration]
        before = charted_by(dict(values, migrations={"beforeInstall": True}), is_install=False)[migration]
        assert before["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade", before
        assert before["spec"]["backoffLimit"] == 0, before
        plain = {(kind, hook_name(name) if kind == "Job" else name): one for (kind, name), one in plain.items()}
        assert set(plain) == set(charted), set(plain) ^ set(charted)
        found = [line for key in plain for line in differ(ours(plain[key]), helms(charted[key]), "/".join(key))]
        assert not found, found[:10]
    assert "enabled" in values["services"]["gateway"]["ingress"], values["services"]["gateway"]
    schema_errors = list(jsonschema.Draft7Validator(schema).iter_errors({"services": {"web": {"replicas": "many"}}}))
    assert schema_errors, "a count that is no number must be refused"


def hook_name(name):
    """Of a migration: without the mark of what it says."""
    assert re.fullmatch(r"[a-z]+-migrate-[0-9a-f]{8}", name), name
    return name.rsplit("-", 1)[0]


def ours(one):
    """Without what a chart says in its own way; and with the count that a cluster would fill in."""
    one = json.loads(json.dumps(one))
    one["metadata"].get("labels", {}).pop("app.kubernetes.io/managed-by", None)
    if one["kind"] == "Job":
        one["metadata"]["name"] = hook_name(one["metadata"]["name"])
    if one["kind"] == "Deployment":
        one["spec"].setdefault("replicas", 1)
        annotations = one["spec"]["template"]["metadata"].get("annotations", {})
        if annotations.pop("slipway.dev/configuration", None):
            annotations["checksum"] = True
    return one


def helms(one):
    labels = one["metadata"]["labels"]
    assert labels.pop("app.kubernetes.io/managed-by") == "Helm"
    assert labels.pop("helm.sh/chart") == "catalogue-1.2.3"
    if one["kind"] == "Job":
        del one["metadata"]["annotations"], one["spec"]["backoffLimit"]
    if one["kind"] == "Deployment":
        one["spec"].setdefault("replicas", 1)
        annotations = one["spec"]["template"]["metadata"].get("annotations", {})
        if len(annotations.pop("checksum/configuration", "")) == 64:
            annotations["checksum"] = True
    return one


def rendering_says_what_it_cannot(place):
    catalogue(place)
    told = place.run("render", "production", "--to", "kustomize", code=2)
    assert "--output-dir" in told, told
    told = place.run("render", "prodution", code=2)
    assert "did you mean `production`" in told, told
    text = rendered(place, "production", "--image", "cart=registry.example.com/cart@sha256:" + "a" * 64)
    assert objects(text)[("Deployment", "cart")]["spec"]["template"]["spec"]["containers"][0]["image"].endswith("a" * 64)
    told = place.run("render", "production", "--image", "kart=x", code=2)
    assert "did you mean `cart`" in told, told
    # A Job cannot be changed: what would migrate with another image is another one.
    changed = rendered(place, "production", "--image", "orders=registry.example.com/orders@sha256:" + "b" * 64)
    jobs = [{name for kind, name in objects(text) if kind == "Job" and name.startswith("orders-")} for text in (text, changed)]
    assert len(jobs[0]) == len(jobs[1]) == 1 and jobs[0] != jobs[1], jobs
    told = place.run("render", "production", "--output-dir", "out")
    assert "note: production: `orders` migrates beside its new pods, not before them" in told, told
    place.write("out/deployment-gone.yaml", "kind: Deployment\n")
    told = place.run("render", "production", "--output-dir", "out")
    assert "out/deployment-gone.yaml is not of this rendering" in told and "service-web.yaml is not" not in told, told
    told = place.run("plan", "production", code=1)
    assert "there is no kubeconfig" in told, told
    with open(os.path.join(place.project, "slipway.yaml")) as file:
        manifest = file.read()
    place.write("slipway.yaml", manifest.replace("payments: { replicas: 3, strategy: rolling }", "payments: { replicas: 3 }"))
    told = place.run("plan", "production", code=1)
    assert "payments has no `routes`, and `router: nginx` shares only requests from outside" in told, told
    assert "./redis-server" not in place.run("doctor", "production", code=None)
    place.nginx(1)
    told = place.run("render", "dev", code=1)
    assert "does not run on Kubernetes" in told, told


def what_is_rendered_can_be_imported(place):
    """Of a cluster's objects a manifest, which is right, and has the same services."""
    catalogue(place)
    text = rendered(place, "production")
    answer = subprocess.run(
        [place.slipway, "import", "kubernetes", "-", "--project", "again"], cwd=place.project, env=place.environment,
        input=text, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 1 and "Job/orders-migrate-" in answer.stdout, answer.stderr
    with open(os.path.join(place.project, "slipway.yaml"), "w") as file:
        file.write(answer.stdout)
    place.run("check")
    before, after = objects(text), objects(rendered(place, "production"))
    kinds = {kind: sum(1 for key in after if key[0] == kind) for kind in ("Deployment", "Service", "Ingress")}
    assert kinds == {kind: sum(1 for key in before if key[0] == kind) for kind in kinds}, kinds
    empty = subprocess.run(
        [place.slipway, "import", "kubernetes", "-"], cwd=place.project, env=place.environment, input="kind: Widget\n",
        capture_output=True, text=True, timeout=120)
    assert empty.returncode == 2 and "there is no Deployment" in empty.stderr, empty.stderr


TESTS = [
    the_catalogue_is_rendered_the_same_by_kustomize, the_catalogue_is_rendered_the_same_by_a_helm_chart,
    environments_side_by_side_have_directories_of_their_own, rendering_says_what_it_cannot, what_is_rendered_can_be_imported,
]
