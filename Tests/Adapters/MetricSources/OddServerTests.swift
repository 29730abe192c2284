import Domain
import Glibc
import Ports
import TestServers
import Testing

@testable import MetricSources

/// What a real server does not do on demand: it is late, wrong, gone, or answers a part.
@Suite(
    "Servers that misbehave", .timeLimit(.minutes(2)),
    .enabled(if: access(ServerProcess.python, X_OK) == 0, "python3 is not installed"))
struct OddServerTests {
    /// Sunday, 6 November 1994, 08:49:37 UTC: what the server says that it is when it is right.
    private static let now: Int64 = 784_111_777_000
    private let desk = SourceDesk.sample { now }

    private func ask(
        _ path: String, access: WebAccess = WebAccess(), allowsPartial: Bool = false, limit: Span = .seconds(10),
        ranged: Bool = false
    ) async throws -> MetricAnswer {
        let server = try await ServerProcess.start(script: Self.script)
        defer { server.stop() }
        let spec = PrometheusSpec(
            url: "http://127.0.0.1:\(server.port)\(path)", access: access, allowsPartial: allowsPartial)
        let question = MetricQuestion(
            source: MetricSource(name: "odd", way: .prometheus(spec)), query: "a", limit: limit)
        guard ranged else { return await desk.value(question) }
        let range = MetricRange(start: Self.now - 10_000, end: Self.now, step: .seconds(1))
        return await desk.series(question, over: range)
    }

    @Test(arguments: [
        ("/page", "is not what Prometheus answers"), ("/500", "status 500"),
        ("/503", "status 503 (unavailable): no store"),
        ("/404", "is the `url` the server's own"), ("/401", "do not let us in"),
        ("/redirect", "status 302: it points elsewhere"),
        ("/cut", "closed without a complete answer"), ("/dropped", "closed without a complete answer"),
        ("/garbage", "not HTTP"), ("/huge", "more than 8 MiB"), ("/nodata", "without data"), ("/odd", "gives a stream"),
        ("/many", "gives 1001 series"), ("/histogram", "native histogram"),
        ("/nonumber", "is not what Prometheus answers"),
        ("/partial", "from a part of the data, with a warning: store b did not answer"),
    ])
    func saysWhatIsWrong(_ path: String, _ words: String) async throws {
        let trouble = try #require(try await ask(path).trouble)
        #expect(trouble.contains(words), "\(trouble)")
    }

    @Test func lateIsNoAnswer() async throws {
        let late = try await ask("/late", limit: .milliseconds(300)).trouble
        #expect(late == "no complete answer within 300ms")
        let own = try await ask("/trickle", access: WebAccess(timeout: .milliseconds(400))).trouble
        #expect(own == "no complete answer within 400ms")
    }

    @Test func nobodyThereIsSaid() async throws {
        let server = try await ServerProcess.start(script: Self.script)
        server.stop()
        let spec = PrometheusSpec(url: "http://127.0.0.1:\(server.port)")
        let source = MetricSource(name: "gone", way: .prometheus(spec))
        let answer = await desk.value(MetricQuestion(source: source, query: "up", limit: .seconds(5)))
        #expect(answer.trouble == "Connection refused")
    }

    @Test func partialAnswersAreTakenWhenAllowed() async throws {
        let answer = try await ask("/partial", allowsPartial: true)
        #expect(answer == .series([MetricSeries(labels: "{}", values: [1])], notes: ["store b did not answer"]))
        let info = try await ask("/info")
        #expect(info == .series([MetricSeries(labels: "{}", values: [1])], notes: ["might not be a counter"]))
    }

    @Test func gatewaysThatLetOnlyGetThroughAreAskedSo() async throws {
        #expect(try await ask("/getonly").values == [[1]])
    }

    @Test func whoMayAskIsLetIn() async throws {
        let token = scratchFile("t0ken\n")
        defer { unlink(token) }
        let bearer = WebAccess(credentials: .bearer(.file(token)))
        #expect(try await ask("/bearer", access: bearer).values == [[1]])
        let basic = WebAccess(credentials: .basic(user: "ann", password: .file(token)))
        #expect(try await ask("/basic", access: basic).values == [[1]])
        #expect(try await ask("/bearer", access: basic).trouble?.contains("status 401") == true)
        let tenant = WebAccess(headers: [Variable(name: "X-Scope-OrgID", value: "shop")])
        #expect(try await ask("/tenant", access: tenant).values == [[1]])
    }

