/// A program of the project's that runs beside deployments.
package struct HookSpec: Hashable, Sendable, Codable {
    /// As the manifest calls it.
    package var name: String
    package var at: HookPoint
    /// Argument list; never a shell line.
    package var command: [String]
    /// Sorted by name.
    package var env: [Variable]
    package var timeout: Span
    /// Its failure is told and stops nothing.
    package var isAdvisory: Bool

    package init(
        name: String, at: HookPoint, command: [String], env: [Variable] = [], timeout: Span = .seconds(60),
        isAdvisory: Bool = false
    ) {
        self.name = name
        self.at = at
        self.command = command
        self.env = env
        self.timeout = timeout
        self.isAdvisory = isAdvisory
    }

    /// What happens after the fact, and reverts, call hooks by way of the outbox; the others are asked in line.
    package var channel: NotifySpec? {
        let kinds: [NotifyKind]
        switch at {
        case .beforeDeploy, .beforePromote: return nil
        case .afterDeploy: kinds = [.committed, .reverted]
        case .afterPromote: kinds = [.committed]
        case .beforeRevert: kinds = [.failed]
        case .afterRevert: kinds = [.reverted]
        }
        return NotifySpec(name: "hook \(name)", way: .hook(self), kinds: kinds)
    }
}

/// When a hook runs.
package enum HookPoint: String, Hashable, Sendable, Codable, CaseIterable {
    case beforeDeploy
    case afterDeploy
    case beforePromote
    case afterPromote
    case beforeRevert
    case afterRevert
}
