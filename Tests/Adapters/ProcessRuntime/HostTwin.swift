import CLinux
import Domain
import Glibc
import Logging
import Ports
import Synchronization
import Testing

@testable import ProcessRuntime

/// A host without processes: its "processes" are entries in a table and, for those that serve, a listening socket of
/// the test's own process. What they do is the first argument after the program's name.
final class HostTwin: InstanceHost {
    struct Entry {
        var request: HostSpawn
        var exit: HostExit?
        var listener: Int32 = -1
        var signals: [Int32] = []
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var acknowledged: Set<UInt64> = []
        var isAway = false
        var losesExits = false
        var spawns: [HostSpawn] = []
    }

    let exits: AsyncStream<HostExit>
    private let continuation: AsyncStream<HostExit>.Continuation
    private let state = Mutex(State())

    init() { (exits, continuation) = AsyncStream.makeStream(of: HostExit.self) }

    deinit { state.withLock { for entry in $0.entries.values where entry.listener >= 0 { close(entry.listener) } } }

    /// The keeper cannot be reached.
    var isAway: Bool {
        get { state.withLock { $0.isAway } }
        set { state.withLock { $0.isAway = newValue } }
    }

    var losesExits: Bool {
        get { state.withLock { $0.losesExits } }
        set { state.withLock { $0.losesExits = newValue } }
    }

    var spawns: [HostSpawn] { state.withLock { $0.spawns } }
    var running: [HostSpawn] {
        state.withLock { $0.entries.values.filter { $0.exit == nil }.map(\.request).sorted { $0.token < $1.token } }
    }
    var unacknowledged: Int { state.withLock { $0.entries.values.count { $0.exit != nil } } }
    func signals(_ token: UInt64) -> [Int32] { state.withLock { $0.entries[token]?.signals ?? [] } }

    func spawn(_ request: HostSpawn) async throws -> HostProcess {
        let behaviour = request.arguments.dropFirst().first ?? ""
        var ends: HostExitStatus?
        try state.withLock { state in
            if state.isAway { throw HostError.unavailable("the twin is away") }
            if state.entries[request.token] != nil {
                throw HostError.cannotStart(errorNumber: EEXIST, message: "the token \(request.token) is in use")
            }
            var entry = Entry(request: request)
            if behaviour == "serves" { entry.listener = try Self.listen(request) }
            if behaviour == "dies" { ends = .exited(1) }
            if behaviour == "succeeds" { ends = .exited(0) }
            state.entries[request.token] = entry
            state.spawns.append(request)
        }
        if let ends { end(request.token, ends) }
        var stat = slw_process_stat()
        _ = slw_process_stat(getpid(), &stat)
        return HostProcess(token: request.token, pid: getpid(), startTime: stat.start_time)
    }

    private static func listen(_ request: HostSpawn) throws -> Int32 {
        let text = request.environment.first { $0.hasPrefix("PORT=") }?.dropFirst(5) ?? ""
        guard let port = UInt16(text) else { throw HostError.cannotStart(errorNumber: 0, message: "no PORT") }
        let listener = slw_listen_tcp("127.0.0.1", port, 16)
        guard listener >= 0 else { throw HostError.cannotStart(errorNumber: -listener, message: "cannot listen") }
        return listener
    }

    func signal(_ process: HostProcess, _ signal: Int32, toGroup: Bool) async throws {
        let behaviour: String? = try state.withLock { state in
            if state.isAway { throw HostError.unavailable("the twin is away") }
            state.entries[process.token]?.signals.append(signal)
            return state.entries[process.token]?.request.arguments.last
        }
        if signal == SIGKILL || behaviour != "stubborn" { end(process.token, .signalled(signal)) }
    }

    /// Ends a process as if by itself.
    func end(_ token: UInt64, _ status: HostExitStatus) {
        let exit: HostExit? = state.withLock { state in
            guard var entry = state.entries[token], entry.exit == nil else { return nil }
            if entry.listener >= 0 { close(entry.listener) }
            entry.listener = -1
            entry.exit = HostExit(token: token, status: status)
            state.entries[token] = entry
            return state.losesExits ? nil : entry.exit
        }
        if let exit { continuation.yield(exit) }
    }

    func list() async throws -> [HostEntry] {
        try state.withLock { state in
            if state.isAway { throw HostError.unavailable("the twin is away") }
            return state.entries.keys.sorted().compactMap { token in
                state.entries[token].map {
                    HostEntry(process: HostProcess(token: token, pid: getpid(), startTime: 0), exit: $0.exit)
                }
            }
        }
    }

    func acknowledge(_ token: UInt64) async throws {
        state.withLock { state in
            guard state.entries[token]?.exit != nil else { return }
            state.entries[token] = nil
        }
    }
}

/// Artifacts that are directories already.
struct ArtifactTwin: ArtifactStorePort {
    var directory: String
    func pack(_ directory: String, ignore: [String], origin: String) async throws -> Artifact {
        Artifact(digest: .of(Array(directory.utf8)), size: 0, origin: origin)
    }
    func contains(_ digest: ContentDigest) async throws -> Bool { true }
    func unpack(_ digest: ContentDigest) async throws -> String { directory }
    func prune(keeping: [ContentDigest]) async throws -> Int64 { 0 }
}

/// A runtime that runs for the length of a body.
struct RuntimeFixture {
    var runtime: LocalProcesses

    static let quickly: RuntimeTiming = {
        var timing = RuntimeTiming()
        timing.eagerEvery = 20
        timing.workerSettle = 100
        timing.backOff = 50
        timing.backOffLimit = 400
        timing.prepareAgain = 100
        timing.relistEvery = 200
        return timing
    }()

    static func make(
        _ scratch: ScratchDirectory, _ host: any InstanceHost, artifacts: (any ArtifactStorePort)? = nil,
        ports: ClosedRange<Int>
    ) throws -> LocalProcesses {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return try LocalProcesses(
            configuration: ProcessRuntimeConfiguration(
                directory: scratch.path + "/state", ports: ports, timing: quickly
            ) { _, service in service.text == "nobody" ? nil : PeerAddress(host: "127.0.0.1", port: 7000) },
            host: host, artifacts: artifacts ?? ArtifactTwin(directory: scratch.path + "/tree"), logger: logger)
    }

    /// Runs it, and stops it (not its instances) when the body is over.
    static func with(_ runtime: LocalProcesses, _ body: (LocalProcesses) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runtime.run() }
            do {
                try await body(runtime)
            } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
            do {
                try await group.waitForAll()
            } catch is CancellationError {
                return
            }
        }
    }
}

extension LocalProcesses {
    /// How many instances it has; nil while it still takes over what runs.
    func adoptedCount() async throws -> Int? {
        do {
            return try await observe(Sample.environment)[Sample.service]?.instances.count
        } catch let error as PortError where error.code == .unavailable {
            return nil
        }
    }

    func view(_ service: ServiceName = Sample.service) async throws -> RuntimeView {
        try #require(try await observe(Sample.environment)[service])
    }
}