    @Test func tokensThatCannotBeSentAreNamedAndNotShown() async throws {
        let broken = scratchFile("s3cret\r\nX-Evil: 1")
        defer { unlink(broken) }
        let trouble = try #require(
            try await ask("/bearer", access: WebAccess(credentials: .bearer(.file(broken)))).trouble)
        #expect(trouble.contains(broken) && !trouble.contains("s3cret"))
        let missing = WebAccess(credentials: .bearer(.variable("SLIPWAY_NO_SUCH_TOKEN")))
        #expect(try await ask("/bearer", access: missing).trouble?.contains("SLIPWAY_NO_SUCH_TOKEN") == true)
    }

    @Test func clocksApartAreTold() async throws {
        let right = try await ask("/range", ranged: true)
        #expect(right.values?.first?.count == 11, "\(right)")
        let ahead = try #require(try await ask("/range-ahead", ranged: true).trouble)
        #expect(ahead.contains("the server's is 120s ahead of this machine's"), "\(ahead)")
        #expect(try await ask("/range-behind", ranged: true).trouble?.contains("3600s behind") == true)
        #expect(try await ask("/range-stray", ranged: true).trouble?.contains("not asked for") == true)
        // The server counts an instant from its own now.
        #expect(try await ask("/instant-ahead").values == [[1]])
    }

    @Test func datesAreRead() {
        #expect(HTTPDate(parsing: "Sun, 06 Nov 1994 08:49:37 GMT")?.seconds == 784_111_777)
        #expect(HTTPDate(parsing: "Thu, 29 Feb 2024 00:00:00 GMT")?.seconds == 1_709_164_800)
        #expect(HTTPDate(parsing: "Thu, 01 Jan 1970 00:00:00 GMT")?.seconds == 0)
        for text in ["", "yesterday", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Foo 1994 08:49:37 GMT"] {
            #expect(HTTPDate(parsing: text) == nil)
        }
    }

    private static let script = """
        import base64, json, signal, socketserver, sys, threading, time
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        ONE = {"metric": {}, "value": [784111777.1, "1"]}
        def good(result=None, kind="vector", **more):
            return dict({"status": "success", "data": {"resultType": kind, "result": [ONE] if result is None else result}}, **more)
        class Odd(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *words): pass
            def date_time_string(self, timestamp=None): return self.clock
            clock = "Sun, 06 Nov 1994 08:49:37 GMT"
            def say(self, status, body, **headers):
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items(): self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def do_GET(self): self.do("GET")
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do("POST")
            def do(self, method):
                path = self.path.split("/api/v1/")[0]
                samples = [[784111767 + k, "%d" % k] for k in range(11)]
                if path == "/page": self.say(200, b"<html>welcome</html>")
                elif path == "/500": self.say(500, b"oops")
                elif path == "/503": self.say(503, {"status": "error", "errorType": "unavailable", "error": "no store"})
                elif path == "/404": self.say(404, b"404 page not found")
                elif path == "/401": self.say(401, b"")
                elif path == "/redirect": self.say(302, b"", Location="http://127.0.0.1:1/")
                elif path == "/cut":
                    self.send_response(200); self.send_header("Content-Length", "1000"); self.end_headers()
                    self.wfile.write(b'{"status": "succ'); self.wfile.flush(); self.close_connection = True
                elif path == "/dropped":
                    self.close_connection = True; self.connection.shutdown(2)
                elif path == "/garbage":
                    self.wfile.write(b"\\x00\\x01 not HTTP at all\\r\\n\\r\\n"); self.close_connection = True
                elif path == "/huge": self.say(200, b" " * (9 << 20))
                elif path == "/late": time.sleep(5)
                elif path == "/trickle":
                    self.send_response(200); self.send_header("Content-Length", "1000"); self.end_headers()
                    for _ in range(50): self.wfile.write(b" "); self.wfile.flush(); time.sleep(0.1)
                elif path == "/nodata": self.say(200, {"status": "success"})
                elif path == "/odd": self.say(200, good("x", "stream"))
                elif path == "/many": self.say(200, good([dict(ONE, metric={"n": str(n)}) for n in range(1001)]))
                elif path == "/histogram": self.say(200, good([{"metric": {}, "histogram": [1, {}]}]))
                elif path == "/nonumber": self.say(200, good([{"metric": {}, "value": [1, "many"]}]))
                elif path == "/partial": self.say(200, good(warnings=["store b did not answer"]))
                elif path == "/info": self.say(200, good(infos=["might not be a counter"]))
                elif path == "/getonly":
                    if method == "POST": self.say(405, b"")
                    else: self.say(200 if "query=a" in self.path else 400, good())
                elif path == "/bearer":
                    self.say(200 if self.headers["Authorization"] == "Bearer t0ken" else 401, good())
                elif path == "/basic":
                    wanted = "Basic " + base64.b64encode(b"ann:t0ken").decode()
                    self.say(200 if self.headers["Authorization"] == wanted else 401, good())
                elif path == "/tenant": self.say(200 if self.headers["X-Scope-OrgID"] == "shop" else 401, good())
                elif path.startswith("/range"):
                    if path == "/range-ahead": self.clock = "Sun, 06 Nov 1994 08:51:37 GMT"
                    if path == "/range-behind": self.clock = "Sun, 06 Nov 1994 07:49:37 GMT"
                    if path == "/range-stray": samples[3][0] += 0.5
                    self.say(200, good([{"metric": {}, "values": samples}], "matrix"))
                elif path == "/instant-ahead":
                    self.clock = "Sun, 06 Nov 1994 09:51:37 GMT"
                    self.say(200, good())
                else: self.say(400, b"")
        class Server(ThreadingHTTPServer):
            daemon_threads = True
            def handle_error(self, *words): pass
        server = Server(("127.0.0.1", 0), Odd)
        print(server.server_port, flush=True)
        server.serve_forever()
        """
}
