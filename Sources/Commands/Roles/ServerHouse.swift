import ClusterJournal
import Domain
import Engine
import FoundationEssentials
import Glibc
import Hummingbird
import KubernetesAPI
import KubernetesCluster
import Logging
import MetricSources
import Notifiers
import Ports
import Server
import SupervisorAPI

/// The parts of a server in a cluster that leads, put together: the supervisor's, without a machine.
struct ServerHouse {
    let journal: PagedJournal
    let clusters: ClusterDesk
    let migrations: KubernetesMigrations
    let engine: EngineService
    let releases: ReleaseLibrary
    let traffic: TrafficHistory
    let outbox: Outbox
    let server: SupervisorServer
    let lost: AsyncStream<String>
    /// Told when the journal has to be read anew.
    let reloads: AsyncStream<Void>
    let logger: Logger

    /// Takes over the journal, and goes on where whoever led before has stopped.
    static func open(_ settings: ServerSettings, _ access: ClusterAccess, logger: Logger) async throws -> ServerHouse {
        let (lost, told) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingNewest(1))
        let now = SystemMoment.now()
        let variables = ProcessInfo.processInfo.environment
        let journal = try await PagedJournal.open(
            access, namespace: settings.namespace, records: settings.records, writer: settings.identity,
            environment: variables, facts: { RecordFacts.of($0, among: $1) },
            troubled: { logger.warning("records for people cannot be written: \($0)") },
            lost: { told.yield("\($0)") })
        do {
            return try await open(over: journal, settings, access, lost: lost, now, logger)
        } catch {
            try await journal.drop()
            throw error
        }
    }

    private static func open(
        over journal: PagedJournal, _ settings: ServerSettings, _ access: ClusterAccess, lost: AsyncStream<String>,
        _ now: Moment, _ logger: Logger
    ) async throws -> ServerHouse {
        let (reloads, again) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let durable = Failpoints.journal(journal)
        let (loop, fence) = try await HouseParts.restore(durable, now)
        logger.info("server \(Slipway.version) leads", metadata: ["fence": "\(fence)"])

        // Whatever a laptop calls it: it is the cluster that this one is in.
        let desk = ClusterDesk(try await KnownPlaces(owner: await journal.identity, journal: durable)) { _ in access }
        let none = NoMachine()
        let places = PlaceSwitch(desk, runtime: none, router: none, migrations: none, logs: none)
        let traffic = HouseParts.traffic(places.router)
        let gates = HouseParts.gates(nil, places.router, traffic, nil, HouseParts.recorder(journal, logger))
        let releases = ReleaseLibrary(journal: durable)
        let engine = EngineService(
            loop,
            EngineService.Parts(
                journal: durable, runtime: Failpoints.runtime(places.runtime), router: Failpoints.router(places.router),
                gates: Failpoints.gates(gates), migrations: Failpoints.migrations(places.migrations),
                releases: releases, now: SystemMoment.now, logger: logger))
        let hooks = HookDesk(journal: durable, now: SystemMoment.now, logger: logger)
        let notifier = HouseParts.notifier(hooks)
        let refusal = PortError(
            .invalid, "a server in a cluster is started and stopped by the cluster",
            hint: "kubectl -n \(settings.namespace) rollout restart deployment/slipway")
        let supervisor = SupervisorDesk(
            engine: engine, journal: durable, releases: releases, artifacts: NoArtifacts(), intake: NoArtifacts(),
            logs: places.logs, migrationLogs: places.migrations, router: places.router, gates: gates,
            runtime: places.runtime, notifier: notifier, host: none, cluster: places.look, hooks: hooks,
            about: HouseParts.about("namespace \(settings.namespace)", now),
            hasMachine: false, localAddress: { _, _ in nil }, clusterOwner: { await desk.owner },
            reload: { again.yield() }, shutdown: { throw refusal },
            restart: { _ in throw refusal }, now: SystemMoment.now)
        return ServerHouse(
            journal: journal, clusters: desk, migrations: places.migrations.cluster, engine: engine, releases: releases,
            traffic: traffic,
            outbox: engine.outbox(notifier), server: SupervisorServer(supervisor), lost: lost, reloads: reloads,
            logger: logger)
    }

    /// Runs until the task is cancelled, or nothing can be written any more.
    /// - Returns: why it ends; nil: it was cancelled.
    func run(_ settings: ServerSettings, door: TokenDoor, onRunning: @escaping @Sendable () async -> Void) async throws
        -> String?
    {
        try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask {
                await engine.run()
                return nil
            }
            group.addTask {
                await clusters.run()
                return nil
            }
            group.addTask {
                await migrations.run()
                return nil
            }
            group.addTask {
                for await _ in clusters.changes() { engine.waker.signal() }
                return nil
            }
            group.addTask {
                await outbox.run()
                return nil
            }
            group.addTask {
                await traffic.run()
                return nil
            }
            group.addTask {
                for await _ in reloads {
                    // The answer to who asked for it goes out first.
                    try await Task.sleep(for: .milliseconds(300))
                    return nil
                }
                return nil
            }
            group.addTask {
                await keepHouse()
                return nil
            }
            group.addTask {
                for await reason in lost { return reason }
                return nil
            }
            group.addTask {
                try await server.application(
                    host: settings.address, port: settings.port, door: door, logger: HouseParts.quiet(logger)
                ) { port in
                    logger.info("answering on port \(port)")
                    await onRunning()
                }.run()
                return nil
            }
            // Whichever part ends first ends them all.
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    /// Gives up old pages of the journal, and what nobody goes back to.
    private func keepHouse() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: .seconds(600)) } catch { return }
            do {
                let kept = try await KeptReleases(engine: engine, releases: releases, now: SystemMoment.now).all()
                let keys = Set(kept.map { "\($0.environment)/\($0.service)@\($0.number)" })
                try await journal.retire(JournalKeeping(), now: SystemMoment.now().wall) { entry in
                    keys.contains("\(entry.environment.map { "\($0)" } ?? "")/\(entry.key)")
                }
            } catch {
                logger.warning("cleaning up: \(error)")
            }
        }
    }
}
