import Domain
import FoundationEssentials
import Glibc
import Ports
import TestServers
import Testing

@testable import Notifiers

private let hasMailServer =
    access("/usr/lib/python3/dist-packages/aiosmtpd", R_OK) == 0
    || ProcessInfo.processInfo.environment["SLIPWAY_REQUIRE_PEERS"] == "1"

/// Against aiosmtpd, a mail server in Python (Debian's python3-aiosmtpd).
@Suite("Mail", .timeLimit(.minutes(1)), .enabled(if: hasMailServer, "python3-aiosmtpd is not installed"))
struct MailTests {
    private let desk = NotifierDesk(version: "9.9.9") { 1_700_000_000_123 }

    @Test func aMailArrivesWhole() async throws {
        let server = try await ServerProcess.start(script: Self.server, ["plain"])
        defer { server.stop() }
        #expect(await desk.deliver(sample("gate errors: 12 % über 1 %\n.\n..end"), over: channel(server)) == .delivered)
        let mail = try JSONDecoder().decode(Mail.self, from: Data(await server.next().utf8))
        #expect(mail.from == "slipway@example.com" && mail.to == ["ops@example.com", "dev@example.com"])
        #expect(mail.subject == "[slipway] shop/production: deployment #7 reverted, because of api@3")
        #expect(mail.body.contains("12 % über 1 %\n.\n..end"), "\(mail.body)")
        #expect(mail.id.hasPrefix("<shop.production.42.slipway@"))
        #expect(!mail.isSecured)
    }

    @Test func startTLSAndAPasswordAreUsedWhereOffered() async throws {
        let authority = try Self.certificate()
        defer { authority.remove() }
        let server = try await ServerProcess.start(
            script: Self.server, ["starttls", authority.certificate, authority.key])
        defer { server.stop() }
        let right = try Scratch.file("correct horse\n")
        defer { unlink(right) }
        let spec = channel(server, user: "ops", password: .file(right), authorities: authority.certificate)
        #expect(await desk.deliver(sample("x"), over: spec) == .delivered)
        let mail = try JSONDecoder().decode(Mail.self, from: Data(await server.next().utf8))
        #expect(mail.isSecured && mail.user == "ops")

        let wrong = try Scratch.file("battery staple\n")
        defer { unlink(wrong) }
        let refused = await desk.deliver(
            sample("x"), over: channel(server, user: "ops", password: .file(wrong), authorities: authority.certificate))
        #expect(refused == .refused("127.0.0.1:\(server.port): AUTH PLAIN: 535"))
    }

    @Test func aCertificateThatNobodySignedIsNotTrusted() async throws {
        let authority = try Self.certificate()
        defer { authority.remove() }
        let server = try await ServerProcess.start(
            script: Self.server, ["starttls", authority.certificate, authority.key])
        defer { server.stop() }
        let outcome = await desk.deliver(sample("x"), over: channel(server))
        // Which end of the connection is seen to close first is a matter of chance, and so are the words.
        guard case .failed = outcome else {
            Issue.record("it must not be delivered: \(outcome)")
            return
        }
    }

