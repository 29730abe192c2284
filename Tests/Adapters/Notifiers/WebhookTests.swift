import Crypto
import Domain
import FoundationEssentials
import Glibc
import Notifiers
import Ports
import TestServers
import Testing

@Suite(
    "Webhooks", .timeLimit(.minutes(1)),
    .enabled(if: access(ServerProcess.python, X_OK) == 0, "python3 is not installed"))
struct WebhookTests {
    private let desk = NotifierDesk(version: "9.9.9") { 1_700_000_000_123 }

    @Test func whatIsSentIsSignedAndCarriesItsKey() async throws {
        let receiver = try await ServerProcess.start(script: Self.receiver)
        defer { receiver.stop() }
        let path = try Scratch.file("s3cret\n")
        defer { unlink(path) }
        let outcome = await desk.deliver(sample(), over: channel(receiver, "/200", secret: .file(path)))
        #expect(outcome == .delivered)
        let got = try JSONDecoder().decode(Received.self, from: Data(await receiver.next().utf8))
        #expect(got.headers["idempotency-key"] == "shop/production/42")
        #expect(got.headers["x-slipway-event"] == "reverted")
        #expect(got.headers["user-agent"] == "slipway/9.9.9")
        #expect(got.headers["x-slipway-timestamp"] == "1700000000")
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("1700000000.\(got.body)".utf8), using: SymmetricKey(data: Array("s3cret".utf8)))
        let hex = code.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(got.headers["x-slipway-signature"] == "sha256=\(hex)")
        let body = try JSONDecoder().decode(Body.self, from: Data(got.body.utf8))
        #expect(body.kind == "reverted" && body.environment == "production" && body.deployment == 7)
        #expect(body.text.hasPrefix("shop/production: deployment #7 reverted, because of api@3\ngate errors"))
    }

    @Test func chatsGetTheTextAlone() async throws {
        let receiver = try await ServerProcess.start(script: Self.receiver)
        defer { receiver.stop() }
        #expect(await desk.deliver(sample(), over: channel(receiver, "/200", format: .slack)) == .delivered)
        let got = try JSONDecoder().decode(Received.self, from: Data(await receiver.next().utf8))
        #expect(try JSONDecoder().decode([String: String].self, from: Data(got.body.utf8)).keys.sorted() == ["text"])
        #expect(got.headers["x-slipway-signature"] == nil)
    }

    @Test func answersAreToldApart() async throws {
        let receiver = try await ServerProcess.start(script: Self.receiver)
        defer { receiver.stop() }
        func outcome(_ path: String) async -> DeliveryOutcome {
            await desk.deliver(sample(), over: channel(receiver, path, timeout: .milliseconds(500)))
        }
        #expect(await outcome("/500") == .failed("127.0.0.1 answered 500"))
        #expect(await outcome("/429") == .failed("127.0.0.1 answered 429", after: .seconds(7)))
        #expect(await outcome("/410") == .refused("127.0.0.1 answered 410"))
        #expect(await outcome("/302") == .refused("127.0.0.1 answered 302: redirects are not followed"))
        let hanging = await outcome("/hang")
        guard case .failed = hanging else {
            Issue.record("a receiver that hangs is tried again, not \(hanging)")
            return
        }
    }

    @Test func nobodyThereIsAFailureWithoutTheSecretPath() async throws {
        let path = try Scratch.file("http://127.0.0.1:1/services/T000/B000/XXXX")
        defer { unlink(path) }
        let spec = NotifySpec(name: "ops", way: .webhook(WebhookSpec(address: .secret(.file(path)))))
        let outcome = await desk.deliver(sample(), over: spec)
        guard case .failed(let reason, _) = outcome else {
            Issue.record("it is tried again, not \(outcome)")
            return
        }
        #expect(reason.contains("127.0.0.1") && !reason.contains("XXXX"), "\(reason)")
    }

    private func sample() -> Notification {
        let event = Event(
            .deploymentReverted, at: 1_700_000_000_000, deployment: DeploymentNumber(7), service: ServiceName("api"),
            release: ReleaseNumber(3), text: "gate errors: 12% > 1%")
        return Notification(
            id: "shop/production/42", kind: .reverted,
            environment: EnvironmentID(project: "shop", name: "production"), event: event)
    }

    private func channel(
        _ receiver: ServerProcess, _ path: String, secret: SecretSource? = nil, format: WebhookFormat = .json,
        timeout: Span = .seconds(10)
    ) -> NotifySpec {
        let webhook = WebhookSpec(
            address: .url("http://127.0.0.1:\(receiver.port)\(path)"), secret: secret, format: format, timeout: timeout)
        return NotifySpec(name: "ops", way: .webhook(webhook))
    }

    private struct Received: Decodable {
        var headers: [String: String]
        var body: String
    }

    private struct Body: Decodable {
        var kind: String
        var environment: String
        var deployment: Int
        var text: String
    }

    private static let receiver = """
        import json, time
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args): pass
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                print(json.dumps({"headers": {n.lower(): v for n, v in self.headers.items()}, "body": body}), flush=True)
                word = self.path[1:]
                if word == "hang": time.sleep(30)
                self.send_response(int(word))
                if word == "429": self.send_header("Retry-After", "7")
                if word == "302": self.send_header("Location", "/200")
                self.send_header("Content-Length", "0"); self.end_headers()
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        print(server.server_port, flush=True)
        server.serve_forever()
        """
}
