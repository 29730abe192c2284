import Crypto
import Domain
import FoundationEssentials
import Ports

/// What a webhook is asked: the body of the POST. Its fields are described in `docs/reference/gates.md`.
struct WebhookQuestion: Encodable, Sendable {
    /// The same for one look, however often it is asked, also by the next supervisor.
    var key: String
    var project: String
    var environment: String
    var service: String
    var gate: String
    var release: Int
    /// Of the release's parts.
    var digest: String
    var stable: Int?
    /// Absent for `slipway verify`.
    var deployment: Int?
    var look: Int

    init(_ request: LookRequest) {
        let id = request.key.environment
        // Numbers begin anew on another machine; a release's digest and birth do not.
        let release = "\(request.release.digest.short).\(request.release.createdAt)"
        key = [
            id.project, id.name, request.key.service.text, "\(request.key.deployment.value)", "\(request.key.run)",
            "\(request.key.look)", release,
        ].joined(separator: "/")
        project = id.project
        environment = id.name
        service = request.key.service.text
        gate = request.gate.name.text
        self.release = request.release.number.value
        digest = request.release.digest.hex
        stable = request.stable?.number.value
        deployment = request.key.deployment.value == 0 ? nil : request.key.deployment.value
        look = request.key.look
    }

    func body() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }
}

/// Signs as GitHub's webhooks do: `sha256=` and the hexadecimal HMAC-SHA256 (RFC 2104) of the bytes.
struct WebhookSigner: Sendable {
    private let key: SymmetricKey

    init(secret: [UInt8]) { key = SymmetricKey(data: secret) }

    func signature(of bytes: [UInt8]) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: bytes, using: key)
        let digits = Array("0123456789abcdef".utf8)
        return "sha256="
            + String(decoding: code.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
