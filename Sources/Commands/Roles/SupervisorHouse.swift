import Deployments
import DirectoryArtifacts
import Domain
import Engine
import FoundationEssentials
import Gates
import Glibc
import Hummingbird
import KeeperControl
import KubernetesCluster
import Logging
import MetricSources
import Notifiers
import Ports
import ProcessRuntime
import ProxyControl
import ProxyRouter
import ProxyRoutes
import SQLiteJournal
import Server
import SupervisorAPI
import Synchronization

/// The supervisor's parts, put together: the one place that knows every adapter.
struct SupervisorHouse {
    var state: StateDirectory
    var link: KeeperLink
    var journal: JournalStore
    var artifacts: ArtifactDirectory
    var runtime: LocalProcesses
    var router: EmbeddedRouter<ProxyControlClient, KeeperListeners>
    var clusters: ClusterDesk
    var clusterMigrations: KubernetesMigrations
    var engine: EngineService
    var traffic: TrafficHistory
    var server: SupervisorServer
    var housekeeping: Housekeeping
    var outbox: Outbox
    var end: AsyncStream<SupervisorEnd>
    var logger: Logger

    static func open(_ state: StateDirectory, logger: Logger) async throws -> SupervisorHouse {
        try state.prepare()
        let (end, ended) = AsyncStream.makeStream(of: SupervisorEnd.self, bufferingPolicy: .bufferingNewest(1))
        let seat = LinkSeat()
        let host = KeeperHost { seat.link.withLock { $0 } }
        let link = try KeeperLink { event in
            switch event {
            case .exited: host.handle(event)
            case .closed: ended.yield(.keeperGone)
            case .shuttingDown: ended.yield(.stopping)
            case .proxyUp, .proxyDown, .listenerAdded, .listenerRemoved: break
            }
        }
        seat.link.withLock { $0 = link }
        let now = SystemMoment.now()
        let journal = try await JournalStore.open(directory: state.journal, binary: Slipway.version, now: now.wall)
        let durable = Failpoints.journal(journal)
        let (loop, fence) = try await restore(durable, now)
        logger.info("supervisor \(Slipway.version) starts", metadata: ["fence": "\(fence)"])

        let artifacts = ArtifactDirectory(directory: state.artifacts)
        let ports = try LocalPorts(path: state.ports)
        let router = EmbeddedRouter(
            link: ProxyControlClient(path: state.proxySocket), sockets: KeeperListeners(link: link), ports: ports,
            configuration: EmbeddedRouterConfiguration(tableFile: state.routeTable) { logger.warning("\($0)") })
        let runtime = try LocalProcesses(
            configuration: ProcessRuntimeConfiguration(directory: state.path) { environment, service in
                peer(service, environment, ports)
            }, host: Failpoints.host(host), artifacts: artifacts, logger: logger)
        let places = try PlaceSwitch(
            path: state.clusters, runtime: runtime, router: router, migrations: runtime.migrations, logs: runtime)
        let traffic = TrafficHistory(now: { SystemMoment.now().wall }, counter: places.router.counts(_:in:))
        let gates = gates(artifacts, places.router, traffic, places.desk, recorder(journal, logger))
        let releases = ReleaseLibrary(journal: durable)
        let engine = EngineService(
            loop,
            EngineService.Parts(
                journal: durable, runtime: Failpoints.runtime(places.runtime), router: Failpoints.router(places.router),
                gates: Failpoints.gates(gates), migrations: Failpoints.migrations(places.migrations),
                releases: releases, now: SystemMoment.now, logger: logger))
        let hooks = HookDesk(journal: durable, now: SystemMoment.now, logger: logger)
        let notifier = TellingDesk(
            notifiers: NotifierDesk(version: Slipway.version) { SystemMoment.now().wall }, hooks: hooks)
        let desk = SupervisorDesk(
            engine: engine, journal: durable, releases: releases, artifacts: artifacts, intake: artifacts,
            logs: places.logs, migrationLogs: places.migrations,
            router: places.router, gates: gates, runtime: places.runtime,
            notifier: notifier, host: HostDesk(state: state, keeper: Int(getppid())),
            cluster: places.look, hooks: hooks,
            about: VersionReport(
                version: Slipway.version, api: SupervisorClient.apiVersion, pid: Int(getpid()), state: state.path,
                startedAt: now.wall),
            localAddress: { service, environment in
                ports.known(ServiceKey(service, in: environment)).map { "\($0)" }
            },
            shutdown: { try await link.shutdown(grace: 30_000) },
            restart: { program in
                // The proxy first: only this supervisor can tell why it could not be replaced.
                try await link.replaceRole(.proxy, arguments: [program, "proxy", "--state", state.path])
                try await link.replaceRole(.supervisor, arguments: [program, "supervisor", "--state", state.path])
            }, now: SystemMoment.now)
        return SupervisorHouse(
            state: state, link: link, journal: journal, artifacts: artifacts, runtime: runtime, router: router,
            clusters: places.desk, clusterMigrations: places.migrations.cluster, engine: engine, traffic: traffic,
            server: SupervisorServer(desk),
            housekeeping: Housekeeping(
                engine: engine, journal: journal, releases: releases, artifacts: artifacts, runtime: runtime,
                now: SystemMoment.now, logger: logger),
            outbox: engine.outbox(notifier), end: end, logger: logger)
    }

