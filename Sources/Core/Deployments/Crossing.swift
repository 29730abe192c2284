import Domain
import Rollouts

/// Going back across migrations: releases would run on data that they are not declared to run on.
extension EnvironmentState {
    /// Why an order cannot be carried out without `accept`.
    func crossing(_ order: DeployOrder) -> Refusal? {
        guard !order.accept else { return nil }
        for item in order.items {
            guard let state = service(item.service), !stands(item, in: state) else { continue }
            var isNew = false
            if case .new = item.release { isNew = true }
            let beyond = state.migrations(beyond: item.release.facts, isNew: isNew).filter { !$0.isCompatible }
            guard let last = beyond.last else { continue }
            return Refusal(
                .needsAccept,
                "the data of \(item.service) has been migrated to schema \(last.schema) (with "
                    + "\(item.service)@\(last.release)), which this release is not declared to run on",
                hint: "bring the data back yourself, or see that the release runs on it; then say --accept")
        }
        return nil
    }

    /// Why the deployment under way cannot be aborted without `accept`.
    func aborting() -> Refusal? {
        guard let state = services.first(where: \.hasLeftStableBehind), let rollout = state.rollout,
            let facts = rollout.plan.migration, let from = rollout.from
        else { return nil }
        return Refusal(
            .needsAccept,
            "the data of \(state.service) goes or has gone to schema \(facts.schema), which \(state.service)@\(from.number) "
                + "is not declared to run on",
            hint: "go forward (slipway retry, slipway promote), or go back knowingly: slipway abort --accept")
    }

    /// What failed is not sent back by itself across a migration that is not declared compatible, nor when stable does
    /// not stand after one: going back would not help. A person chooses.
    mutating func standAtCrossroads(now: Moment, into decision: inout EnvironmentDecision) {
        let isCrossing = services.contains(where: \.hasLeftStableBehind)
        for index in services.indices where services[index].rollout?.phase == .failing {
            guard let failure = services[index].rollout?.failure else { continue }
            guard failure.code == .stableHurt || isCrossing else { continue }
            services[index].standAtCrossroads(now: now, events: &decision.events)
        }
    }
}
