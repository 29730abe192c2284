/// Why a cluster could not be asked, or did not do what it was asked.
package struct ClusterTrouble: Error, Hashable, Sendable, CustomStringConvertible {
    package var kind: Kind
    package var text: String
    package var hint: String

    /// What callers tell apart.
    package enum Kind: Hashable, Sendable {
        /// The configuration on this machine.
        case configuration
        /// No connection, no answer, or one cut short: asking again may help.
        case unreachable
        /// 401: who we are is not believed.
        case unauthorized
        /// 403: who we are may not.
        case forbidden
        /// 404 for one object, or for a kind that the cluster does not know.
        case notFound
        /// 409: somebody else has changed it, or owns a field of it.
        case conflict
        /// 409 for an object that is there already.
        case exists
        /// 410: what was seen last is too long ago for a watch to go on from.
        case gone
        /// 422, or 400: the cluster does not accept it.
        case invalid
        /// 429: it asks to be left alone for so many seconds.
        case busy(after: Int?)
        /// 5xx.
        case server
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
        case .unreachable, .busy, .server: true
        case .configuration, .unauthorized, .forbidden, .notFound, .conflict, .exists, .gone, .invalid, .garbled: false
        }
    }
}
