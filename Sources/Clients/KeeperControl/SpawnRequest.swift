import Glibc

/// A limit of a resource as in setrlimit(2).
package struct ResourceLimit: Equatable, Sendable {
    /// The system's number of the resource: RLIMIT_NOFILE is 7, RLIMIT_AS is 9 …
    package var resource: Int32
    /// `UInt64.max` stands for no limit.
    package var soft: UInt64
    package var hard: UInt64

    package init(resource: Int32, soft: UInt64, hard: UInt64) {
        self.resource = resource
        self.soft = soft
        self.hard = hard
    }
}

/// Everything the keeper needs to start an instance. Nothing is inherited from the keeper.
package struct SpawnRequest: Equatable, Sendable {
    /// Chosen by the supervisor, unique among the instances and unacknowledged exits that the keeper knows.
    package var token: UInt64
    /// The program's path, absolute or relative to `directory`. There is no search along PATH and no shell.
    package var program: String
    /// The whole argument vector; the first one is the program's name for itself.
    package var arguments: [String]
    /// `NAME=value` entries. The keeper adds one of its own, `SLIPWAY_INSTANCE`, by which it knows descendants that
    /// left the session.
    package var environment: [String]
    /// The working directory, absolute.
    package var directory: String
    package var limits: [ResourceLimit]
    /// The file that gets the lines of standard output and error, absolute. It turns into `<path>.1` when it is full.
    package var logPath: String
    /// Size in bytes at which the log file is turned over; at least 4 KiB.
    package var logLimit: UInt64
    /// The `cgroup.procs` file to join, if any.
    package var cgroupProcs: String?
    /// −1000 … 1000, nil leaves the keeper's own.
    package var outOfMemoryScore: Int32?
    /// What `stop` and `shutdown` send to the main process first.
    package var stopSignal: Int32
    /// How long after that everything left is killed, in milliseconds.
    package var stopGrace: UInt32

    package init(
        token: UInt64, program: String, arguments: [String]? = nil, environment: [String], directory: String,
        limits: [ResourceLimit] = [], logPath: String, logLimit: UInt64 = 16 << 20, cgroupProcs: String? = nil,
        outOfMemoryScore: Int32? = nil, stopSignal: Int32 = SIGTERM, stopGrace: UInt32 = 10_000
    ) {
        self.token = token
        self.program = program
        self.arguments = arguments ?? [program]
        self.environment = environment
        self.directory = directory
        self.limits = limits
        self.logPath = logPath
        self.logLimit = logLimit
        self.cgroupProcs = cgroupProcs
        self.outOfMemoryScore = outOfMemoryScore
        self.stopSignal = stopSignal
        self.stopGrace = stopGrace
    }
}

extension SpawnRequest {
    package func encode(into writer: inout LinkWriter) {
        writer.put(token)
        writer.put(program)
        writer.put(arguments) { $0.put($1) }
        writer.put(environment) { $0.put($1) }
        writer.put(directory)
        writer.put(limits) { writer, limit in
            writer.put(limit.resource)
            writer.put(limit.soft)
            writer.put(limit.hard)
        }
        writer.put(logPath)
        writer.put(logLimit)
        writer.put(cgroupProcs) { $0.put($1) }
        writer.put(outOfMemoryScore) { $0.put($1) }
        writer.put(stopSignal)
        writer.put(stopGrace)
    }

    package init(from reader: inout LinkReader) throws(LinkFault) {
        token = try reader.integer()
        program = try reader.text()
        arguments = try reader.list { reader throws(LinkFault) in try reader.text() }
        environment = try reader.list { reader throws(LinkFault) in try reader.text() }
        directory = try reader.text()
        limits = try reader.list { reader throws(LinkFault) in
            ResourceLimit(resource: try reader.integer(), soft: try reader.integer(), hard: try reader.integer())
        }
        logPath = try reader.text()
        logLimit = try reader.integer()
        cgroupProcs = try reader.optional { reader throws(LinkFault) in try reader.text() }
        outOfMemoryScore = try reader.optional { reader throws(LinkFault) in try reader.integer() }
        stopSignal = try reader.integer()
        stopGrace = try reader.integer()
    }
}
