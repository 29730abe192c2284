package import Deployments
package import Domain
package import Ports

/// What one turn of the loop brought. The contract, as in etcd raft's `Ready`: first `entries` are made durable, then
/// `answers` are given and `effects` started, in any order; then the next turn may begin.
package struct Turn: Sendable {
    package var entries: [JournalEntry] = []
    package var effects: [Effect] = []
    package var answers: [CommandAnswer] = []
    /// When the loop must turn again even if nothing is seen until then; nil: only when something is seen.
    package var wake: Span?

    package init() {}
}
