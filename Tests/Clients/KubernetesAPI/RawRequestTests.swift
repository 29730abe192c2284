import KubernetesObjects
import TestServers
import Testing

@testable import KubernetesAPI

/// Requests that are sent just as they are written.
@Suite(.timeLimit(.minutes(2))) struct RawRequestTests {
    private func with<Value>(_ body: (KubernetesClient) async throws -> Value) async throws -> Value {
        let server = try await ServerProcess.start(script: plainServer)
        defer { server.stop() }
        let client = KubernetesClient(
            ClusterAccess(name: "test", server: "http://127.0.0.1:\(server.port)", credential: .token("good")))
        let value = try await body(client)
        try await client.shutdown()
        return value
    }

    @Test func areSentOnceAndNoStatusIsAnError() async throws {
        try await with { client in
            let answer = try await client.send(RawRequest("GET", "/busy"))
            #expect(answer.status == 429)
            #expect(answer.values("retry-after") == ["7"])
            #expect(answer.values("Warning") == ["299 - \"one\"", "299 - \"two\""])
            let seen = try await client.send(RawRequest("GET", "/seen"))
            #expect(ObjectValue(json: seen.body)?["busy"] == 1)
        }
    }

    @Test func goAsTheyAreWritten() async throws {
        try await with { client in
            let request = RawRequest(
                "PATCH", "/echo?a=b", body: Array("[1]".utf8), type: "application/json-patch+json",
                accept: "text/plain",
                headers: [RawHeader("Impersonate-User", "ann")])
            let answer = try await client.send(request)
            let echo = try #require(ObjectValue(json: answer.body))
            #expect(echo["method"] == "PATCH" && echo["path"] == "/echo?a=b" && echo["body"] == "[1]")
            #expect(echo["type"] == "application/json-patch+json" && echo["accept"] == "text/plain")
            #expect(echo["user"] == "ann" && echo["authorization"] == "Bearer good")
        }
    }

    @Test func linesAreReadAsFarAsOneWants() async throws {
        try await with { client in
            let some = try await client.lines(of: RawRequest("GET", "/endless"), upTo: 2, within: 20_000)
            #expect(some.answer.status == 200)
            #expect(some.lines.map { String(decoding: $0, as: UTF8.self) } == ["1", "2"])
            let all = try await client.lines(of: RawRequest("GET", "/three"), upTo: nil, within: 20_000)
            #expect(all.lines.count == 3)
            let none = try await client.lines(of: RawRequest("GET", "/busy"), upTo: 1, within: 20_000)
            #expect(none.answer.status == 429 && none.lines.isEmpty && !none.answer.body.isEmpty)
        }
    }

    @Test func linesThatDoNotComeAreAnError() async throws {
        try await with { client in
            let trouble = await #expect(throws: ClusterTrouble.self) {
                _ = try await client.lines(of: RawRequest("GET", "/endless"), upTo: 4, within: 300)
            }
            #expect(trouble?.kind == .unreachable)
        }
    }
}

/// Says three lines to `/endless`, and keeps the connection.
private let plainServer = #"""
    import http.server, json, socketserver
    seen = {}
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def log_message(self, *words): pass
        def any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            where = self.path.split("?")[0][1:]
            seen[where] = seen.get(where, 0) + 1
            if where in ("endless", "three"):
                self.send_response(200)
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(b"1\n2\n3\n")
                self.wfile.flush()
                if where == "endless": self.connection.recv(1)
                self.close_connection = True
                return
            names = {"type": "Content-Type", "accept": "Accept", "user": "Impersonate-User",
                     "authorization": "Authorization"}
            echo = dict(method=self.command, path=self.path, body=body,
                        **{key: self.headers.get(name) for key, name in names.items()})
            text = json.dumps(seen if where == "seen" else echo).encode()
            self.send_response(429 if where == "busy" else 200)
            if where == "busy":
                self.send_header("Retry-After", "7")
                self.send_header("Warning", '299 - "one"')
                self.send_header("Warning", '299 - "two"')
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = any
    class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
        daemon_threads = True
        def handle_error(self, *words): pass
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
    """#
