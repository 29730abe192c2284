import TestServers

/// A small web application in Python, good and bad by path.
enum PythonServer {
    static func start() async throws -> ServerProcess { try await ServerProcess.start(script: source) }

    private static let source = """
        import json, socketserver, sys, time
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        seen = []
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *args): pass
            def answer(self, status, body, headers=()):
                data = body.encode() if isinstance(body, str) else body
                self.send_response(status)
                for name, value in headers: self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD": self.wfile.write(data)
            def json(self, status, value):
                self.answer(status, json.dumps(value), [("Content-Type", "application/json; charset=utf-8")])
            def do_GET(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length).decode()
                seen.append(self.path)
                path = self.path
                if path == "/": self.answer(200, "Welcome to the shop")
                elif path == "/seen": self.json(200, seen)
                elif path == "/echo":
                    self.json(200, {"method": self.command, "body": body,
                        "headers": {name.lower(): value for name, value in self.headers.items()}})
                elif path == "/data": self.json(200, {"items": [{"id": 7, "name": "a b"}], "ratio": 1.0,
                    "ok": True, "none": None, "evil": "x\\r\\nEvil: 1"})
                elif path == "/items" and self.command == "POST": self.json(201, {"id": "x/1 ?", "got": body})
                elif path.startswith("/items/"): self.json(200, {"path": path})
                elif path == "/moved": self.answer(302, "", [("Location", "/login")])
                elif path == "/boom": self.answer(500, "Traceback: \\x1b[31mKeyError\\n" + "x" * 1000)
                elif path == "/slow":
                    time.sleep(0.4); self.answer(200, "late")
                elif path == "/hang": time.sleep(30)
                elif path == "/trickle":
                    self.send_response(200); self.send_header("Content-Length", "1000"); self.end_headers()
                    for _ in range(100):
                        self.wfile.write(b"x"); self.wfile.flush(); time.sleep(0.2)
                elif path == "/cut":
                    self.send_response(200); self.send_header("Content-Length", "1000"); self.end_headers()
                    self.wfile.write(b"half"); self.wfile.flush(); self.close_connection = True
                    self.connection.shutdown(2)
                elif path == "/garbage":
                    self.wfile.write(b"\\x00\\x01 not HTTP at all\\r\\n\\r\\n"); self.close_connection = True
                elif path == "/large": self.answer(200, b"y" * 3000000)
                else: self.answer(404, "nothing here")
            do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        print(server.server_port, flush=True)
        server.serve_forever()
        """
}
