import DirectoryArtifacts
import Domain
import Engine
import FoundationEssentials
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
        let (loop, fence) = try await HouseParts.restore(durable, now)
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
        let traffic = HouseParts.traffic(places.router)
        let gates = HouseParts.gates(
            artifacts, places.router, traffic, places.desk, HouseParts.recorder(journal, logger))
        let releases = ReleaseLibrary(journal: durable)
        let engine = EngineService(
            loop,
            EngineService.Parts(
                journal: durable, runtime: Failpoints.runtime(places.runtime), router: Failpoints.router(places.router),
                gates: Failpoints.gates(gates), migrations: Failpoints.migrations(places.migrations),
                releases: releases, now: SystemMoment.now, logger: logger))
        let hooks = HookDesk(journal: durable, now: SystemMoment.now, logger: logger)
        let notifier = HouseParts.notifier(hooks)
        let desk = SupervisorDesk(
            engine: engine, journal: durable, releases: releases, artifacts: artifacts, intake: artifacts,
            logs: places.logs, migrationLogs: places.migrations,
            router: places.router, gates: gates, runtime: places.runtime,
            notifier: notifier, host: HostDesk(state: state, keeper: Int(getppid())),
            cluster: places.look, hooks: hooks,
            about: HouseParts.about(state.path, now),
            localAddress: { service, environment in
                ports.known(ServiceKey(service, in: environment)).map { "\($0)" }
            },
            clusterOwner: { await places.desk.owner },
            reload: { try await link.replace(.supervisor, by: try ownProgram(), state) },
            shutdown: { try await link.shutdown(grace: 30_000) },
            restart: { program in
                // The proxy first: only this supervisor can tell why it could not be replaced.
                try await link.replace(.proxy, by: program, state)
                try await link.replace(.supervisor, by: program, state)
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
            // It cannot fail, and ends by being cancelled alone, as the house is left.
            group.addTask { await releaseFreeMemory() }
            group.addTask { await outbox.run() }
            group.addTask { await traffic.run() }
            group.addTask {
                try await server.application(socket: state.supervisorSocket, logger: HouseParts.quiet(logger)) {
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
            try await server.approvals(socket: door, logger: HouseParts.quiet(logger)) {
                chmod(door, 0o666)
                logger.info("approvals are taken on \(door)")
            }.run()
        } catch {
            logger.error("approvals cannot be taken on \(door): \(error)")
            for await _ in AsyncStream<Never>.makeStream().stream {}
        }
    }
}

/// Why the supervisor stops.
enum SupervisorEnd: String, Sendable {
    case keeperGone = "the keeper is gone"
    case stopping = "everything is being stopped"
}

extension KeeperLink {
    /// Lets a role go on with the program at this path.
    fileprivate func replace(_ role: RoleName, by program: String, _ state: StateDirectory) async throws {
        let word =
            switch role {
            case .supervisor: "supervisor"
            case .proxy: "proxy"
            }
        try await replaceRole(role, arguments: [program, word, "--state", state.path])
    }
}

/// Where the host of instances finds the link, which needs the host's ear before it exists.
private final class LinkSeat: Sendable {
    let link = Mutex<KeeperLink?>(nil)
}
