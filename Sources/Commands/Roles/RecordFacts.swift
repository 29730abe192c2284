import Deployments
import Domain
import Engine
import FoundationEssentials
import KubernetesCluster
import KubernetesObjects
import Ports
import Rollouts

/// What `kubectl get` shows of a record, besides what it is kept under.
enum RecordFacts {
    /// A record that cannot be read is shown without facts: it stands there all the same.
    /// - Parameter all: the newest states; a rollout's plan is its deployment's.
    static func of(_ entry: JournalEntry, among all: [JournalEntry]) -> [ObjectField] {
        switch entry.kind {
        case .service:
            // Shown bare; the engine itself refuses such a record when it starts.
            guard var state = try? ServiceState(recorded: entry.body, known: ServiceState.recordVersion) else {
                return []
            }
            if let plan = plan(of: state, in: entry.environment, among: all) { state.rollout?.plan = plan }
            return facts(of: state)
        case .deployment:
            // As above.
            guard let state = try? DeploymentState(recorded: entry.body, known: DeploymentState.recordVersion) else {
                return []
            }
            return [ObjectField("state", .text(state.phase.word)), ObjectField("by", .text(state.by))]
        case .release:
            // As above.
            guard let release = try? ReleaseLibrary.read(entry), let image = release.parts.spec.image else { return [] }
            return [ObjectField("image", .text(image))]
        case .environment, .event, .quarantine, .evidence, .fence, .handover, .delivery, .recording: return []
        }
    }

    private static func plan(
        of state: ServiceState, in environment: EnvironmentID?, among all: [JournalEntry]
    ) -> RolloutPlan? {
        guard let rollout = state.rollout else { return nil }
        let key = "\(rollout.deployment.value)"
        for entry in all where entry.kind == .deployment && entry.environment == environment && entry.key == key {
            // As above.
            let deployment = try? DeploymentState(recorded: entry.body, known: DeploymentState.recordVersion)
            return deployment?.items.first { $0.service == state.service }?.plan
        }
        return nil
    }

    private static func facts(of state: ServiceState) -> [ObjectField] {
        var facts: [ObjectField] = []
        func tell(_ key: String, _ text: String) { facts.append(ObjectField(key, .text(text))) }
        if let stable = state.stable { tell("stable", "\(stable.number)") }
        guard let rollout = state.rollout else {
            tell("stage", state.isDown ? "down" : "")
            return facts.filter { $0.value != "" }
        }
        tell("new", "\(rollout.to.number)")
        tell("strategy", rollout.plan.strategy.kind.name)
        tell("stage", rollout.phase == .advancing ? rollout.currentStage?.text ?? "" : rollout.phase.word)
        tell("weight", "\(state.weight(of: rollout.to.number).percent)%")
        let since = Date(timeIntervalSince1970: Double(rollout.stageSince.wall) / 1000)
        tell("since", since.formatted(.iso8601))
        return facts
    }
}

extension KnownPlaces {
    /// Where environments run, as the newest releases of the journal say.
    /// - Throws: `PortError` with code `incompatible` for a release that cannot be read.
    init(owner: String, journal: some JournalPort) async throws {
        self.init(owner: owner)
        let states = try await journal.latest()
        for entry in states where entry.kind == .handover {
            let record = try HandoverRecord(recorded: entry.body, known: HandoverRecord.version)
            if !record.isGiven { inherited.append(record.owner) }
        }
        for entry in states where entry.kind == .release {
            let release = try ReleaseLibrary.read(entry)
            guard let cluster = release.parts.place?.cluster else { continue }
            let known = clusters.first { $0.environment == release.environment }?.since ?? 0
            if release.createdAt >= known {
                clusters.removeAll { $0.environment == release.environment }
                clusters.append((release.environment, cluster, release.createdAt))
            }
            if release.parts.spec.migrate != nil, !migrating.contains(release.environment) {
                migrating.append(release.environment)
            }
        }
    }
}
