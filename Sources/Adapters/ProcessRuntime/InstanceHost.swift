/// What really starts and ends processes: the keeper, or its simulated twin in tests.
///
/// Everything is said in processes, not in instances: a restarted instance is a new process with a new token.
package protocol InstanceHost: Sendable {
    /// Starts a program. Returns when it runs.
    /// - Throws: `HostError`.
    func spawn(_ request: HostSpawn) async throws -> HostProcess
    /// Sends a signal to a process, or to everything that belongs to it. A process that has ended is no error.
    /// - Throws: `HostError` with the case `unavailable`.
    func signal(_ process: HostProcess, _ signal: Int32, toGroup: Bool) async throws
    /// All processes that run, and those that have ended and were not acknowledged yet.
    func list() async throws -> [HostEntry]
    /// Lets the host forget an end. A token that it does not know is no error.
    func acknowledge(_ token: UInt64) async throws
    /// Ends as they happen. One consumer. A lost one is found by `list`, which is asked every few seconds.
    var exits: AsyncStream<HostExit> { get }
}

/// What is to be started. Nothing is inherited.
package struct HostSpawn: Hashable, Sendable {
    package var token: UInt64
    /// Absolute path of the program.
    package var program: String
    package var arguments: [String]
    /// `NAME=value`.
    package var environment: [String]
    /// Absolute working directory.
    package var directory: String
    /// Open files, soft and hard; zero: the system's default.
    package var files: Int
    /// The file that gets the lines of both outputs.
    package var logPath: String
    /// Bytes at which the log file is turned over.
    package var logLimit: UInt64
    /// The `cgroup.procs` file to join, if any.
    package var cgroupProcs: String?
    /// What tells it to stop when the whole machine's Slipway is shut down, and how long it may take then (ms).
    package var stopSignal: Int32
    package var stopGrace: UInt32

    package init(
        token: UInt64, program: String, arguments: [String], environment: [String], directory: String,
        files: Int = 0, logPath: String, logLimit: UInt64, cgroupProcs: String? = nil, stopSignal: Int32,
        stopGrace: UInt32
    ) {
        self.token = token
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.files = files
        self.logPath = logPath
        self.logLimit = logLimit
        self.cgroupProcs = cgroupProcs
        self.stopSignal = stopSignal
        self.stopGrace = stopGrace
    }
}

/// A process, told apart from a later one with the same number by its start time (in clock ticks since boot).
package struct HostProcess: Hashable, Sendable, Codable {
    package var token: UInt64
    package var pid: Int32
    package var startTime: UInt64
    package init(token: UInt64, pid: Int32, startTime: UInt64) {
        self.token = token
        self.pid = pid
        self.startTime = startTime
    }
}

/// One process as the host sees it.
package struct HostEntry: Hashable, Sendable {
    package var process: HostProcess
    /// Nil while it runs.
    package var exit: HostExit?
    package init(process: HostProcess, exit: HostExit? = nil) {
        self.process = process
        self.exit = exit
    }
}

/// The end of a process.
package struct HostExit: Hashable, Sendable {
    package var token: UInt64
    package var status: HostExitStatus
    /// Processes that it left behind, and that the host has ended.
    package var leftBehind: Int
    /// How often the kernel has ended processes of this instance for want of memory, ever; nil: nobody counts.
    package var memoryKills: Int?
    package init(token: UInt64, status: HostExitStatus, leftBehind: Int = 0, memoryKills: Int? = nil) {
        self.memoryKills = memoryKills
        self.token = token
        self.status = status
        self.leftBehind = leftBehind
    }
}

/// How a process ended.
package enum HostExitStatus: Hashable, Sendable {
    case exited(Int32)
    case signalled(Int32)
    /// It was not our child any more when it ended.
    case unknown
}

/// Why the host did not do what it was asked.
package enum HostError: Error, Hashable, Sendable {
    /// The program could not be started: the system's error number and words that name the cause.
    case cannotStart(errorNumber: Int32, message: String)
    /// The host does not answer; whether it took effect is unknown.
    case unavailable(String)
}