    private static func gates(
        _ artifacts: ArtifactDirectory, _ router: RouterSwitch, _ traffic: TrafficHistory, _ clusters: ClusterDesk,
        _ recorder: TrafficRecorder
    ) -> GateDesk {
        let sources = SourceDesk(traffic: traffic) { SystemMoment.now().wall }
        let looks = MetricLooks(sources, recorder: recorder) { SystemMoment.now().wall }
        return GateDesk(
            smoke: SmokeGate(cluster: PodCalls(clusters)),
            command: CommandGate { look in
                guard let digest = look.release.parts.artifact?.digest else { return "/" }
                return try await artifacts.unpack(digest)
            },
            threshold: ThresholdGate(recorder: recorder) { service, environment in
                try await router.counts(service, in: environment)
            },
            analysis: AnalysisGate(recorder: recorder) { service, environment in
                try await router.counts(service, in: environment)
            }, metric: MetricGate(looks), comparison: ComparisonGate(looks))
    }

    /// Keeps in the journal what gates judged by. What cannot be kept is missed by replays alone.
    private static func recorder(_ journal: JournalStore, _ logger: Logger) -> TrafficRecorder {
        TrafficRecorder(wall: { SystemMoment.now().wall }) { key, gate, lines in
            let entry = JournalEntry(
                kind: .recording, environment: key.environment,
                key: "\(key.service)#\(key.deployment.value)/\(gate)/\(key.run)", at: SystemMoment.now().wall,
                body: Array(lines.utf8))
            do { try await journal.append([entry]) } catch {
                logger.warning("what gate \(gate) judged by cannot be kept for replays: \(error)")
            }
        }
    }

    /// The loop as the journal left it, under a fence of its own: whoever ran before cannot write any more.
    private static func restore(_ journal: any JournalPort, _ now: Moment) async throws -> (EngineLoop, UInt64) {
        let entries = try await journal.latest()
        var fence: UInt64 = 0
        for entry in entries where entry.kind == .fence {
            let record = try FenceRecord(recorded: entry.body, known: FenceRecord.version)
            fence = max(fence, record.fence)
        }
        fence += 1
        let loop = try EngineLoop(restoring: entries, fence: fence)
        let record = FenceRecord(fence: fence, pid: Int(getpid()), version: Slipway.version)
        try await journal.append([
            JournalEntry(
                kind: .fence, environment: nil, key: "", at: now.wall,
                body: record.recorded(version: FenceRecord.version, capacity: 32))
        ])
        return (loop, fence)
    }

