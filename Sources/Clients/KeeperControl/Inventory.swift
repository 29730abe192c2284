/// A process, told apart from a later one that got the same number.
package struct ProcessIdentity: Hashable, Sendable {
    package var pid: Int32
    /// Clock ticks between boot and the process's start (field 22 of `/proc/<pid>/stat`).
    package var startTime: UInt64

    package init(pid: Int32, startTime: UInt64) {
        self.pid = pid
        self.startTime = startTime
    }

    package func encode(into writer: inout LinkWriter) {
        writer.put(pid)
        writer.put(startTime)
    }

    package init(from reader: inout LinkReader) throws(LinkFault) {
        self.init(pid: try reader.integer(), startTime: try reader.integer())
    }
}

/// How a process ended.
package enum ProcessEnd: Hashable, Sendable {
    case exited(Int32)
    case signalled(Int32)
    /// It was adopted after the keeper's own death, and this kernel does not tell strangers (Linux before 6.15).
    case unknown

    /// From a status word of waitpid(2).
    package init(waitStatus: Int32) {
        let signal = waitStatus & 0x7f
        self = signal == 0 ? .exited((waitStatus >> 8) & 0xff) : .signalled(signal)
    }

    package func encode(into writer: inout LinkWriter) {
        switch self {
        case .exited(let code):
            writer.put(UInt8(1))
            writer.put(code)
        case .signalled(let signal):
            writer.put(UInt8(2))
            writer.put(signal)
        case .unknown:
            writer.put(UInt8(3))
            writer.put(Int32(0))
        }
    }

    package init(from reader: inout LinkReader) throws(LinkFault) {
        let kind = try reader.integer(UInt8.self)
        let value = try reader.integer(Int32.self)
        switch kind {
        case 1: self = .exited(value)
        case 2: self = .signalled(value)
        case 3: self = .unknown
        case _: throw .badValue
        }
    }
}

/// The end of an instance's main process. Kept by the keeper until it is acknowledged.
package struct ExitReport: Equatable, Sendable {
    package var token: UInt64
    package var process: ProcessIdentity
    package var status: ProcessEnd
    /// Milliseconds since 1970.
    package var at: Int64
    /// Processes of the instance that were still there when its main process had ended; the keeper ends them.
    package var descendants: UInt32
    /// Log lines that could not be written (disk full).
    package var droppedLines: UInt64

    package init(
        token: UInt64, process: ProcessIdentity, status: ProcessEnd, at: Int64, descendants: UInt32,
        droppedLines: UInt64
    ) {
        self.token = token
        self.process = process
        self.status = status
        self.at = at
        self.descendants = descendants
        self.droppedLines = droppedLines
    }

    package func encode(into writer: inout LinkWriter) {
        writer.put(token)
        process.encode(into: &writer)
        status.encode(into: &writer)
        writer.put(at)
        writer.put(descendants)
        writer.put(droppedLines)
    }

    package init(from reader: inout LinkReader) throws(LinkFault) {
        token = try reader.integer()
        process = try ProcessIdentity(from: &reader)
        status = try ProcessEnd(from: &reader)
        at = try reader.integer()
        descendants = try reader.integer()
        droppedLines = try reader.integer()
    }
}

/// One instance as the keeper sees it.
package struct InstanceReport: Equatable, Sendable {
    package var token: UInt64
    package var process: ProcessIdentity
    /// Milliseconds since 1970.
    package var startedAt: Int64
    /// It was started by a keeper that has died since.
    package var adopted: Bool
    package var droppedLines: UInt64
    /// Its end, once there is one; nil while it runs.
    package var exit: ExitReport?

    package init(
        token: UInt64, process: ProcessIdentity, startedAt: Int64, adopted: Bool, droppedLines: UInt64,
        exit: ExitReport?
    ) {
        self.token = token
        self.process = process
        self.startedAt = startedAt
        self.adopted = adopted
        self.droppedLines = droppedLines
        self.exit = exit
    }

    package func encode(into writer: inout LinkWriter) {
        writer.put(token)
        process.encode(into: &writer)
        writer.put(startedAt)
        writer.put(adopted)
        writer.put(droppedLines)
        writer.put(exit) { $1.encode(into: &$0) }
    }

    package init(from reader: inout LinkReader) throws(LinkFault) {
        token = try reader.integer()
        process = try ProcessIdentity(from: &reader)
        startedAt = try reader.integer()
        adopted = try reader.flag()
        droppedLines = try reader.integer()
        exit = try reader.optional { reader throws(LinkFault) in try ExitReport(from: &reader) }
    }
}

/// Everything the keeper holds.
package struct Inventory: Equatable, Sendable {
    package var keeper: ProcessIdentity
    /// Addresses with an open listening socket, sorted.
    package var listeners: [String]
    /// Running instances and unacknowledged exits, by token.
    package var instances: [InstanceReport]
    /// nil between the proxy's death and its restart.
    package var proxy: ProcessIdentity?
    package var proxyIsReady: Bool
    package var shuttingDown: Bool

    package init(
        keeper: ProcessIdentity, listeners: [String], instances: [InstanceReport], proxy: ProcessIdentity?,
        proxyIsReady: Bool, shuttingDown: Bool
    ) {
        self.keeper = keeper
        self.listeners = listeners
        self.instances = instances
        self.proxy = proxy
        self.proxyIsReady = proxyIsReady
        self.shuttingDown = shuttingDown
    }

    package func encode(into writer: inout LinkWriter) {
        keeper.encode(into: &writer)
        writer.put(listeners) { $0.put($1) }
        writer.put(instances) { $1.encode(into: &$0) }
        writer.put(proxy) { $1.encode(into: &$0) }
        writer.put(proxyIsReady)
        writer.put(shuttingDown)
    }

    package init(from reader: inout LinkReader) throws(LinkFault) {
        keeper = try ProcessIdentity(from: &reader)
        listeners = try reader.list { reader throws(LinkFault) in try reader.text() }
        instances = try reader.list { reader throws(LinkFault) in try InstanceReport(from: &reader) }
        proxy = try reader.optional { reader throws(LinkFault) in try ProcessIdentity(from: &reader) }
        proxyIsReady = try reader.flag()
        shuttingDown = try reader.flag()
    }
}
