/// Why a registry could not be asked, or has not what was asked for.
package struct RegistryTrouble: Error, Hashable, Sendable, CustomStringConvertible {
    package var kind: Kind
    package var text: String
    package var hint: String

    /// What callers tell apart.
    package enum Kind: Hashable, Sendable {
        /// The text names no image.
        case reference
        /// Credentials or authorities on this machine.
        case configuration
        /// No connection, no answer, or one cut short: asking again may help.
        case unreachable
        /// There is such a repository, and no such tag or digest in it.
        case noSuchImage
        /// There is no such repository, or nobody may know that there is.
        case noSuchRepository
        /// 401: the registry wants to know who asks, or does not believe it.
        case unauthorized
        /// 403: who asks may not.
        case denied
        /// The image is there, but not for that platform.
        case wrongPlatform
        /// 429: it wants to be left alone, for so many seconds.
        case rateLimited(after: Int?)
        /// 5xx.
        case server
        /// What came is not what its digest says.
        case mismatch
        /// An answer that nobody can read.
        case garbled
    }

    package init(_ kind: Kind, _ text: String, hint: String = "") {
        self.kind = kind
        self.text = text
        self.hint = hint
    }

    package var description: String { hint.isEmpty ? text : "\(text) (\(hint))" }

    /// Whether the same request may be answered differently in a moment.
    package var isPassing: Bool {
        switch kind {
        case .unreachable, .rateLimited, .server: true
        case .reference, .configuration, .noSuchImage, .noSuchRepository, .unauthorized, .denied, .wrongPlatform,
            .mismatch, .garbled:
            false
        }
    }
}