    private static func peer(
        _ service: ServiceName, _ environment: EnvironmentID, _ ports: LocalPorts
    ) -> PeerAddress? {
        do {
            let address = try ports.address(of: ServiceKey(service, in: environment))
            return PeerAddress(host: address.host, port: address.port)
        } catch {
            return nil
        }
    }

    /// Runs until the keeper goes or tells it to stop.
    func run() async throws {
        // Sockets first: after a reboot the proxy has its table, but nobody listens.
        try await router.restore()
        // A socket that the last supervisor left behind would keep this one from listening.
        unlink(state.supervisorSocket)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runtime.run() }
            group.addTask { await engine.run() }
            group.addTask {
                for await _ in runtime.changes() { engine.waker.signal() }
            }
            group.addTask { await clusters.run() }
            // Until the house is left, as the clusters are followed.
            group.addTask { await clusterMigrations.run() }
            group.addTask {
                for await _ in clusters.changes() { engine.waker.signal() }
            }
            group.addTask { await housekeeping.run() }
            group.addTask { await outbox.run() }
            group.addTask { await traffic.run() }
            group.addTask {
                try await server.application(socket: state.supervisorSocket, logger: quiet) {
                    chmod(state.supervisorSocket, 0o600)
                    logger.info("listening on \(state.supervisorSocket)")
                }.run()
            }
            if let door = state.approvals {
                group.addTask { try await openApprovals(door) }
            }
            group.addTask {
                for await reason in end {
                    logger.info("\(reason.rawValue): the supervisor stops")
                    // The next keeper starts the next supervisor, and ends this one where it finds it: whoever asks
                    // must not wait for one that takes leave of its connections.
                    if reason == .keeperGone { _exit(0) }
                    return
                }
            }
            // Whichever part ends first ends them all; the keeper starts a new supervisor unless it stops everything.
            defer { group.cancelAll() }
            try await group.next()
        }
        try await journal.close()
    }

    /// The second door. That it cannot be opened ends nothing: deployments go on, and the log says why.
    private func openApprovals(_ door: String) async throws {
        var status = stat()
        if lstat(door, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK { unlink(door) }
        do {
            try await server.approvals(socket: door, logger: quiet) {
                chmod(door, 0o666)
                logger.info("approvals are taken on \(door)")
            }.run()
        } catch {
            logger.error("approvals cannot be taken on \(door): \(error)")
            for await _ in AsyncStream<Never>.makeStream().stream {}
        }
    }

    private var quiet: Logger {
        var logger = logger
        logger.logLevel = .warning
        return logger
    }
}

/// Why the supervisor stops.
enum SupervisorEnd: String, Sendable {
    case keeperGone = "the keeper is gone"
    case stopping = "everything is being stopped"
}

/// Where the host of instances finds the link, which needs the host's ear before it exists.
private final class LinkSeat: Sendable {
    let link = Mutex<KeeperLink?>(nil)
}

/// The fence in the journal: counted up at every start.
struct FenceRecord: RecordCodable {
    static let version: UInt8 = 1

    var fence: UInt64
    var pid: Int
    /// Of the binary.
    var release: String

    init(fence: UInt64, pid: Int, version: String) {
        self.fence = fence
        self.pid = pid
        release = version
    }

    func encode(into writer: inout RecordWriter) {
        writer.put(1, fence)
        writer.put(2, pid)
        writer.put(3, release)
    }

    init(from reader: inout RecordReader) throws(RecordError) {
        self.init(fence: 0, pid: 0, version: "")
        while let tag = try reader.next() {
            switch tag {
            case 1: fence = try reader.uint64()
            case 2: pid = try reader.int()
            case 3: release = try reader.text()
            case _: try reader.skip()
            }
        }
    }
}
