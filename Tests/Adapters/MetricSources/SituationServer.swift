import TestServers

/// A Prometheus and a web server that are in every situation, by path: `/prom/late`, `/web/late`.
enum SituationServer {
    static func start() async throws -> ServerProcess { try await ServerProcess.start(script: script) }

    /// Of its clock: Sun, 06 Nov 1994 08:49:37 GMT, in milliseconds since 1970.
    static let now: Int64 = 784_111_777_000

    private static let script = """
        import json, time
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        NOW = 784111777
        def vector(*values): return {"resultType": "vector", "result": [
            {"metric": {"n": str(n)}, "value": [NOW, value]} for n, value in enumerate(values)]}
        def matrix(*rows): return {"resultType": "matrix", "result": [
            {"metric": {"n": str(n)}, "values": [[NOW - 10 + k, value] for k, value in enumerate(row)]}
            for n, row in enumerate(rows)]}
        class Server(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            clock = "Sun, 06 Nov 1994 08:49:37 GMT"
            def log_message(self, *words): pass
            def date_time_string(self, timestamp=None): return self.clock
            def say(self, status, body):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()
            def do_GET(self):
                _, kind, situation = self.path.split("/")[:3]
                if situation == "late": self.connection.recv(1)
                elif situation == "trickling":
                    self.send_response(200); self.send_header("Content-Length", "1000"); self.end_headers()
                    for _ in range(300): self.wfile.write(b" "); self.wfile.flush(); time.sleep(0.2)
                elif situation == "dropped":
                    self.send_response(200); self.send_header("Content-Length", "1000"); self.end_headers()
                    self.wfile.write(b'{"status": "succ'); self.wfile.flush(); self.close_connection = True
                    self.connection.shutdown(2)
                elif situation == "failing": self.say(500, b"oops")
                elif situation == "malformed": self.say(200, b'{"status": "success", "data": [')
                elif situation == "endless": self.say(200, b" " * (9 << 20))
                elif kind == "web": self.web(situation)
                else: self.prom(situation, self.path.endswith("query_range"))
            def web(self, situation):
                value = {"number": 0.25, "nothing": [], "several": [[1, 2], [3]], "notANumber": None}.get(situation)
                self.say(200, {"data": {"value": value}})
            def prom(self, situation, ranged):
                if situation == "clockApart": self.clock = "Sun, 06 Nov 1994 09:49:37 GMT"
                if situation == "wrongQuestion":
                    return self.say(400, {"status": "error", "errorType": "bad_data", "error": "parse error"})
                rows = {"nothing": [], "several": ["1", "2"], "notANumber": ["NaN"], "infinite": ["+Inf"]}
                values = rows.get(situation, ["0.25"])
                data = matrix(*[["0.2"] * 10 + [value] for value in values]) if ranged else vector(*values)
                body = {"status": "success", "data": data}
                if situation == "partial": body["warnings"] = ["store b did not answer"]
                self.say(200, body)
        class Patient(ThreadingHTTPServer):
            daemon_threads = True
            def handle_error(self, *words): pass
        server = Patient(("127.0.0.1", 0), Server)
        print(server.server_port, flush=True)
        server.serve_forever()
        """
}
