/// Why the proxy, or the way to it, did not do what was asked.
package struct ProxyControlError: Error, Codable, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Codable, Sendable, Equatable, Hashable {
        /// The table is older than the one that the proxy has: another supervisor has taken over.
        case stale
        /// The table contradicts itself; nothing of it was taken.
        case invalidTable
        /// The table could not be made durable; the proxy still serves the old one.
        case notDurable
        /// The request was no line of JSON, or of an unknown method.
        case badRequest
        /// A line longer than the protocol allows.
        case tooLarge
        /// The proxy is on its way out.
        case shuttingDown
        /// Nothing listens on the control socket.
        case unreachable
        /// No answer in time.
        case timeout
        /// The answer could not be understood.
        case badAnswer
        /// A code of a later version.
        case unknown(String)

        package var text: String {
            switch self {
            case .stale: "stale"
            case .invalidTable: "invalidTable"
            case .notDurable: "notDurable"
            case .badRequest: "badRequest"
            case .tooLarge: "tooLarge"
            case .shuttingDown: "shuttingDown"
            case .unreachable: "unreachable"
            case .timeout: "timeout"
            case .badAnswer: "badAnswer"
            case .unknown(let text): text
            }
        }

        private static let known: [Code] = [
            .stale, .invalidTable, .notDurable, .badRequest, .tooLarge, .shuttingDown, .unreachable, .timeout,
            .badAnswer,
        ]

        package init(from decoder: any Decoder) throws {
            let text = try decoder.singleValueContainer().decode(String.self)
            self = Self.known.first { $0.text == text } ?? .unknown(text)
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(text)
        }
    }

    package var code: Code
    /// What was wrong.
    package var message: String
    /// What lies behind it (an operating system error, a decoder's complaint), if known.
    package var cause: String?
    /// What to try.
    package var hint: String?

    package init(code: Code, message: String, cause: String? = nil, hint: String? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
        self.hint = hint
    }

    package var description: String {
        var text = "\(code.text): \(message)"
        if let cause { text += " (\(cause))" }
        if let hint { text += "; \(hint)" }
        return text
    }
}
