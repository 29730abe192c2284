/// Debian's docker-registry with some images in it, as a program in Python. It is given `open`, `basic` (with TLS) or
/// `token`, and a directory; it prints its port, then what it holds as JSON.
let distributionServer = #"""
    import base64, hashlib, http.server, json, os, signal, socket, ssl, subprocess, sys, threading, time
    import urllib.error, urllib.parse, urllib.request
    mode, directory = sys.argv[1:]
    def place(name): return os.path.join(directory, name)
    def digest(body): return "sha256:" + hashlib.sha256(body).hexdigest()
    def free():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]
    # A certificate that vouches for itself: of the server, and of whoever signs tokens.
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", place("key.pem"), "-out", place("cert.pem")],
                   check=True, stderr=subprocess.DEVNULL)
    port = free()
    config = {"version": 0.1, "log": {"level": "error", "accesslog": {"disabled": True}},
              "storage": {"filesystem": {"rootdirectory": place("data")}, "delete": {"enabled": True}},
              "http": {"addr": "127.0.0.1:%d" % port}}

    # MARK: tokens
    def text(data): return base64.urlsafe_b64encode(data).decode().rstrip("=")
    def token(user, name, actions):
        chain = open(place("cert.pem")).read().replace("-----BEGIN CERTIFICATE-----", "")
        chain = "".join(chain.replace("-----END CERTIFICATE-----", "").split())
        now = int(time.time())
        claims = {"iss": "test", "sub": user, "aud": "distribution", "exp": now + 300, "nbf": now - 10, "iat": now,
                  "jti": str(time.monotonic_ns()), "access": []}
        if actions: claims["access"] = [{"type": "repository", "name": name, "actions": actions}]
        head = text(json.dumps({"typ": "JWT", "alg": "RS256", "x5c": [chain]}).encode())
        body = head + "." + text(json.dumps(claims).encode())
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", place("key.pem")], input=body.encode(),
                                stdout=subprocess.PIPE, check=True)
        return body + "." + text(signed.stdout)
    class Tokens(http.server.BaseHTTPRequestHandler):
        def log_message(self, *words): pass
        def do_GET(self):
            query = urllib.parse.parse_qs(self.path.partition("?")[2])
            user, code = "", 200
            if self.headers.get("Authorization"):
                user, _, password = base64.b64decode(self.headers["Authorization"][6:]).decode().partition(":")
                if password != "right": code = 401
            _, name, wanted = query["scope"][0].split(":")
            # Anybody may see what is public; carol has no right to anything else.
            allowed = name.startswith("public/") or user == "anna"
            self.send_response(code)
            self.end_headers()
            if code == 200: self.wfile.write(json.dumps({"token": token(user, name, ["pull"] if allowed else [])}).encode())
    if mode == "basic":
        with open(place("htpasswd"), "w") as file:
            file.write("anna:$2b$05$abcdefghijklmnopqrstuu8xaCxxL82bnl.UY74PMksDxIJShppPC\n")
        config["auth"] = {"htpasswd": {"realm": "test", "path": place("htpasswd")}}
        config["http"]["tls"] = {"certificate": place("cert.pem"), "key": place("key.pem")}
    if mode == "token":
        tokens = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
        threading.Thread(target=tokens.serve_forever, daemon=True).start()
        config["auth"] = {"token": {"realm": "http://127.0.0.1:%d/token" % tokens.server_address[1], "issuer": "test",
                                    "service": "distribution", "rootcertbundle": place("cert.pem")}}
    with open(place("config.yml"), "w") as file: json.dump(config, file)
    registry = subprocess.Popen(["/usr/bin/docker-registry", "serve", place("config.yml")], stdout=subprocess.DEVNULL,
                                stderr=open(place("log"), "w"))
    def end(*_):
        registry.terminate()
        registry.wait()
        os._exit(0)
    signal.signal(signal.SIGTERM, end)

    # MARK: images, by hand
    base = "%s://127.0.0.1:%d" % ("https" if mode == "basic" else "http", port)
    def ask(method, url, name="", body=None, type="application/octet-stream"):
        request = urllib.request.Request(urllib.parse.urljoin(base, url), data=body, method=method)
        if body is not None: request.add_header("Content-Type", type)
        if mode == "basic": request.add_header("Authorization", "Basic " + base64.b64encode(b"anna:right").decode())
        if mode == "token": request.add_header("Authorization", "Bearer " + token("anna", name, ["pull", "push", "delete"]))
        context = ssl.create_default_context(cafile=place("cert.pem")) if mode == "basic" else None
        return urllib.request.urlopen(request, timeout=10, context=context)
    deadline = time.monotonic() + 20
    while True:
        try:
            ask("GET", "/v2/")
            break
        except urllib.error.HTTPError: break
        except OSError:
            if registry.poll() is not None or time.monotonic() > deadline:
                sys.exit("docker-registry does not start: " + open(place("log")).read())
            time.sleep(0.02)
    def blob(name, body):
        upload = ask("POST", "/v2/%s/blobs/uploads/" % name, name, b"").headers["Location"]
        ask("PUT", "%s%sdigest=%s" % (upload, "&" if "?" in upload else "?", digest(body)), name, body)
        return {"digest": digest(body), "size": len(body)}
    def manifest(name, tag, value):
        body = json.dumps(value).encode()
        ask("PUT", "/v2/%s/manifests/%s" % (name, tag or digest(body)), name, body, value["mediaType"])
        return {"digest": digest(body), "size": len(body), "mediaType": value["mediaType"]}
    def image(name, tag, architecture, docker=False):
        types = ["application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.container.image.v1+json",
                 "application/vnd.docker.image.rootfs.diff.tar"] if docker else [
                 "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.config.v1+json",
                 "application/vnd.oci.image.layer.v1.tar"]
        layer = b"layer of " + architecture.encode()
        config = json.dumps({"os": "linux", "architecture": architecture,
                             "rootfs": {"type": "layers", "diff_ids": [digest(layer)]}}).encode()
        return manifest(name, tag, {"schemaVersion": 2, "mediaType": types[0],
                                    "config": dict(blob(name, config), mediaType=types[1]),
                                    "layers": [dict(blob(name, layer), mediaType=types[2])]})
    def index(name, tag, docker=False):
        type = "application/vnd.docker.distribution.manifest.list.v2+json" if docker else "application/vnd.oci.image.index.v1+json"
        images = [dict(image(name, None, word, docker), platform={"os": "linux", "architecture": word})
                  for word in ("amd64", "arm64")]
        return images, manifest(name, tag, {"schemaVersion": 2, "mediaType": type, "manifests": images})["digest"]
    images, top = index("shop/api", "1.0")
    _, listed = index("shop/list", "1.0", docker=True)
    single = image("shop/web", "2.0", "arm64", docker=True)["digest"]
    index("public/tool", "latest")
    orphans, _ = index("shop/orphan", "1.0")
    ask("DELETE", "/v2/shop/orphan/manifests/" + orphans[0]["digest"], "shop/orphan")
    print(port)
    print(json.dumps({"index": top, "amd64": images[0]["digest"], "list": listed, "single": single}), flush=True)
    while True: signal.pause()
    """#
