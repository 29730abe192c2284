import Domain

/// What is on disk of a migration: written before anything of it is started, and again with how it ended before the
/// host may forget its end.
struct MigrationRecord: Hashable, Sendable, Codable {
    var key: MigrationKey
    var release: ReleaseNumber
    /// Of its process at the host.
    var token: UInt64
    /// Nil while it was not started, or when that could not be written down any more.
    var process: HostProcess?
    var state: MigrationState
    /// The last lines that it wrote.
    var lines: [String] = []
    /// Milliseconds since 1970.
    var bornAt: Int64

    /// Nothing of it runs, and nothing will.
    var isOver: Bool {
        switch state {
        case .starting, .running: false
        case .exited, .signalled, .notStarted, .lost: true
        }
    }

    var view: MigrationView {
        MigrationView(deployment: key.deployment, attempt: key.attempt, state: state, lines: lines)
    }

    static let lineLimit = 10

    /// How its process ended.
    static func state(_ status: HostExitStatus) -> MigrationState {
        switch status {
        case .exited(let code): .exited(code)
        case .signalled(let number): .signalled(number)
        case .unknown: .lost("its process has ended, and nobody saw how")
        }
    }
}
