package import Domain
import FoundationEssentials
import Glibc
import Logging
package import Ports
import Synchronization

/// Runs migrations as processes of this machine, through the same host as instances.
///
/// A record is on disk, durably, before its process is asked for, and with its end before the host may forget that end:
/// a supervisor that comes back reads the records, asks the host, and knows of each whether it runs, how it ended, or
/// that nobody can say.
package final class LocalMigrations: MigrationPort, MigrationLogs {
    struct State {
        var records: [MigrationKey: MigrationRecord] = [:]
        /// Asked to end before they began.
        var cancelled: Set<MigrationKey> = []
        /// The host is being asked to start them: that it does not list them yet says nothing.
        var asked: Set<MigrationKey> = []
        var isAdopted = false
    }

    /// Tokens of migrations have the second highest bit: they are never an instance's nor a job's.
    static let firstToken: UInt64 = 1 << 62
    /// So many of a service keep their records and logs.
    private static let kept = 20

    let layout: InstanceLayout
    let configuration: ProcessRuntimeConfiguration
    let host: any InstanceHost
    let files: ReleaseFiles
    let logger: Logger
    let nextToken: @Sendable () -> UInt64
    let state = Mutex(State())
    let work = BlockingWork("migrations")

    init(
        layout: InstanceLayout, configuration: ProcessRuntimeConfiguration, host: any InstanceHost,
        files: ReleaseFiles, logger: Logger, nextToken: @escaping @Sendable () -> UInt64
    ) throws {
        self.layout = layout
        self.configuration = configuration
        self.host = host
        self.files = files
        self.logger = logger
        self.nextToken = nextToken
        try Tree.make(layout.migrations)
    }

    static func owns(_ token: UInt64) -> Bool { token >= firstToken && token < JobBoard.firstToken }

    // MARK: MigrationPort

    package func start(_ request: MigrationRequest) async throws {
        guard let spec = request.release.parts.spec.migrate else {
            throw PortError(.invalid, "\(request.release.label) has no migration")
        }
        try adopted()
        guard let record = try take(request) else { return }
        do {
            try await write(record, isDurable: true)
        } catch {
            state.withLock { $0.records[record.key] = nil }
            throw PortError(.storage, "the migration cannot be written down, and was not started: \(error)")
        }
        await launch(record, request.release, spec)
        await prune(request.key)
    }

    package func stop(_ key: MigrationKey, kill: Bool) async throws {
        try adopted()
        let process = state.withLock { state -> HostProcess? in
            guard let record = state.records[key], !record.isOver else { return nil }
            if record.process == nil { state.cancelled.insert(key) }
            return record.process
        }
        guard let process else { return }
        do {
            try await host.signal(process, kill ? SIGKILL : SIGTERM, toGroup: true)
        } catch {
            throw PortError(.unavailable, "the migration of \(key.service) was not told to stop: \(error)")
        }
    }

    package func observe(_ environment: EnvironmentID) async throws -> [ServiceName: [MigrationView]] {
        try adopted()
        let records = state.withLock { $0.records.values.filter { $0.key.environment == environment } }
        var views: [ServiceName: [MigrationView]] = [:]
        for record in records.sorted(by: { $0.key < $1.key }) {
            views[record.key.service, default: []].append(record.view)
        }
        return views
    }

    private func adopted() throws {
        guard state.withLock({ $0.isAdopted }) else {
            throw PortError(
                .unavailable, "the process runtime is still taking over which migrations run", hint: "ask again")
        }
    }

    /// Nil for a key that is known already.
    private func take(_ request: MigrationRequest) throws -> MigrationRecord? {
        try state.withLock { state in
            let key = request.key
            if state.records[key] != nil { return nil }
            for record in state.records.values
            where record.key.environment == key.environment && record.key.service == key.service {
                if record.key > key {
                    throw PortError(.stale, "a later migration of \(key.service) is known", hint: "it is not started")
                }
                if !record.isOver {
                    throw PortError(
                        .invalid,
                        "another migration of \(key.service) still runs (deployment \(record.key.deployment))",
                        hint: "wait for its end, or end it")
                }
            }
            let record = MigrationRecord(
                key: key, release: request.release.number, token: nextToken(), state: .starting,
                bornAt: Clock.wall())
            state.records[key] = record
            state.asked.insert(key)
            return record
        }
    }

    // MARK: Starting

    private func launch(_ record: MigrationRecord, _ release: Release, _ spec: MigrationSpec) async {
        let key = record.key
        defer { state.withLock { _ = $0.asked.remove(key) } }
        do {
            let root = try await files.stand(release)
            let wanted = try await work.run { try self.request(record, release, spec, root) }
            if state.withLock({ $0.cancelled.contains(key) }) || Task.isCancelled {
                await end(key, .notStarted("it was stopped before it began"))
                return
            }
            let process = try await host.spawn(wanted)
            let started = state.withLock { state -> MigrationRecord? in
                guard var record = state.records[key], !record.isOver else { return nil }
                record.process = process
                record.state = .running
                state.records[key] = record
                return record
            }
            // Without this line the process is found by its token all the same.
            if let started { await save(started) }
        } catch let error as ReleaseFiles.Failure {
            await end(key, .notStarted(error.text))
        } catch let error as LaunchFailure {
            await end(key, .notStarted(Trouble(headline: error.text, hint: error.hint).text))
        } catch let error as VariableScope.Unknown {
            await end(key, .notStarted(Trouble(headline: error.text, hint: error.hint).text))
        } catch let error as PortError {
            await end(key, .notStarted(error.description))
        } catch HostError.cannotStart(_, let message) {
            await end(key, .notStarted(message))
        } catch {
            // It may have been started: what the host lists will tell.
            logger.warning("nobody knows yet whether the migration of \(key.service) was started: \(error)")
        }
    }

    private func request(
        _ record: MigrationRecord, _ release: Release, _ spec: MigrationSpec, _ root: String
    ) throws -> HostSpawn {
        let service = release.parts.spec
        let place = layout.migration(record.key)
        var peers: [(service: ServiceName, address: PeerAddress)] = []
        for need in service.needs {
            guard let address = configuration.peer(release.environment, need) else {
                throw LaunchFailure(
                    text: "\(service.service) needs \(need), which has no address yet",
                    hint: "\(need) gets one when it is deployed with a port", isDefinite: true)
            }
            peers.append((need, address))
        }
        let surroundings = MigrationSurroundings(
            release: release, root: root, temporary: place + "/tmp",
            data: service.data.map { ($0.name, layout.data($0, release.environment)) }, peers: peers,
            searchPath: configuration.searchPath, home: configuration.home)
        let command = try surroundings.command(spec)
        for directory in [place + "/tmp"] + surroundings.data.map(\.path) { try Tree.make(directory) }
        let program = try ProgramSearch.find(command[0], directory: root, searchPath: configuration.searchPath)
        return HostSpawn(
            token: record.token, program: program, arguments: command,
            environment: try surroundings.environment(spec), directory: root, files: service.resources.files,
            logPath: layout.migrationLog(record.key), logLimit: configuration.logLimit, stopSignal: SIGTERM,
            stopGrace: 10_000)
    }

    // MARK: Ends

    /// Takes in the end of a process of ours, whoever told of it. The host forgets it only when it is written down.
    func heard(_ exit: HostExit) async {
        let key = state.withLock { $0.records.values.first { $0.token == exit.token }?.key }
        if let key, await !end(key, MigrationRecord.state(exit.status)) { return }
        do {
            try await host.acknowledge(exit.token)
        } catch {
            // The host tells of it again.
            logger.debug("the end of migration process \(exit.token) was not acknowledged: \(error)")
        }
    }

    /// - Returns: whether it is written down.
    @discardableResult
    func end(_ key: MigrationKey, _ how: MigrationState) async -> Bool {
        let path = layout.migrationLog(key)
        var lines: [String] = []
        do {
            lines = try await work.run {
                try LogFiles.tail(path, lines: MigrationRecord.lineLimit).map { String($0.text.prefix(500)) }
            }
        } catch { lines = ["(its log cannot be read: \(error))"] }
        let found = lines
        let record = state.withLock { state -> MigrationRecord? in
            guard var record = state.records[key] else { return nil }
            if !record.isOver {
                record.state = how
                record.lines = found
                state.records[key] = record
            }
            state.cancelled.remove(key)
            return record
        }
        guard let record else { return true }
        return await save(record)
    }

    // MARK: Files

    @discardableResult
    private func save(_ record: MigrationRecord) async -> Bool {
        do {
            try await write(record, isDurable: true)
            return true
        } catch {
            logger.error("the migration of \(record.key.service) could not be written down: \(error)")
            return false
        }
    }

    private func write(_ record: MigrationRecord, isDurable: Bool) async throws {
        try await work.run { [layout] in
            try Tree.make(layout.migration(record.key))
            let bytes = Array(try JSONEncoder().encode(record))
            try SmallFile.replace(layout.migrationRecord(record.key), with: bytes, isDurable: isDurable)
            if isDurable { try SmallFile.syncParent(of: layout.migration(record.key)) }
        }
    }

    private func prune(_ key: MigrationKey) async {
        let old = state.withLock { state -> [MigrationKey] in
            let mine = state.records.values.filter {
                $0.key.environment == key.environment && $0.key.service == key.service && $0.isOver
            }
            let surplus = mine.map(\.key).sorted().dropLast(Self.kept)
            for key in surplus { state.records[key] = nil }
            return Array(surplus)
        }
        do {
            try await work.run { [layout] in
                for key in old { _ = try Tree.remove(layout.migration(key)) }
            }
        } catch { logger.warning("old migrations could not be put away: \(error)") }
    }
}
