import Domain
import Gates
import Glibc
import Ports
import TestServers
import Testing

@Suite(
    "A webhook gate asks another system", .timeLimit(.minutes(1)),
    .enabled(if: access(ServerProcess.python, X_OK) == 0, "python3 is not installed"))
struct WebhookGateTests {
    /// Looks once at a judge in Python that checks the signature and behaves by path.
    private func look(
        _ path: String, look number: Int = 1, timeout: Span = .seconds(10), secret: String = "s3cret\n"
    ) async throws -> (result: LookResult, told: [String]) {
        let server = try await ServerProcess.start(script: Self.judge)
        defer { server.stop() }
        let file = "/tmp/slipway-webhook-\(getpid())-\(server.port)"
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        _ = secret.withCString { write(descriptor, $0, strlen($0)) }
        close(descriptor)
        defer { unlink(file) }
        let gate = WebhookGate(firstPause: .milliseconds(10))
        let spec = WebhookGateSpec(url: "http://127.0.0.1:\(server.port)\(path)", secret: .file(file))
        let result = await gate.look(spec, request(.webhook(spec), look: number, timeout: timeout))
        let log = WebhookGateSpec(url: "http://127.0.0.1:\(server.port)/log", secret: .file(file))
        let told = await gate.look(log, request(.webhook(log), look: 99))
        return (result, told.evidence.summary.split(separator: " ").map(String.init))
    }

    @Test(arguments: [
        ("/pass", Verdict.pass), ("/fail", .fail), ("/inconclusive", .inconclusive), ("/204", .pass), ("/422", .fail),
        ("/425", .inconclusive), ("/page", .error), ("/odd", .error), ("/404", .error), ("/redirect", .error),
    ])
    func saysWhatTheJudgeSays(_ path: String, _ verdict: Verdict) async throws {
        let seen = try await look(path).result
        #expect(seen.verdict == verdict, "\(seen.evidence.summary)")
        #expect(!seen.evidence.summary.contains("s3cret"))
    }

    @Test func theJudgesWordsAreEvidence() async throws {
        #expect(try await look("/fail").result.evidence.summary.hasSuffix("verdict fail: 3 tickets are open"))
    }

    @Test func aWrongSecretIsRefusedByTheJudge() async throws {
        let seen = try await look("/pass", secret: "other").result
        #expect(seen.verdict == .error)
        #expect(seen.evidence.summary.contains("status 401"))
    }

    @Test func troubleIsTriedAgainWithTheSameKey() async throws {
        let seen = try await look("/flaky", look: 4)
        #expect(seen.result.verdict == .pass, "\(seen.result.evidence.summary)")
        let keys = seen.told.filter { $0.hasPrefix("POST/flaky=") }
        #expect(keys.count == 3)
        #expect(Set(keys).count == 1)
        #expect(keys.first?.contains("shop/staging/api/37/1/4/") == true)
    }

    @Test func theKeyIsTheSameWhenAskedAgainAndAnotherForAnotherLook() async throws {
        func key(_ number: Int) async throws -> String? {
            try await look("/pass", look: number).told.first { $0.hasPrefix("POST/pass=") }
        }
        let first = try await key(1)
        #expect(first != nil)
        #expect(try await key(1) == first)
        #expect(try await key(2) != first)
    }

    @Test func anAnswerThatComesLaterIsWaitedFor() async throws {
        let seen = try await look("/later")
        #expect(seen.result.verdict == .pass, "\(seen.result.evidence.summary)")
        #expect(seen.told.filter { $0.hasPrefix("GET/answer=") }.count == 1)
        #expect(seen.told.filter { $0.hasPrefix("POST/later=") }.count == 1)
    }

    @Test func aPollAtAnotherOriginIsNotFollowed() async throws {
        let seen = try await look("/elsewhere").result
        #expect(seen.verdict == .error)
        #expect(seen.evidence.summary.contains("another origin"))
    }

    @Test func noAnswerInTimeIsNoPass() async throws {
        let never = try await look("/never", timeout: .seconds(3)).result
        #expect(never.verdict == .inconclusive, "\(never.evidence.summary)")
        let down = try await look("/503", timeout: .seconds(2)).result
        #expect(down.verdict == .error)
        #expect(down.evidence.summary.contains("status 503"))
        let hangs = try await look("/hangs", timeout: .milliseconds(300)).result
        #expect(hangs.verdict == .error, "\(hangs.evidence.summary)")
    }

    @Test func anEndlessAnswerIsCut() async throws {
        let seen = try await look("/huge", timeout: .seconds(20)).result
        #expect(seen.verdict == .error)
        #expect(seen.evidence.summary.contains("more than 65536 bytes"), "\(seen.evidence.summary)")
    }

    @Test func withoutASecretNothingIsSent() async throws {
        let spec = WebhookGateSpec(url: "http://127.0.0.1:1/", secret: .variable("SLIPWAY_NO_SUCH_SECRET"))
        let seen = await WebhookGate().look(spec, request(.webhook(spec)))
        #expect(seen.verdict == .error)
        #expect(seen.evidence.summary.contains("SLIPWAY_NO_SUCH_SECRET"))
    }

    private static let judge = """
        import hashlib, hmac, json
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        seen, flaky = [], []
        class Judge(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *words): pass
            def say(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items(): self.send_header(name.replace("_", "-"), value)
                if status != 204: self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def verdict(self, word, summary=""):
                self.say(200, json.dumps({"verdict": word, "summary": summary}).encode())
            def signed(self, data):
                wanted = "sha256=" + hmac.new(b"s3cret", data, hashlib.sha256).hexdigest()
                return hmac.compare_digest(wanted, self.headers["X-Slipway-Signature"] or "")
            def do_GET(self):
                seen.append("GET" + self.path + "=" + self.headers["Idempotency-Key"])
                if not self.signed(self.headers["Idempotency-Key"].encode()): return self.say(401)
                if self.path == "/still": return self.say(202)
                self.verdict("pass", "after a while")
            def do_POST(self):
                data = self.rfile.read(int(self.headers["Content-Length"]))
                path = self.path
                if path == "/log": return self.verdict("pass", " ".join(seen))
                key = self.headers["Idempotency-Key"]
                seen.append("POST" + path + "=" + key)
                if not self.signed(data): return self.say(401)
                question = json.loads(data)
                assert question["key"] == key and question["service"] == "api" and question["deployment"] == 37
                assert question["release"] == 15 and question["environment"] == "staging"
                if path[1:] in ("pass", "inconclusive"): return self.verdict(path[1:])
                if path == "/fail": return self.verdict("fail", "3 tickets are open")
                if path == "/odd": return self.verdict("yes")
                if path == "/page": return self.say(200, b"<html>welcome</html>")
                if path == "/redirect": return self.say(302, Location="/pass")
                if path == "/later": return self.say(202, Location="/answer")
                if path == "/never": return self.say(202, Location="/still")
                if path == "/elsewhere": return self.say(202, Location="http://127.0.0.2:9/answer")
                if path == "/hangs":
                    import time
                    time.sleep(5)
                    return
                if path == "/huge": return self.say(200, b"x" * 200000)
                if path == "/flaky":
                    flaky.append(1)
                    if len(flaky) < 3: return self.say(503 if len(flaky) == 1 else 429, Retry_After="0")
                    return self.verdict("pass")
                self.say(int(path[1:]))
        server = ThreadingHTTPServer(("127.0.0.1", 0), Judge)
        print(server.server_port, flush=True)
        server.serve_forever()
        """
}
