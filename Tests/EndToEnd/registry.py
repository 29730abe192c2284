"""`slipway doctor` of an environment on a cluster: what registries say of the images."""

import contextlib
import hashlib
import http.server
import json
import threading

OCI = "application/vnd.oci.image.%s.v1+json"


def digest(body):
    return "sha256:" + hashlib.sha256(body).hexdigest()


IMAGE = json.dumps({"schemaVersion": 2, "mediaType": OCI % "manifest", "layers": []}).encode()
INDEX = json.dumps({
    "schemaVersion": 2, "mediaType": OCI % "index",
    "manifests": [{"digest": digest(IMAGE), "platform": {"os": "linux", "architecture": "amd64"}}]}).encode()


class Registry(http.server.BaseHTTPRequestHandler):
    """It has shop/api for one platform, for whoever knows the password, and nothing else."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def answer(self, code, body=b"", **headers):
        self.send_response(code)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        if self.path == "/v2/":
            return self.answer(200)
        # anna:right
        if self.headers.get("Authorization") != "Basic YW5uYTpyaWdodA==":
            return self.answer(401, WWW_Authenticate='Basic realm="shop"')
        if not self.path.startswith("/v2/shop/api/"):
            return self.answer(404)
        body = IMAGE if self.path.endswith(digest(IMAGE)) else INDEX
        self.answer(200, body, Docker_Content_Digest=digest(body))

    do_HEAD = do_GET


@contextlib.contextmanager
def serving():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield "127.0.0.1:%d" % server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def doctor_asks_registries_about_images(place):
    with serving() as host:
        def manifest(image, nodes="{}"):
            place.write("slipway.yaml", "version: 1\nproject: shop\nservices:\n  api:\n    image: \"%s\"\n    command: [a]\n"
                        "    kubernetes: { nodes: %s }\nenvironments:\n  production: { runtime: kubernetes }\n" % (image, nodes))
        place.write("auth.json", json.dumps({"auths": {host: {"auth": "YW5uYTpyaWdodA=="}}}))
        place.environment["REGISTRY_AUTH_FILE"] = place.project + "/auth.json"

        def asked(code):
            checks = json.loads(place.run("doctor", "production", "--output", "json", code=code))
            return [(check["level"], check["text"] + " " + check["hint"])
                    for check in checks if check["name"] in ("image of api", "registries")]

        manifest(host + "/shop/api:1.0")
        (level, text), (doubt, pinning) = asked(None)
        assert level == "ok" and "is there, for linux/amd64" in text, text
        assert doubt == "warn" and digest(INDEX) in pinning, pinning
        manifest(host + "/shop/api@" + digest(INDEX), "{ kubernetes.io/arch: amd64 }")
        assert [level for level, _ in asked(None)] == ["ok"]
        manifest(host + "/shop/api:1.0", "{ kubernetes.io/arch: arm64 }")
        ((level, text),) = asked(1)
        assert level == "fail" and "not made for linux/arm64" in text, text
        manifest(host + "/shop/apy:1.0")
        ((level, text),) = asked(1)
        assert level == "fail" and "has no repository shop/apy" in text, text
        place.environment["REGISTRY_AUTH_FILE"] = place.project + "/none.json"
        ((level, text),) = asked(1)
        assert level == "fail" and "REGISTRY_AUTH_FILE" in text, text


TESTS = [doctor_asks_registries_about_images]
