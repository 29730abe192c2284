package import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOFoundationEssentialsCompat
import NIOHTTP1

/// How requests come to a supervisor, and its answers back.
package protocol SupervisorWay: Sendable {
    /// - Throws: `SupervisorError` with code `unreachable` when nobody answers there.
    func send(_ request: SupervisorRequest) async throws -> SupervisorAnswer
    /// What to do when both sides are of versions that do not understand each other.
    var updateHint: String { get }
}

/// One request.
package struct SupervisorRequest: Sendable {
    package var method: String
    /// With what follows the question mark, escaped.
    package var path: String
    /// Of the body.
    package var type: String?
    package var body: [UInt8]?
    /// How long an answer is waited for.
    package var seconds: Int64
    /// Of the binary that asks.
    package var version = ""

    package init(method: String, path: String, type: String? = nil, body: [UInt8]? = nil, seconds: Int64) {
        self.method = method
        self.path = path
        self.type = type
        self.body = body
        self.seconds = seconds
    }

    /// The name of the header that tells the version, in both directions.
    package static let versionHeader = "x-slipway-version"
}

/// One answer.
package struct SupervisorAnswer: Sendable {
    package var status: Int
    /// Of the supervisor; nil: it did not say.
    package var version: String?
    package var body: [UInt8]

    package init(status: Int, version: String?, body: [UInt8]) {
        self.status = status
        self.version = version
        self.body = body
    }
}

/// Over a Unix socket: the supervisor's own, or one that leads to another machine.
package struct SocketWay: SupervisorWay {
    private let http: HTTPClient
    private let socket: String
    /// The name of the machine that the supervisor runs on; nil: this one.
    private let host: String?

    package init(http: HTTPClient, socket: String, host: String? = nil) {
        self.http = http
        self.socket = socket
        self.host = host
    }

    package var updateHint: String {
        host.map { "bring that machine up to date: slipway host upgrade \($0)" }
            ?? "restart it with this binary: slipway restart"
    }

    package func send(_ request: SupervisorRequest) async throws -> SupervisorAnswer {
        let response: HTTPClientResponse
        do {
            response = try await http.execute(prepared(request), timeout: .seconds(request.seconds))
        } catch {
            throw SupervisorError(
                code: "unreachable",
                message: host.map { "the supervisor on \($0) does not answer: \(error)" }
                    ?? "the supervisor does not answer on \(socket): \(error)",
                hint: host.map { "slipway host check \($0) shows what is wrong" }
                    ?? "is it running? slipway doctor shows; slipway up starts it")
        }
        let body = try await response.body.collect(upTo: 64 << 20)
        return SupervisorAnswer(
            status: Int(response.status.code),
            version: response.headers.first(name: SupervisorRequest.versionHeader), body: Array(buffer: body))
    }

    private func prepared(_ request: SupervisorRequest) -> HTTPClientRequest {
        let escaped = socket.utf8.map { byte -> String in
            let isPlain = (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
            let hex = String(byte, radix: 16, uppercase: true)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + (hex.utf8.count == 1 ? "0" : "") + hex
        }
        var prepared = HTTPClientRequest(url: "http+unix://\(escaped.joined())\(request.path)")
        prepared.method = HTTPMethod(rawValue: request.method)
        prepared.headers.add(name: SupervisorRequest.versionHeader, value: request.version)
        if let type = request.type { prepared.headers.add(name: "content-type", value: type) }
        if let body = request.body { prepared.body = .bytes(ByteBuffer(bytes: body)) }
        return prepared
    }
}
