import AsyncHTTPClient
import Crypto
import Domain
import FoundationEssentials
import NIOCore
import Glibc
import NIOHTTP1
import NIOPosix
import Ports
import SecretValues

/// Sends a notification as one signed POST.
struct WebhookNotifier: Sendable {
    /// Milliseconds since 1970.
    var now: @Sendable () -> Int64
    var version: String

    func deliver(_ notification: Notification, _ spec: WebhookSpec) async -> DeliveryOutcome {
        let request: HTTPClientRequest
        let host: String
        do {
            let url = try address(spec)
            guard let parsed = URL(string: url), let name = parsed.host, ["http", "https"].contains(parsed.scheme)
            else {
                return .refused("the address is no http or https URL")
            }
            // The path of a URL may be a secret: errors name the host alone.
            host = name
            request = try self.request(notification, spec, url)
        } catch let error as SecretTrouble {
            return .failed(error.text)
        } catch {
            return .refused("the body cannot be written: \(type(of: error))")
        }
        var settings = HTTPClient.Configuration(redirectConfiguration: .disallow)
        settings.connectionPool.retryConnectionEstablishment = false
        settings.timeout.connect = .milliseconds(spec.timeout.milliseconds)
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        let outcome = await send(request, over: client, spec, host)
        do { try await client.shutdown() } catch { return outcome }
        return outcome
    }

    private func address(_ spec: WebhookSpec) throws(SecretTrouble) -> String {
        switch spec.address {
        case .url(let url): url
        case .secret(let source): try source.value()
        }
    }

    private func request(_ notification: Notification, _ spec: WebhookSpec, _ url: String) throws -> HTTPClientRequest {
        let body = try WebhookBody(notification).bytes(spec.format)
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.headers.add(name: "user-agent", value: "slipway/\(version)")
        request.headers.add(name: "idempotency-key", value: notification.id)
        request.headers.add(name: "x-slipway-event", value: notification.kind?.rawValue ?? "test")
        if let secret = spec.secret {
            let seconds = String(now() / 1000)
            let key = SymmetricKey(data: try secret.bytes())
            let code = HMAC<SHA256>.authenticationCode(for: Array("\(seconds).".utf8) + body, using: key)
            request.headers.add(name: "x-slipway-timestamp", value: seconds)
            request.headers.add(name: "x-slipway-signature", value: "sha256=" + code.map(Self.hexadecimal).joined())
        }
        request.body = .bytes(ByteBuffer(bytes: body))
        return request
    }

    private func send(
        _ request: HTTPClientRequest, over client: HTTPClient, _ spec: WebhookSpec, _ host: String
    ) async -> DeliveryOutcome {
        do {
            let response = try await client.execute(request, timeout: .milliseconds(spec.timeout.milliseconds))
            let status = Int(response.status.code)
            switch status {
            case 200..<300: return .delivered
            case 408, 425, 429, 500..<600:
                let after = response.headers.first(name: "retry-after").flatMap { Int64($0) }.map { Span.seconds($0) }
                return .failed("\(host) answered \(status)", after: after)
            case 300..<400: return .refused("\(host) answered \(status): redirects are not followed")
            case _: return .refused("\(host) answered \(status)")
            }
        } catch let error as HTTPClientError {
            return .failed("\(host): \(error.shortDescription)")
        } catch let error as NIOConnectionError {
            let cause = error.connectionErrors.first.map { Self.words($0.error) } ?? "no address"
            return .failed("\(host): \(cause)")
        } catch {
            return .failed("\(host): \(Self.words(error))")
        }
    }

    /// An error of the network in words; errors of libraries may quote the URL, so that only their kind is told.
    private static func words(_ error: any Error) -> String {
        if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
        return "\(type(of: error))"
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}

/// What a webhook says.
struct WebhookBody: Encodable {
    var version = 1
    var id: String
    var kind: String
    var at: Int64
    var project: String
    var environment: String
    var deployment: Int?
    var service: String?
    var release: Int?
    var by: String?
    var reason: String?
    var text: String

    init(_ notification: Notification) {
        let event = notification.event
        id = notification.id
        kind = notification.kind?.rawValue ?? "test"
        at = event.at
        project = notification.environment.project
        environment = notification.environment.name
        deployment = event.deployment?.value
        service = event.service?.text
        release = event.release?.value
        by = event.by.isEmpty ? nil : event.by
        reason = event.text.isEmpty ? nil : event.text
        text = notification.text
    }

    private struct TextOnly: Encodable {
        var text: String
    }

    func bytes(_ format: WebhookFormat) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        switch format {
        case .json: return Array(try encoder.encode(self))
        case .slack: return Array(try encoder.encode(TextOnly(text: text)))
        }
    }
}
