import KeeperControl

/// One run of a role's program.
final class RoleProcess {
    let name: RoleName
    let process: ProcessIdentity
    let arguments: [String]
    let pipes: OutputPipes
    /// Name of its FIFOs.
    let pipeName: String
    /// CLOCK_MONOTONIC in milliseconds.
    let startedAt: Int64
    /// Set right after the start.
    var channel: RoleChannel?
    var isReady = false
    /// Kills it when it does not go by itself.
    var killTimer: EventLoop.Timer?

    init(
        name: RoleName, process: ProcessIdentity, arguments: [String], pipes: OutputPipes, pipeName: String,
        startedAt: Int64
    ) {
        self.name = name
        self.process = process
        self.arguments = arguments
        self.pipes = pipes
        self.pipeName = pipeName
        self.startedAt = startedAt
    }
}

/// A role: what runs in it and what comes next.
struct RoleSlot {
    let name: RoleName
    var arguments: [String]
    /// What to go back to when a new program does not live.
    var previousArguments: [String]?
    var backoff = Backoff()
    var current: RoleProcess?
    /// A new proxy that has not said yet that it is ready.
    var candidate: Candidate?
    /// Proxies that drain.
    var retiring: [RoleProcess] = []
    var restartTimer: EventLoop.Timer?

    struct Candidate {
        var process: RoleProcess
        var timer: EventLoop.Timer
        /// Answers the request that asked for it.
        var answer: (KeeperReply) -> Void
    }

    init(name: RoleName, arguments: [String]) {
        self.name = name
        self.arguments = arguments
    }

    var all: [RoleProcess] {
        [current, candidate?.process].compactMap { $0 } + retiring
    }
}

extension RoleName {
    var word: String {
        switch self {
        case .supervisor: "supervisor"
        case .proxy: "proxy"
        }
    }
}
