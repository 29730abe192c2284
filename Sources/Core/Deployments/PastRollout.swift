package import Domain
package import Judging
import Rollouts

/// One rollout that is over, and what came of its release.
package struct PastRollout: Hashable, Sendable {
    package var deployment: DeploymentNumber
    /// Milliseconds since 1970.
    package var started: Int64
    package var item: DeploymentItem
    package var release: ReleaseQuality
    /// Why it is said to be so: `stands`, `reverted: gate good failed …`.
    package var why: String

    package init(
        deployment: DeploymentNumber, started: Int64, item: DeploymentItem, release: ReleaseQuality, why: String
    ) {
        self.deployment = deployment
        self.started = started
        self.item = item
        self.release = release
        self.why = why
    }

    package var service: ServiceName { item.service }
    /// `#37 api@15`
    package var label: String { "\(deployment) \(service)@\(item.to.number)" }

    /// Why no gate could be replayed on it, whatever was kept; nil: one could.
    package var objection: String? {
        if item.plan.isFirst || item.from == nil { return "nothing stood before it that it could be compared with" }
        if item.plan.isReturn { return "it went back to an earlier release, and asked no gates" }
        if !item.plan.isRouted { return "a worker gets no requests" }
        return nil
    }

    /// The rollouts of all deployments that are over, oldest first.
    /// - Parameters:
    ///   - deployments: of one environment, in any order.
    ///   - good, bad: deployments of which a person knows.
    package static func all(
        of deployments: [DeploymentState], good: [Int] = [], bad: [Int] = []
    ) -> [PastRollout] {
        let over = deployments.filter(\.phase.isOver).sorted { $0.number < $1.number }
        return over.flatMap { deployment in
            deployment.items.map { item in
                let (release, why) = quality(of: item, in: deployment, among: over, good: good, bad: bad)
                return PastRollout(
                    deployment: deployment.number, started: deployment.started.wall, item: item, release: release,
                    why: why)
            }
        }
    }

    private static func quality(
        of item: DeploymentItem, in deployment: DeploymentState, among all: [DeploymentState], good: [Int],
        bad: [Int]
    ) -> (ReleaseQuality, String) {
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
