import Domain
import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import Ports
import SecretValues

/// Why a mail was not taken.
struct MailTrouble: Error, Hashable {
    var text: String
    /// The server, or the manifest, would say the same again.
    var isFinal = false
}

/// Sends a notification as a mail (SMTP, RFC 5321; STARTTLS, RFC 3207; AUTH, RFC 4954).
struct MailNotifier: Sendable {
    /// Milliseconds since 1970.
    var now: @Sendable () -> Int64

    func deliver(_ notification: Notification, _ spec: EmailSpec) async -> DeliveryOutcome {
        let place = "\(spec.host):\(spec.port)"
        let host = Self.ownName()
        let message = MailMessage(from: spec.from, to: spec.to, notification: notification, at: now(), host: host)
        do {
            let password = try spec.password.map { source throws(SecretTrouble) in try source.value() }
            try await within(spec.timeout) {
                try await converse(spec, password: password, message: message.text, host: host)
            }
            return .delivered
        } catch let error as MailTrouble {
            return error.isFinal ? .refused("\(place): \(error.text)") : .failed("\(place): \(error.text)")
        } catch let error as SecretTrouble {
            return .failed(error.text)
        } catch let error as NIOConnectionError {
            let cause = (error.connectionErrors.first?.error as? IOError).map {
                String(cString: strerror($0.errnoCode))
            }
            return .failed("\(place): \(cause ?? error.dnsAError.map { "\($0)" } ?? "no connection")")
        } catch let error as IOError {
            return .failed("\(place): \(String(cString: strerror(error.errnoCode)))")
        } catch let error as NIOSSLError {
            return .failed("\(place): TLS: \(error)")
        } catch {
            return .failed("\(place): \(error)")
        }
    }

    private func within(_ limit: Span, _ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(operation: body)
            group.addTask {
                try await Task.sleep(for: .milliseconds(limit.milliseconds))
                throw MailTrouble(text: "no end within \(limit)")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func converse(_ spec: EmailSpec, password: String?, message: String, host: String) async throws {
        let isSecured = spec.tls == .tls || (spec.tls == .auto && spec.port == 465)
        let context = try Self.context(spec)
        let name = Self.isAddress(spec.host) ? nil : spec.host
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.milliseconds(spec.timeout.milliseconds))
            .connect(host: spec.host, port: spec.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if isSecured {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: name))
                    }
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        try await channel.executeThenClose { inbound, outbound in
            var talk = MailTalk(inbound: inbound.makeAsyncIterator(), outbound: outbound)
            _ = try await talk.reply("the greeting", wants: 220)
            var offers = try await talk.hello(host)
            var isProtected = isSecured
            if !isSecured, spec.tls == .starttls || (spec.tls == .auto && offers.contains("STARTTLS")) {
                guard offers.contains("STARTTLS") else {
                    throw MailTrouble(
                        text: "the server offers no STARTTLS, which `tls: starttls` asks for", isFinal: true)
                }
                _ = try await talk.ask("STARTTLS", wants: 220)
                try talk.forgetPlainText()
                try await channel.channel.eventLoop.submit {
                    try channel.channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(context: context, serverHostname: name), position: .first)
                }.get()
                isProtected = true
                offers = try await talk.hello(host)
            }
            if let user = spec.user, let password {
                guard isProtected || Self.isLoopback(spec.host) else {
                    throw MailTrouble(
                        text: "the password would travel unprotected: the server offers no TLS", isFinal: true)
                }
                try await talk.authenticate(user, password, offers: offers)
            }
            try await talk.send(message, from: spec.from, to: spec.to)
        }
    }

    private static func context(_ spec: EmailSpec) throws -> NIOSSLContext {
        var settings = TLSConfiguration.makeClientConfiguration()
        if let authorities = spec.authorities { settings.trustRoots = .file(authorities) }
        do { return try NIOSSLContext(configuration: settings) } catch {
            throw MailTrouble(text: "cannot use the authorities in \(spec.authorities ?? "the system"): \(error)")
        }
    }

    private static func isAddress(_ host: String) -> Bool {
        var four = in_addr()
        var six = in6_addr()
        return inet_pton(AF_INET, host, &four) == 1 || inet_pton(AF_INET6, host, &six) == 1
    }

    private static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || (host.hasPrefix("127.") && isAddress(host))
    }

    /// This machine's name, as far as it can stand in a greeting.
    private static func ownName() -> String {
        var bytes = [UInt8](repeating: 0, count: 256)
        let result = bytes.withUnsafeMutableBytes { raw -> Int32 in
            guard let base = raw.baseAddress else { return -1 }
            return gethostname(base.assumingMemoryBound(to: CChar.self), raw.count - 1)
        }
        let name = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        let isPlain = name.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0) || $0 == 0x2d
                || $0 == 0x2e
        }
        return result == 0 && isPlain && !name.isEmpty ? name : "localhost"
    }
}
