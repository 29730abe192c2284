import AsyncHTTPClient
import Asking
import Domain
import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOSSL

/// Sends one request and reads its answer, within the limits; it knows nothing of images.
struct RegistryTransport: Sendable {
    let client: HTTPClient
    let settings: RegistrySettings
    let limits: RegistryLimits

    init(_ settings: RegistrySettings, _ limits: RegistryLimits) {
        self.settings = settings
        self.limits = limits
        var configuration = HTTPClient.Configuration()
        // Credentials must not travel on to wherever an answer points: redirects are followed here.
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.timeout.connect = .milliseconds(limits.connect)
        configuration.connectionPool.idleTimeout = .seconds(10)
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    typealias Method = HTTPMethod

    struct Request: Sendable {
        var method: HTTPMethod = .GET
        var url: String
        /// `Authorization`
        var authorization: String?
        var accept: [String] = []
        /// A form.
        var form: String?
        /// Of the answer's body, in bytes.
        var limit = 1 << 20
    }

    /// Follows redirects, without credentials to any other server.
    func send(_ request: Request) async throws(RegistryTrouble) -> RegistryAnswer {
        var request = request
        for _ in 0...limits.redirects {
            let answer = try await once(request)
            guard [301, 302, 303, 307, 308].contains(answer.status), request.form == nil else { return answer }
            guard let location = answer.location, let here = URL(string: request.url),
                let there = URL(string: location, relativeTo: here)?.absoluteURL,
                let scheme = there.scheme?.lowercased(),
                there.host() != nil, ["https", "http"].contains(scheme)
            else {
                throw RegistryTrouble(.garbled, "\(Self.place(request.url)) redirects to nowhere")
            }
            guard scheme == "https" || here.scheme?.lowercased() == "http" else {
                throw RegistryTrouble(
                    .garbled,
                    "\(Self.place(request.url)) redirects to \(Self.place(there.absoluteString)), without TLS",
                    hint: "what comes from there could be anybody's")
            }
            if !Self.areOneServer(here, there) { request.authorization = nil }
            request.url = there.absoluteString
        }
        throw RegistryTrouble(.garbled, "\(Self.place(request.url)) redirects more than \(limits.redirects) times")
    }

    /// Scheme, host and port of an address: what may stand in a message, since addresses of blobs are signed.
    static func place(_ url: String) -> String {
        guard let parts = URL(string: url), let scheme = parts.scheme, let host = parts.host() else {
            return "a server"
        }
        return "\(scheme)://\(host)\(parts.port.map { ":\($0)" } ?? "")".printable.bounded(to: 200)
    }

    private static func areOneServer(_ one: URL, _ other: URL) -> Bool {
        func port(_ url: URL) -> Int { url.port ?? (url.scheme?.lowercased() == "https" ? 443 : 80) }
        return one.scheme?.lowercased() == other.scheme?.lowercased()
            && one.host()?.lowercased() == other.host()?.lowercased() && port(one) == port(other)
    }

    // MARK: - One request

    private func once(_ request: Request) async throws(RegistryTrouble) -> RegistryAnswer {
        var prepared = HTTPClientRequest(url: request.url)
        prepared.method = request.method
        prepared.headers.add(name: "User-Agent", value: "slipway")
        for type in request.accept { prepared.headers.add(name: "Accept", value: type) }
        if let value = request.authorization { prepared.headers.add(name: "Authorization", value: value) }
        if let form = request.form {
            prepared.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
            prepared.body = .bytes(Array(form.utf8))
        }
        prepared.tlsConfiguration = try tls(request.url)
        let ready = prepared
        let place = Self.place(request.url)
        let late = RegistryTrouble(.unreachable, "\(place) does not answer: no answer in time")
        return try await TimeLimit(.milliseconds(limits.answer)).race {
            () async -> Result<RegistryAnswer, RegistryTrouble> in
            do {
                let reply = try await client.execute(ready, timeout: .milliseconds(limits.answer))
                return .success(try await read(reply, limit: request.limit))
            } catch let trouble as RegistryTrouble {
                return .failure(trouble)
            } catch {
                return .failure(unreachable(error, place))
            }
        }.answer(orLate: .failure(late), orCancelled: .failure(late)).get()
    }

    private func read(_ reply: HTTPClientResponse, limit: Int) async throws -> RegistryAnswer {
        let body: [UInt8]
        do { body = Array(buffer: try await reply.body.collect(upTo: limit)) } catch is NIOTooManyBytesError {
            throw RegistryTrouble(.garbled, "a registry's answer has more than \(limit >> 20) MiB", hint: "is it one?")
        }
        var answer = RegistryAnswer(status: Int(reply.status.code), body: body)
        answer.challenges = reply.headers["WWW-Authenticate"].flatMap { AuthChallenge.read($0) }
        answer.digest = reply.headers.first(name: "Docker-Content-Digest")
        answer.after = reply.headers.first(name: "Retry-After").flatMap { RetryAfter.seconds($0, now: Date()) }
        answer.location = reply.headers.first(name: "Location")
        return answer
    }

    private func unreachable(_ error: any Error, _ place: String) -> RegistryTrouble {
        var words = "\(error)"
        if let error = error as? HTTPClientError {
            if error == .deadlineExceeded || error == .readTimeout { words = "no answer in time" }
            if error == .connectTimeout { words = "no connection in time" }
            if error == .remoteConnectionClosed { words = "the connection was cut off" }
        }
        var hint = ""
        if error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError {
            let host = place.split(separator: "/").last.map(String.init) ?? "HOST"
            hint = "an authority of your own goes into /etc/docker/certs.d/\(host)/ca.crt"
        }
        return RegistryTrouble(
            .unreachable, "\(place) does not answer: \(words.printable.bounded(to: 300))", hint: hint)
    }

    /// Nil where the system's authorities are all that is needed.
    private func tls(_ url: String) throws(RegistryTrouble) -> TLSConfiguration? {
        guard let parts = URL(string: url), parts.scheme == "https", let host = parts.host() else { return nil }
        let files = settings.authorityFiles(for: host + (parts.port.map { ":\($0)" } ?? ""))
        guard !files.isEmpty else { return nil }
        var tls = TLSConfiguration.makeClientConfiguration()
        for file in files {
            do {
                tls.additionalTrustRoots.append(.certificates(try NIOSSLCertificate.fromPEMFile(file)))
            } catch {
                throw RegistryTrouble(
                    .configuration, "the authority \(file) cannot be used: \(error)", hint: "PEM is expected")
            }
        }
        return tls
    }
}
