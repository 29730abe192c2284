/// A registry in Python: what it does with a repository is told by the first part of its name.
let oddRegistry = #"""
    import base64, hashlib, http.server, json, socketserver, threading, urllib.parse
    counts, lock = {}, threading.Lock()
    OCI = "application/vnd.oci.image.%s.v1+json"
    def packed(value): return json.dumps(value).encode()
    def digest(body): return "sha256:" + hashlib.sha256(body).hexdigest()
    def image(architecture):
        config = packed({"os": "linux", "architecture": architecture} if architecture else {})
        return config, packed({"schemaVersion": 2, "mediaType": OCI % "manifest", "layers": [],
                               "config": {"mediaType": OCI % "config", "digest": digest(config), "size": len(config)}})
    AMD, ARM, NONE = image("amd64"), image("arm64"), image("")
    INDEX = packed({"schemaVersion": 2, "mediaType": OCI % "index", "manifests": [
        {"digest": digest(AMD[1]), "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": digest(ARM[1]), "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
        {"digest": digest(NONE[1]), "platform": {"os": "unknown", "architecture": "unknown"}}]})
    BY = {digest(body): body for body in AMD + ARM + NONE + (INDEX,)}
    brief = set()
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def log_message(self, *words): pass
        def count(self, what):
            with lock:
                counts[what] = counts.get(what, 0) + 1
                return counts[what]
        def answer(self, code, body=b"", **headers):
            body = body if isinstance(body, bytes) else packed(body)
            self.send_response(code)
            for name, text in headers.items(): self.send_header(name.replace("_", "-"), text)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD": self.wfile.write(body)
        def error(self, code, word, **headers):
            self.answer(code, {"errors": [{"code": word, "message": word.lower()}]}, **headers)
        def manifest(self, body, **headers):
            self.answer(200, body, Docker_Content_Digest=digest(body), **headers)
        def whole(self, target):
            """What a well-behaved registry says."""
            if ":" in target and target not in BY: return self.error(404, "MANIFEST_UNKNOWN")
            self.manifest(BY.get(target, INDEX))
        def challenge(self, name, **more):
            words = 'Bearer realm="http://127.0.0.1:%d/token",service="odd",scope="repository:%s:pull"' % (PORT, name)
            words += "".join(',%s="%s"' % pair for pair in more.items())
            self.error(401, "UNAUTHORIZED", WWW_Authenticate=words)
        def token(self):
            length = int(self.headers.get("Content-Length") or 0)
            form = urllib.parse.parse_qs(self.rfile.read(length).decode() or self.path.partition("?")[2])
            who = "nobody"
            if self.command == "POST":
                assert form["grant_type"] == ["refresh_token"] and form["refresh_token"] == ["refresh me"], form
                who = "refreshed"
            elif self.headers.get("Authorization"):
                user, _, password = base64.b64decode(self.headers["Authorization"][6:]).decode().partition(":")
                if password != "right": return self.error(401, "UNAUTHORIZED")
                who = user
            assert form["service"] == ["odd"]
            number = self.count("token " + who)
            text = "%s|%s|%d" % (who, form["scope"][0], number)
            name = "access_token" if self.command == "POST" else "token"
            self.answer(200, {name: base64.urlsafe_b64encode(text.encode()).decode(), "expires_in": 300})
        def any(self):
            if self.path == "/counts": return self.answer(200, counts)
            if self.path == "/v2/": return self.answer(200, {})
            if self.path.startswith("/token"): return self.token()
            authorization = self.headers.get("Authorization") or ""
            if self.path.startswith("/elsewhere/"):
                self.count("elsewhere " + ("with" if authorization else "without"))
                return self.answer(400 if authorization else 200, AMD[0])
            if self.path.startswith("/near/"):
                return self.answer(200 if authorization else 400, AMD[0])
            _, _, where, rest, kind, target = self.path.split("/", 5)
            name, number = where + "/" + rest, self.count(where)
            if where in ("secret", "public", "brief"):
                if not authorization.startswith("Bearer "): return self.challenge(name)
                who, scope, _ = base64.urlsafe_b64decode(authorization[7:]).decode().split("|")
                if scope != "repository:%s:pull" % name: return self.challenge(name, error="insufficient_scope")
                if who == "nobody" and where == "secret": return self.challenge(name, error="insufficient_scope")
                if where == "brief":
                    if authorization in brief: return self.challenge(name, error="invalid_token")
                    brief.add(authorization)
                return self.whole(target)
            if where == "basic":
                if authorization != "Basic " + base64.b64encode(b"anna:right").decode():
                    return self.error(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="odd"')
                return self.whole(target)
            if where in ("moved", "near"):
                if not authorization: return self.error(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="odd"')
                if kind == "manifests": return self.manifest(AMD[1])
                there = "http://localhost:%d/elsewhere/%s" % (PORT, target) if where == "moved" else "/near/" + target
                return self.answer(307, Location=there)
            if where == "strange": return self.error(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="odd"')
            if where == "index": return self.whole(target)
            if where == "liar": return self.manifest(INDEX)
            if where == "silent": return self.answer(200, INDEX)
            if where == "busy" and number == 1: return self.error(429, "TOOMANYREQUESTS", Retry_After="0")
            if where == "busy" and number == 2: return self.error(503, "UNKNOWN")
            if where == "wait": return self.error(429, "TOOMANYREQUESTS", Retry_After="3600")
            if where == "down": return self.answer(502, b"<html>")
            if where == "cut" and number == 1:
                self.close_connection = True
                return self.connection.close()
            if where == "lies": return self.answer(200, INDEX, Docker_Content_Digest=digest(b"another"))
            if where == "both": return self.manifest(packed({"manifests": [], "config": {}}))
            if where == "html": return self.answer(200, b"<html>Welcome to the hotel")
            if where == "flood": return self.answer(200, b" " * (5 << 20))
            if where == "hang": return self.connection.recv(1)
            if where == "orphan" and ":" in target: return self.error(404, "MANIFEST_UNKNOWN")
            if where == "none": return self.error(404, "NAME_UNKNOWN" if kind == "tags" else "MANIFEST_UNKNOWN")
            if where == "untagged" and kind == "tags": return self.answer(200, {"tags": ["1.1", "1.0"]})
            if where == "untagged": return self.answer(404)
            if where == "forbidden": return self.error(403, "DENIED")
            if where == "circle": return self.answer(302, Location=self.path)
            if where == "nowhere": return self.answer(302, Location="gopher://x/")
            if where == "teapot": return self.answer(418)
            if where == "badconfig": return self.manifest(AMD[1]) if kind == "manifests" else self.answer(200, ARM[0])
            if where == "platformless": return self.manifest(NONE[1]) if kind == "manifests" else self.answer(200, NONE[0])
            if where == "wrongplatform": return self.manifest(ARM[1]) if kind == "manifests" else self.answer(200, ARM[0])
            self.whole(target)
        do_GET = do_HEAD = do_POST = any
    class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
        daemon_threads = True
        def handle_error(self, *words): pass
    server = Server(("127.0.0.1", 0), Handler)
    PORT = server.server_address[1]
    print(PORT, flush=True)
    server.serve_forever()
    """#
