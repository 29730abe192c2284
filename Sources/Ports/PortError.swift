/// What went wrong at a seam, in words for a person: what, why, and what to do next.
package struct PortError: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    package var code: PortErrorCode
    package var message: String
    package var hint: String

    package init(_ code: PortErrorCode, _ message: String, hint: String = "") {
        self.code = code
        self.message = message
        self.hint = hint
    }

    package var description: String { hint.isEmpty ? message : "\(message)\n  \(hint)" }
}

/// Kinds of trouble that callers tell apart.
package enum PortErrorCode: String, Hashable, Sendable, Codable {
    /// A newer writer has taken over.
    case stale
    /// It does not answer; may be tried again.
    case unavailable
    /// What was asked makes no sense to it.
    case invalid
    case notFound
    /// No space, no rights, broken device: the machine below.
    case storage
    /// Written by a later version, or damaged.
    case incompatible
}
