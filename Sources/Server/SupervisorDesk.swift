import Deployments
package import Domain
package import Engine
import FoundationEssentials
package import Ports
import Rollouts
package import SupervisorAPI

/// Everything that the supervisor's interface answers from. Thin: it reads the engine's frame and the journal, and
/// gives commands to the engine.
package struct SupervisorDesk: Sendable {
    package var engine: EngineService
    package var journal: any JournalPort
    package var releases: ReleaseLibrary
    package var artifacts: any ArtifactStorePort
    package var intake: any ArtifactIntakePort
    package var logs: any InstanceLogs
    package var migrationLogs: any MigrationLogs
    package var router: any RouterPort
    package var gates: any GatePort
    package var runtime: any RuntimePort
    package var notifier: any NotifierPort
    package var host: any HostPort
    package var cluster: any ClusterPort
    package var hooks: any HookPort
    package var about: VersionReport
    /// Whether there is a machine here that instances can run on; a server in a cluster has none.
    package var hasMachine: Bool
    /// Where peers reach a service on this machine; nil: it was never routed.
    package var localAddress: @Sendable (ServiceName, EnvironmentID) -> String?
    /// How this Slipway signs what it writes to clusters.
    package var clusterOwner: @Sendable () async -> String
    /// Starts the supervisor alone again, so that it reads the journal anew. The answer under way still goes out.
    package var reload: @Sendable () async throws -> Void
    /// Stops everything.
    package var shutdown: @Sendable () async throws -> Void
    /// Goes on with the program at this path: the supervisor is replaced, proxy and instances stay.
    package var restart: @Sendable (String) async throws -> Void
    package var now: @Sendable () -> Moment

    package init(
        engine: EngineService, journal: any JournalPort, releases: ReleaseLibrary, artifacts: any ArtifactStorePort,
        intake: any ArtifactIntakePort, logs: any InstanceLogs, migrationLogs: any MigrationLogs,
        router: any RouterPort, gates: any GatePort, runtime: any RuntimePort,
        notifier: any NotifierPort, host: any HostPort, cluster: any ClusterPort, hooks: any HookPort,
        about: VersionReport, hasMachine: Bool = true,
        localAddress: @escaping @Sendable (ServiceName, EnvironmentID) -> String?,
        clusterOwner: @escaping @Sendable () async -> String, reload: @escaping @Sendable () async throws -> Void,
        shutdown: @escaping @Sendable () async throws -> Void,
        restart: @escaping @Sendable (String) async throws -> Void, now: @escaping @Sendable () -> Moment
    ) {
        self.engine = engine
        self.journal = journal
        self.releases = releases
        self.artifacts = artifacts
        self.intake = intake
        self.logs = logs
        self.migrationLogs = migrationLogs
        self.router = router
        self.gates = gates
        self.runtime = runtime
        self.notifier = notifier
        self.host = host
        self.cluster = cluster
        self.hooks = hooks
        self.about = about
        self.hasMachine = hasMachine
        self.localAddress = localAddress
        self.clusterOwner = clusterOwner
        self.reload = reload
        self.shutdown = shutdown
        self.restart = restart
        self.now = now
    }

    /// Records of deployments, newest first, one per number.
    func deployments(_ environment: EnvironmentID, limit: Int) async throws -> [DeploymentState] {
        var found: [DeploymentState] = []
        var before: Int64?
        while found.count < limit {
            let query = JournalQuery(kinds: [.deployment], environment: environment, before: before, limit: 200)
            let page = try await journal.history(query)
            for stored in page {
                let state = try DeploymentState(recorded: stored.entry.body, known: DeploymentState.recordVersion)
                if !found.contains(where: { $0.number == state.number }), found.count < limit { found.append(state) }
            }
            guard page.count == 200, let last = page.last else { break }
            before = last.sequence
        }
        return found
    }

    /// The newest record of one deployment, however long ago it was.
    func deployment(_ number: DeploymentNumber, in environment: EnvironmentID) async throws -> DeploymentState? {
        let query = JournalQuery(kinds: [.deployment], environment: environment, key: "\(number.value)", limit: 1)
        guard let stored = try await journal.history(query).first else { return nil }
        return try DeploymentState(recorded: stored.entry.body, known: DeploymentState.recordVersion)
    }

    /// - Parameter notes: worth knowing when it is accepted.
    func reply(_ outcome: CommandOutcome, notes: [String] = []) -> CommandReply {
        switch outcome {
        case .accepted(let number):
            CommandReply(outcome: "accepted", deployment: number, message: notes.joined(separator: "\n"))
        case .nothingToDo(let text): CommandReply(outcome: "nothing", message: text)
        case .refused(let refusal): .refused(refusal.code.rawValue, refusal.message, hint: refusal.hint)
        }
    }
}

extension DeploymentState {
    var report: DeploymentReport {
        DeploymentReport(
            number: number, kind: kind.word, by: by, reason: reason, phase: phase.word, started: started.wall,
            ended: ended?.wall, failedService: failedService, failure: failure?.text,
            items: items.map { item in
                DeploymentItemReport(
                    service: item.service, wave: item.wave, from: item.from?.number, to: item.to.number,
                    strategy: item.plan.strategy.kind.name)
            }, removals: removals, origin: origin, takesBack: takesBack)
    }
}
