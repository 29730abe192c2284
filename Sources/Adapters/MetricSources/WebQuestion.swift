import Asking
import AsyncHTTPClient
import Domain
import FoundationEssentials
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import SecretValues

/// One request to a web server, with whatever it takes to be let in.
struct WebQuestion: Sendable {
    var url: String
    /// Sent with POST as a form; nil: GET.
    var form: String?
    var access: WebAccess
    /// For the whole answer.
    var limit: Span

    /// What is read of an answer, in bytes.
    static let bodyLimit = 8 << 20
}

/// What came back.
struct WebReply: Sendable {
    var status: Int
    var body: [UInt8]
    /// By the server's clock, seconds since 1970; nil: it does not say.
    var date: Int64?
}

/// Why nothing came back. Never holds a secret's value.
struct WebTrouble: Error, Hashable, Sendable {
    var text: String
}

extension WebQuestion {
    func ask() async -> Result<WebReply, WebTrouble> {
        let request: HTTPClientRequest
        let client: HTTPClient
        do throws(WebTrouble) {
            request = try self.request()
            client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: try configuration())
        } catch {
            return .failure(error)
        }
        let reply = await TimeLimit(.milliseconds(limit.milliseconds)).race { [request] in
            await Self.execute(request, client)
        }.answer(
            orLate: .failure(WebTrouble(text: "no complete answer within \(limit)")),
            orCancelled: .failure(WebTrouble(text: "the look was cancelled")))
        do {
            try await client.shutdown()
        } catch {
            // The answer stands; what is left is a connection that its event loop closes.
            return reply
        }
        return reply
    }

    private func request() throws(WebTrouble) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "User-Agent", value: "slipway")
        request.headers.add(name: "Accept", value: "application/json")
        for header in access.headers { request.headers.replaceOrAdd(name: header.name, value: header.value) }
        switch access.credentials {
        case .none: break
        case .bearer(let source):
            request.headers.replaceOrAdd(name: "Authorization", value: "Bearer \(try Self.visible(source))")
        case .basic(let user, let source):
            let pair = Data("\(user):\(try Self.value(source))".utf8)
            request.headers.replaceOrAdd(name: "Authorization", value: "Basic \(pair.base64EncodedString())")
        }
        if let form {
            request.method = .POST
            request.headers.replaceOrAdd(name: "Content-Type", value: "application/x-www-form-urlencoded")
            request.body = .bytes(Array(form.utf8))
        }
        return request
    }

    private static func value(_ source: SecretSource) throws(WebTrouble) -> String {
        do { return try source.value() } catch { throw WebTrouble(text: error.text) }
    }

    /// A token in a header: a line break in it would begin another one.
    private static func visible(_ source: SecretSource) throws(WebTrouble) -> String {
        let text = try value(source)
        guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw WebTrouble(text: "the token in \(source) has characters that no token has, such as a space")
        }
        return text
    }

    private func configuration() throws(WebTrouble) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        // Credentials must not travel on to wherever an answer points.
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.connectionPool.retryConnectionEstablishment = false
        guard url.hasPrefix("https://") else { return configuration }
        var tls = TLSConfiguration.makeClientConfiguration()
        if let authorities = access.authorities { tls.trustRoots = .file(authorities) }
        if let certificate = access.certificate {
            do {
                tls.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate.chain).map { .certificate($0) }
                tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: certificate.key, format: .pem))
            } catch {
                throw WebTrouble(
                    text: "the client's certificate in \(certificate.chain), with its key in \(certificate.key), cannot"
                        + " be used: \(error)")
            }
        }
        do {
            // Else a file that is missing would look like a server that does not answer.
            _ = try NIOSSLContext(configuration: tls)
        } catch {
            throw WebTrouble(text: "the authorities in \(access.authorities ?? "the system") cannot be used: \(error)")
        }
        configuration.tlsConfiguration = tls
        return configuration
    }

    private static func execute(
        _ request: HTTPClientRequest, _ client: HTTPClient
    ) async -> Result<WebReply, WebTrouble> {
        do {
            // The question's own limit is the real one; this one only keeps the client from waiting for ever.
            let response = try await client.execute(request, timeout: .hours(1))
            var body: [UInt8] = []
            for try await part in response.body {
                body += part.readableBytesView
                if body.count > bodyLimit {
                    return .failure(WebTrouble(text: "an answer of more than \(bodyLimit >> 20) MiB"))
                }
            }
            let date = response.headers.first(name: "Date").flatMap { HTTPDate(parsing: $0) }
            return .success(WebReply(status: Int(response.status.code), body: body, date: date?.seconds))
        } catch {
            return .failure(WebTrouble(text: words(error)))
        }
    }

    private static func words(_ error: any Error) -> String {
        let incomplete = "the connection was closed without a complete answer"
        if let error = error as? HTTPClientError {
            switch error {
            case .remoteConnectionClosed: return incomplete
            case .connectTimeout: return "the connection was not accepted in time"
            case .invalidURL, .emptyHost: return "the address makes no URL"
            case _: return "\(error)"
            }
        }
        if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
        if let error = error as? NIOConnectionError {
            return error.connectionErrors.first.map { words($0.error) } ?? "there is no such host"
        }
        if let error = error as? HTTPParserError {
            return error == .invalidEOFState ? incomplete : "the answer is not HTTP (\(error))"
        }
        if error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError {
            return "TLS: \(error)"
        }
        return "\(error)"
    }
}
