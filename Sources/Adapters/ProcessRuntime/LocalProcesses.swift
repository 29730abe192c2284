package import Domain
import Glibc
package import Logging
package import Ports
import Synchronization

/// Runs instances as processes of this machine: the runtime behind `runtime: process`.
///
/// `run()` owns all its work and has to run for anything to happen. Until it has adopted what runs already, `observe`
/// answers `unavailable`. What it decides is in `ServiceMachine`, which has no I/O; this is the shell around it.
package final class LocalProcesses: RuntimePort, InstanceLogs {
    package let configuration: ProcessRuntimeConfiguration
    let layout: InstanceLayout
    let host: any InstanceHost
    let logger: Logger
    let state: Mutex<RuntimeState>
    let alarm = Alarm()
    let jobs: Jobs
    let files: ReleaseFiles
    let start: InstanceStart
    let probes: InstanceProbes
    let groups: ControlGroups?
    /// What is run before a release is, on the same host.
    package let migrations: LocalMigrations
    /// Small files; trees; questions to `/proc` and log files.
    let records = BlockingWork("records")
    let trees = BlockingWork("trees")
    let looks = BlockingWork("looks")
    private let prober: SocketProber
    private let subscribers = Mutex<(next: Int, all: [Int: AsyncStream<Void>.Continuation])>((0, [:]))

    /// - Throws: `PortError` when the state directory cannot be used.
    package init(
        configuration: ProcessRuntimeConfiguration, host: any InstanceHost, artifacts: any ArtifactStorePort,
        logger: Logger
    ) throws {
        self.configuration = configuration
        self.host = host
        self.logger = logger
        layout = InstanceLayout(directory: configuration.directory)
        try Tree.make(layout.instances)
        try Tree.make(layout.releases)
        let numbers = try InstanceNumbers(path: layout.numbers)
        let ports = PortChoice(
            wanted: configuration.ports, ephemeral: PortChoice.ephemeralRange(), name: configuration.directory)
        if let complaint = ports.complaint { logger.warning("\(complaint)") }
        state = Mutex(RuntimeState(numbers: numbers, ports: ports))
        prober = try SocketProber()
        groups = ControlGroups.find().group
        let counter = TokenCounter(JobBoard.firstToken | numbers.run << 32)
        jobs = Jobs(host: host, board: JobBoard()) { counter.next() }
        files = ReleaseFiles(
            layout: layout, configuration: configuration, artifacts: artifacts, jobs: jobs, work: trees)
        let migrationTokens = TokenCounter(LocalMigrations.firstToken | numbers.run << 32)
        migrations = try LocalMigrations(
            layout: layout, configuration: configuration, host: host, files: files, logger: logger
        ) { migrationTokens.next() }
        start = InstanceStart(
            layout: layout, configuration: configuration, host: host, groups: groups, work: records)
        probes = InstanceProbes(
            layout: layout, configuration: configuration, prober: prober, start: start, jobs: jobs, work: looks)
    }

    deinit { prober.close() }

    // MARK: RuntimePort

    /// Takes over a wish; waits up to ten seconds for the adoption of what runs already.
    /// - Throws: `stale` for an older fence or generation, `invalid` for a release that is not told.
    package func apply(_ wish: RuntimeWish, releases: [Release]) async throws {
        try await adopted(within: 10_000)
        let key = ServiceKey(environment: wish.environment, service: wish.service)
        let mine = releases.filter { $0.environment == wish.environment && $0.service == wish.service }
        let now = Clock.boot()
        try state.withLock { state in
            state.add(key, configuration)
            let missing = wish.sets.first { set in
                !mine.contains { $0.number == set.release }
                    && state.machine(key) { $0.release(set.release) } == .some(nil)
            }
            if let missing {
                throw PortError(.invalid, "the wish names \(wish.service)@\(missing.release), which nobody has told of")
            }
            if state.machine(key, { $0.apply(wish, releases: mine, now: now) }) != true {
                throw PortError(
                    .stale, "a newer wish for \(wish.service) in \(wish.environment) was taken over already",
                    hint: "another supervisor is at work")
            }
        }
        alarm.ring()
    }

    package func letGo(_ instances: [InstanceID], of service: ServiceName, in environment: EnvironmentID) async throws {
        try await adopted(within: 10_000)
        let key = ServiceKey(environment: environment, service: service)
        state.withLock { state in _ = state.machine(key) { $0.letGo(instances) } }
        alarm.ring()
    }

    package func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RuntimeView] {
        let views = state.withLock { $0.isAdopted ? $0.views(environment, now: Clock.boot()) : nil }
        guard let views else {
            throw PortError(.unavailable, "the process runtime is still taking over what runs", hint: "ask again")
        }
        return views
    }

    /// Something is worth an `observe`. Wake-ups that nobody has taken yet are one; a lost one changes nothing.
    package func changes() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = subscribers.withLock { subscribers in
            subscribers.next += 1
            subscribers.all[subscribers.next] = continuation
            return subscribers.next
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.subscribers.withLock { $0.all.removeValue(forKey: id) }
        }
        return stream
    }

    private func adopted(within milliseconds: Int64) async throws {
        let deadline = Clock.boot() + milliseconds
        while !state.withLock({ $0.isAdopted }) {
            guard Clock.boot() < deadline else {
                throw PortError(
                    .unavailable, "the process runtime cannot take over what runs",
                    hint: "is the keeper alive? see supervisor.log")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    // MARK: The loop

    /// Adopts what runs, then converges to the wishes until the task is cancelled. Instances go on running then.
    package func run() async throws {
        try await adopt()
        await withDiscardingTaskGroup { group in
            group.addTask { await self.hearExits() }
            group.addTask { await self.relist() }
            group.addTask { await self.measure() }
            while !Task.isCancelled {
                let (actions, pause, isNew) = state.withLock { state in
                    state.step(now: Clock.boot(), wall: Clock.wall())
                }
                if isNew { tellSubscribers() }
                for (key, action) in actions { group.addTask { await self.perform(action, key) } }
                await extendNumbers()
                await alarm.wait(milliseconds: pause)
            }
            group.cancelAll()
        }
    }

    private func tellSubscribers() {
        let all = subscribers.withLock { Array($0.all.values) }
        for continuation in all { continuation.yield() }
    }

    private func extendNumbers() async {
        guard state.withLock({ $0.numbers.isShort }) else { return }
        do {
            try state.withLock { try $0.numbers.extend() }
        } catch {
            logger.error("no new instance numbers: \(error)")
        }
    }

    private func hearExits() async {
        for await exit in host.exits { await heard(exit) }
    }

    /// Takes in an end, wherever it was heard of.
    func heard(_ exit: HostExit) async {
        if jobs.board.deliver(exit) { return }
        if LocalMigrations.owns(exit.token) { return await migrations.heard(exit) }
        let exit = await withCause(exit)
        let isKnown = state.withLock { state in
            state.machines.contains { key, _ in state.machine(key) { $0.exited(exit, now: Clock.boot()) } == true }
        }
        if isKnown { return alarm.ring() }
        await acknowledge(exit.token)
    }

    func acknowledge(_ token: UInt64) async {
        do {
            try await host.acknowledge(token)
        } catch {
            // The keeper tells of it again.
            logger.debug("the end of process \(token) was not acknowledged: \(error)")
        }
    }

    // MARK: Carrying out

    private func perform(_ action: RuntimeAction, _ key: ServiceKey) async {
        switch action {
        case .prepare(let release): await prepare(release, key)
        case .launch(let launch): await self.launch(launch, key)
        case .signal(let process, let number, let toGroup):
            do {
                try await host.signal(process, number, toGroup: toGroup)
            } catch {
                logger.warning("signal \(number) to process \(process.pid): \(error)")
            }
        case .probe(let ask):
            let outcome = await probes.ask(ask) { try await self.root(of: ask.release) }
            event(key) { $0.answered(ask, outcome, now: Clock.boot()) }
        case .excerpt(let id): await excerpt(id, key)
        case .save(let id): await save(id, key)
        case .retire(let record): await retire(record)
        case .acknowledge(let token): await acknowledge(token)
        }
    }

    /// Tells a machine what happened, and lets it decide at once.
    func event(_ key: ServiceKey, _ body: (inout ServiceMachine) -> Void) {
        state.withLock { state in _ = state.machine(key) { body(&$0) } }
        alarm.ring()
    }

    private func prepare(_ release: Release, _ key: ServiceKey) async {
        do {
            let root = try await files.stand(release)
            state.withLock { $0.roots[release.digest] = root }
            event(key) { $0.prepared(release, root: root) }
        } catch {
            let text = (error as? ReleaseFiles.Failure)?.text ?? "\(error)"
            logger.warning("\(release.label) cannot be prepared: \(text)")
            event(key) { $0.prepareFailed(release, text, now: Clock.boot()) }
        }
    }

    private func root(of release: Release) async throws -> String {
        if let root = state.withLock({ $0.roots[release.digest] }) { return root }
        let root = try await files.stand(release)
        state.withLock { $0.roots[release.digest] = root }
        return root
    }

    private func launch(_ launch: Launch, _ key: ServiceKey) async {
        do {
            var port: Int?
            if launch.release.parts.spec.isRouted { port = try choosePort(launch) }
            guard
                var record = state.withLock({ state in
                    state.machine(key) { machine in
                        machine.instances.first { $0.id == launch.instance }.map { machine.record($0) }
                    } ?? nil
                })
            else { return }
            record.port = port
            let archived = ArchivedInstance(
                environment: key.environment, service: key.service, release: launch.release.number, isEnded: false)
            state.withLock { $0.archive[launch.instance] = archived }
            let process = try await start.start(launch, port: port, record: record)
            event(key) { $0.launched(launch.instance, process, port: port, now: Clock.boot()) }
        } catch {
            let failure = (error as? LaunchFailure) ?? LaunchFailure(text: "\(error)", isDefinite: false)
            logger.warning("\(launch.release.label), instance \(launch.instance), was not started: \(failure.text)")
            event(key) { $0.launchFailed(launch.instance, token: launch.token, failure, now: Clock.boot()) }
        }
    }

    private func choosePort(_ launch: Launch) throws -> Int {
        let chosen: Int? = state.withLock { state in
            state.taken[launch.instance] = nil
            let port = state.ports.choose(
                host: configuration.host, preferred: launch.port, taken: Set(state.taken.values))
            state.taken[launch.instance] = port
            return port
        }
        guard let chosen else {
            throw LaunchFailure(
                text: "no port is free for another instance", hint: "see `slipway doctor` for the range",
                isDefinite: false)
        }
        return chosen
    }

    private func excerpt(_ id: InstanceID, _ key: ServiceKey) async {
        let path = layout.log(id)
        var lines: [String] = []
        do {
            lines = try await looks.run {
                try LogFiles.tail(path, lines: Trouble.lineLimit).map { String($0.text.prefix(500)) }
            }
        } catch {
            lines = ["(its log cannot be read: \(error))"]
        }
        let found = lines
        event(key) { $0.excerpt(id, found) }
    }

    private func save(_ id: InstanceID, _ key: ServiceKey) async {
        do {
            try await records.run { [layout] in
                let record = self.state.withLock { state in
                    state.machine(key) { machine in
                        machine.instances.first { $0.id == id }.map { machine.record($0) }
                    } ?? nil
                }
                if let record { try InstanceStart.write(record, layout) }
            }
        } catch {
            logger.error("instance \(id) could not be written down: \(error)")
        }
    }

    private func retire(_ record: InstanceRecord) async {
        state.withLock { state in
            state.taken[record.id] = nil
            state.archive[record.id]?.isEnded = true
        }
        groups?.remove(record.id.description)
        do {
            try await records.run { [layout] in
                try InstanceStart.write(record, layout)
                try Tree.remove(layout.files(record.id))
                try Tree.remove(layout.temporary(record.id))
            }
        } catch {
            logger.error("instance \(record.id) could not be put away: \(error)")
        }
    }
}

/// Counts tokens of jobs up.
private final class TokenCounter: Sendable {
    private let value: Atomic<UInt64>
    init(_ first: UInt64) { value = Atomic(first) }
    func next() -> UInt64 { value.wrappingAdd(1, ordering: .relaxed).oldValue }
}
