/// What is asked of a machine before a deployment.
package struct HostQuestion: Hashable, Sendable {
    /// Where routes listen: `address:port`.
    package var listens: [String]
    package var programs: [ProgramQuestion]

    package init(listens: [String] = [], programs: [ProgramQuestion] = []) {
        self.listens = listens
        self.programs = programs
    }
}

/// A program that somebody will start.
package struct ProgramQuestion: Hashable, Sendable {
    /// For whom: a service, or a gate.
    package var owner: String
    /// The first word of its command.
    package var program: String
    /// What a relative path is relative to; nil: it cannot be known yet.
    package var directory: String?

    package init(owner: String, program: String, directory: String?) {
        self.owner = owner
        self.program = program
        self.directory = directory
    }
}

/// What a machine is and has, at one moment.
package struct HostView: Hashable, Sendable {
    /// Why the state directory cannot be written; nil: it can.
    package var stateTrouble: String?
    package var statePath: String
    /// Bytes that this user may still write there; nil: unknown.
    package var diskFree: Int64?
    /// Files that may still be made there; nil: unknown, or not counted.
    package var filesFree: Int64?
    /// Bytes; nil: unknown.
    package var memoryAvailable: Int64?
    package var memoryTotal: Int64?
    /// Open files that one process may ask for.
    package var openFilesLimit: Int
    /// Open files of the whole machine, and their limit; nil: unknown.
    package var openFiles: (used: Int, limit: Int)? {
        get { openFilesUsed.flatMap { used in openFilesMost.map { (used, $0) } } }
        set {
            openFilesUsed = newValue?.used
            openFilesMost = newValue?.limit
        }
    }
    private var openFilesUsed: Int?
    private var openFilesMost: Int?
    /// Processes that this user may have; nil: as many as the machine can.
    package var processLimit: Int?
    package var processes: Int
    /// Milliseconds since 1970.
    package var wall: Int64
    /// Nil: the kernel does not say.
    package var isClockKept: Bool?
    /// Where instances' ports come from, how many nobody listens on, and what was said about the range.
    package var instancePorts: String
    package var instancePortsFree: Int
    package var instancePortsComplaint: String?
    /// Whether limits of CPU and memory take hold, and why (not).
    package var hasControlGroups: Bool
    package var controlGroupsReason: String
    package var ports: [PortView]
    package var programs: [ProgramView]

    package init(
        statePath: String, openFilesLimit: Int = 1 << 20, processes: Int = 0, wall: Int64, instancePorts: String = "",
        instancePortsFree: Int = 10_000, hasControlGroups: Bool = true, controlGroupsReason: String = "",
        ports: [PortView] = [], programs: [ProgramView] = []
    ) {
        self.statePath = statePath
        self.openFilesLimit = openFilesLimit
        self.processes = processes
        self.wall = wall
        self.instancePorts = instancePorts
        self.instancePortsFree = instancePortsFree
        self.hasControlGroups = hasControlGroups
        self.controlGroupsReason = controlGroupsReason
        self.ports = ports
        self.programs = programs
    }
}

/// A place where a route listens, or will.
package struct PortView: Hashable, Sendable {
    package enum State: Hashable, Sendable {
        case free
        /// Slipway's own sockets.
        case ours
        /// Why nobody can listen there: `in use by nginx, pid 814`.
        case trouble(String, hint: String)
    }

    package var listen: String
    package var state: State
    package init(listen: String, state: State) {
        self.listen = listen
        self.state = state
    }
}

/// A program that was looked for.
package struct ProgramView: Hashable, Sendable {
    package var owner: String
    package var program: String
    /// Why it cannot be started; nil: it can.
    package var trouble: String?
    package var hint: String
    package init(owner: String, program: String, trouble: String? = nil, hint: String = "") {
        self.owner = owner
        self.program = program
        self.trouble = trouble
        self.hint = hint
    }
}
