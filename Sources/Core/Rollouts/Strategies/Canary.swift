import Domain

extension RolloutPlan {
    /// The steps as written, then all traffic.
    static func canary(_ spec: CanarySpec) -> [Stage] {
        var stages: [Stage] = []
        var last = Weight.none
        for step in spec.steps {
            switch step {
            case .weight(let weight):
                stages.append(.shift(weight))
                last = weight
            case .hold(let span): stages.append(.hold(span))
            case .holdUntilPromoted: stages.append(.holdUntilPromoted)
            case .gate(let name):
                // A gate before the first weight looks at one instance without traffic.
                if last == .none, !stages.contains(.shift(.none)) { stages.append(.shift(.none)) }
                stages.append(.gate(name))
            }
        }
        if last != .all { stages.append(.shift(.all)) }
        return stages
    }
}

extension ServiceState {
    /// Capacity for the weight, then the weight. Stable stays whole, so that going back is one route change; of a
    /// worker, whose traffic nobody splits, the share is one of replicas. Where instances share the requests, stable
    /// shrinks when its part is smaller than that of the release on trial.
    mutating func shift(_ weight: Weight, _ rollout: inout RolloutState, _ seen: ServiceObservation) -> Bool {
        let to = rollout.to
        let share = replicaShare(weight, rollout)
        let needed = share?.to ?? max(1, weight.capacity(of: to.replicas))
        let grown = setCount(to.number, max(needed, count(of: to.number)))
        let ready = seen.ready(to.number, for: rollout.plan.strategy.minReady)
        let baseline = bringBaseline(for: weight, rollout, seen)
        rollout.noteProgress(ready + baseline.ready, now: seen.now)
        guard !grown, seen.isRuntimeCaughtUp, ready >= needed, baseline.isThere else { return false }
        guard isRouted else { return shareReplicas(weight, needed: needed, rollout, seen) }
        guard canTakeBack(weight, from: baseline.release, rollout, seen) else { return false }
        let moved = setWeights(from: rollout.from?.number, to: to.number, weight, baseline: baseline.release)
        let resumed = hold != nil
        hold = nil
        guard !moved, !resumed, seen.isRouted(as: weights) else { return false }
        if let share, let from = rollout.from {
            let stays = setCount(from.number, share.from)
            let goes = setCount(to.number, share.to)
            guard !stays, !goes, seen.isRuntimeCaughtUp else { return false }
        }
        return baseline.release != nil || !letBaselineGo(rollout)
    }

    private func replicaShare(_ weight: Weight, _ rollout: RolloutState) -> ReplicaShare? {
        guard rollout.plan.sharesReplicas, weight != .none, weight != .all, let from = rollout.from else { return nil }
        return ReplicaShare(weight, standing: from.replicas, wanted: rollout.to.replicas)
    }

    private mutating func shareReplicas(
        _ weight: Weight, needed: Int, _ rollout: RolloutState, _ seen: ServiceObservation
    ) -> Bool {
        guard let from = rollout.from else { return true }
        let kept = weight == .all ? 0 : min(count(of: from.number), max(0, from.replicas - needed))
        let changed = weight != .none && setCount(from.number, kept)
        return !changed && seen.isRuntimeCaughtUp
    }
}
