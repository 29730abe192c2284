package import Domain

/// Sends single HTTP requests to single instances, past every router. What answers is an answer, whatever its status;
/// redirects are not followed.
package protocol InstanceCallPort: Sendable {
    /// - Parameter limit: up to the last byte of the answer.
    func send(
        _ call: InstanceCall, to instance: InstanceID, of release: Release, within limit: Duration
    ) async throws(InstanceCallTrouble) -> InstanceAnswer
}

/// One request, ready to be sent.
package struct InstanceCall: Sendable {
    package var method: String
    /// Of the instance: `127.0.0.1`
    package var host: String
    package var port: Int
    /// Path and query, escaped, beginning with `/`.
    package var target: String
    package var headers: [(name: String, value: String)]
    package var body: String?

    package init(
        method: String, host: String, port: Int, target: String, headers: [(name: String, value: String)],
        body: String?
    ) {
        self.method = method
        self.host = host
        self.port = port
        self.target = target
        self.headers = headers
        self.body = body
    }

    /// Why it cannot be sent as it is, or nil. A captured value must not end a header and begin another.
    package var fault: String? {
        for header in headers where header.value.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f }) {
            return "the header \(header.name) would have a control character"
        }
        guard target.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
            return "the path would have a space or a control character"
        }
        return nil
    }
}

/// What an instance answered.
package struct InstanceAnswer: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)]
    /// At most `bodyLimit` bytes.
    package var body: [UInt8]
    package var isCut: Bool
    /// From before the connection was opened to the last byte.
    package var took: Duration

    /// What is read of a body, in bytes.
    package static let bodyLimit = 1 << 20

    package init(
        status: Int, headers: [(name: String, value: String)], body: [UInt8], isCut: Bool, took: Duration
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.isCut = isCut
        self.took = took
    }

    package func values(of name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }
}

/// Why there was no answer.
package struct InstanceCallTrouble: Error, Sendable {
    package enum Kind: Sendable {
        /// The instance did not take the request, or broke off, or took too long.
        case noAnswer
        /// The request could not be made at all.
        case badRequest
    }

    package var kind: Kind
    /// `connection refused`, `no answer in 5s`.
    package var words: String

    package init(kind: Kind, words: String) {
        self.kind = kind
        self.words = words
    }
}
