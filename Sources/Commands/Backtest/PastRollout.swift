import Deployments
import Domain
import Ports
import Rollouts
import SQLiteJournal

/// One rollout that is over, and what came of its release.
struct PastRollout: Hashable, Sendable {
    /// Whether the release was good, as far as anybody knows.
    enum Nature: String, Hashable, Sendable {
        case good
        case bad
        case unknown
    }

    var deployment: DeploymentNumber
    /// Milliseconds since 1970.
    var started: Int64
    var item: DeploymentItem
    var nature: Nature
    /// Why it is said to be so: `stands`, `reverted: gate good failed …`.
    var why: String

    var service: ServiceName { item.service }
    /// `#37 api@15`
    var label: String { "\(deployment) \(service)@\(item.to.number)" }

    /// Why no gate could be replayed on it, whatever was kept; nil: one could.
    var objection: String? {
        if item.plan.isFirst || item.from == nil { return "nothing stood before it that it could be compared with" }
        if item.plan.isReturn { return "it went back to an earlier release, and asked no gates" }
        if !item.plan.isRouted { return "a worker gets no requests" }
        return nil
    }

    /// All of an environment, oldest first.
    /// - Parameters:
    ///   - good, bad: deployments of which a person knows.
    static func read(
        _ reader: JournalReader, _ environment: EnvironmentID, good: [Int], bad: [Int]
    ) async throws -> [PastRollout] {
        var known: [DeploymentNumber: DeploymentState] = [:]
        let query = JournalQuery(kinds: [.deployment], environment: environment, limit: .max)
        for try await stored in reader.export(query) {
            let state = try DeploymentState(recorded: stored.entry.body, known: DeploymentState.recordVersion)
            known[state.number] = state
        }
        let deployments = known.values.filter(\.phase.isOver).sorted { $0.number < $1.number }
        return deployments.flatMap { deployment in
            deployment.items.map { item in
                let (nature, why) = nature(of: item, in: deployment, before: deployments, good: good, bad: bad)
                return PastRollout(
                    deployment: deployment.number, started: deployment.started.wall, item: item, nature: nature,
                    why: why)
            }
        }
    }

    private static func nature(
        of item: DeploymentItem, in deployment: DeploymentState, before all: [DeploymentState], good: [Int],
        bad: [Int]
    ) -> (Nature, String) {
        if good.contains(deployment.number.value) { return (.good, "said to be good") }
        if bad.contains(deployment.number.value) { return (.bad, "said to be bad") }
        switch deployment.phase {
        case .committed:
            let later = all.filter { $0.number > deployment.number && $0.phase == .committed }
            if let other = later.first(where: { $0.takesBack == deployment.number }) {
                return (.bad, "taken back by \(other.number)")
            }
            // A person went back from it while it stood.
            let next = later.first { $0.items.contains { $0.service == item.service } }
            let after = next?.items.first { $0.service == item.service }
            if let next, let after, next.kind == .rollback, after.from?.number == item.to.number {
                return (.bad, "rolled back by \(next.number)")
            }
            return (.good, "stands, or a later release took its place")
        case .advancing, .reverting, .reverted:
            guard deployment.failedService == item.service, let failure = deployment.failure else {
                return (.unknown, "went back for another service's sake")
            }
            let first = failure.text.split(separator: "\n").first.map(String.init) ?? failure.code.word
            switch failure.code {
            case .gate, .instance, .cannotRun, .progressDeadline, .revertStuck, .migration, .stableHurt:
                return (.bad, "reverted: \(first)")
            case .aborted, .deployment, .unapproved, .rejected, .undecided, .baseline:
                return (.unknown, "reverted: \(first)")
            }
        }
    }
}
