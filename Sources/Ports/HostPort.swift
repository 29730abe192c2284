package import Domain

/// What looks at the machine.
package protocol HostPort: Sendable {
    /// What cannot be seen is left open in the view, not thrown.
    func look(_ question: HostQuestion) async -> HostView
}