    @Test func tlsThatIsAskedForAndNotOfferedSendsNothing() async throws {
        let server = try await ServerProcess.start(script: Self.server, ["plain"])
        defer { server.stop() }
        let outcome = await desk.deliver(sample("x"), over: channel(server, tls: .starttls))
        #expect(
            outcome
                == .refused(
                    "127.0.0.1:\(server.port): the server offers no STARTTLS, which `tls: starttls` asks for"))
    }

    @Test func oneRecipientThatIsRefusedIsTold() async throws {
        let server = try await ServerProcess.start(script: Self.server, ["plain"])
        defer { server.stop() }
        let outcome = await desk.deliver(
            sample("x"), over: channel(server, to: ["ops@example.com", "bad@example.com"]))
        guard case .refused(let reason) = outcome else {
            Issue.record("it must be told: \(outcome)")
            return
        }
        #expect(reason.contains("1 of 2 recipients refused") && reason.contains("550"), "\(reason)")
        #expect(await server.next().contains("ops@example.com"))
    }

    @Test func aServerThatSaysNothingIsLeft() async throws {
        let server = try await ServerProcess.start(script: Self.silent)
        defer { server.stop() }
        let outcome = await desk.deliver(sample("x"), over: channel(server, timeout: .milliseconds(300)))
        #expect(outcome == .failed("127.0.0.1:\(server.port): no end within 300ms"))
    }

    @Test func headersCannotBeBrokenOutOf() {
        #expect(MailMessage.header("a\r\nBcc: x@example.com") == "a Bcc: x@example.com")
        #expect(MailMessage.header("Größe") == "=?UTF-8?B?R3LDtsOfZQ==?=")
        #expect(MailMessage.date(1_700_000_000_123) == "Tue, 14 Nov 2023 22:13:20 +0000")
    }

    private func sample(_ text: String) -> Notification {
        let event = Event(
            .deploymentReverted, at: 1_700_000_000_000, deployment: DeploymentNumber(7), service: ServiceName("api"),
            release: ReleaseNumber(3), text: text)
        return Notification(
            id: "shop/production/42", kind: .reverted,
            environment: EnvironmentID(project: "shop", name: "production"), event: event)
    }

    private func channel(
        _ server: ServerProcess, tls: MailSecurity = .auto, to: [String] = ["ops@example.com", "dev@example.com"],
        user: String? = nil, password: SecretSource? = nil, authorities: String? = nil, timeout: Span = .seconds(10)
    ) -> NotifySpec {
        let email = EmailSpec(
            host: "127.0.0.1", port: server.port, tls: tls, from: "slipway@example.com", to: to, user: user,
            password: password, authorities: authorities, timeout: timeout)
        return NotifySpec(name: "people", way: .email(email))
    }

    private struct Mail: Decodable {
        var from: String
        var to: [String]
        var subject: String
        var id: String
        var body: String
        var isSecured: Bool
        var user: String?
    }

    private struct Authority {
        var certificate: String
        var key: String
        func remove() {
            unlink(certificate)
            unlink(key)
        }
    }

    private static func certificate() throws -> Authority {
        let authority = Authority(certificate: try Scratch.file(""), key: try Scratch.file(""))
        let words = [
            "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", authority.key, "-out", authority.certificate, "-days", "2", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=IP:127.0.0.1,DNS:localhost",
        ]
        var strings = words.map { strdup($0) } + [nil]
        defer { for string in strings { free(string) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var pid: pid_t = 0
        try #require(posix_spawn(&pid, words[0], &actions, nil, &strings, environ) == 0)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        try #require(status == 0, "openssl failed")
        return authority
    }

    private static let server = """
        import json, ssl, sys, asyncio, email, email.policy
        from aiosmtpd.smtp import SMTP, AuthResult
        class Handler:
            async def handle_RCPT(self, server, session, envelope, address, options):
                if address.startswith("bad"): return "550 no such user"
                envelope.rcpt_tos.append(address); return "250 OK"
            async def handle_DATA(self, server, session, envelope):
                mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
                print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "subject": mail["Subject"],
                    "id": mail["Message-ID"], "body": mail.get_content(), "isSecured": session.ssl is not None,
                    "user": session.auth_data}), flush=True)
                return "250 taken"
        def check(server, session, envelope, mechanism, data):
            isRight = data.login == b"ops" and data.password == b"correct horse"
            return AuthResult(success=isRight, handled=not isRight and False, auth_data=data.login.decode())
        async def main():
            context = None
            if sys.argv[1] == "starttls":
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                context.load_cert_chain(sys.argv[2], sys.argv[3])
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: SMTP(Handler(), hostname="mail.test", tls_context=context,
                require_starttls=context is not None, authenticator=check, loop=loop), "127.0.0.1", 0)
            print(server.sockets[0].getsockname()[1], flush=True)
            await server.serve_forever()
        asyncio.run(main())
        """

    private static let silent = """
        import socket
        s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(16)
        print(s.getsockname()[1], flush=True)
        kept = []
        while True: kept.append(s.accept())
        """
}
