import Domain

extension RolloutPlan {
    static func rolling(_ spec: RollingSpec) -> [Stage] { [.roll] + spec.gates.map(Stage.gate) }
}

extension ServiceState {
    /// Replaces instances a few at a time: never more than `replicas + maxSurge` in all, never fewer than
    /// `replicas − maxUnavailable` ready. Traffic follows the ready instances. The last old one that the surge leaves
    /// room for stays until the commit, so that the old release stays reachable.
    mutating func roll(_ spec: RollingSpec, _ rollout: inout RolloutState, _ seen: ServiceObservation) -> Bool {
        guard let from = rollout.from else { return shift(.all, &rollout, seen) }
        let new = rollout.to.replicas
        let surge = spec.maxSurge.resolved(of: new, roundingUp: true)
        var unavailable = spec.maxUnavailable.resolved(of: new, roundingUp: false)
        if surge == 0, unavailable == 0 { unavailable = 1 }
        let floor = min(from.replicas, new) - unavailable
        let ceiling = max(from.replicas, new) + surge
        let minReady = rollout.plan.strategy.minReady
        // A snapshot from before the last wish counts instances that were told to leave.
        guard count(of: rollout.to.number) == 0 || seen.isRuntimeCaughtUp else { return false }

        let oldCount = count(of: from.number)
        let newCount = count(of: rollout.to.number)
        let oldReady = min(oldCount, seen.ready(from.number, for: .zero))
        let newReady = min(newCount, seen.ready(rollout.to.number, for: minReady))
        rollout.noteProgress(newReady + max(0, from.replicas - oldCount), now: seen.now)

        let low = isRouted ? min(surge, 1, from.replicas) : 0
        var wantedOld = oldCount
        if oldCount > low {
            // Old instances that cannot serve carry nothing: they make room first.
            let useless = min(oldCount - oldReady, seen.failed(from.number) + seen.unready(from.number))
            let spare = min(oldReady, max(0, oldReady + newReady - max(floor, 0)))
            wantedOld = max(low, oldCount - useless - spare)
        }
        let wantedNew = min(new, max(newCount, ceiling - wantedOld))
        let moved = follow(newReady: newReady, oldReady: min(wantedOld, oldReady), needed: floor, rollout: rollout)
        let shrunk = setCount(from.number, wantedOld)
        let grown = setCount(rollout.to.number, wantedNew)
        guard !shrunk, !grown, !moved, newReady >= new, wantedOld <= low, seen.isRuntimeCaughtUp else { return false }
        guard isRouted else { return true }
        return weight(of: rollout.to.number) == .all && seen.isRouted(as: weights)
    }

    /// Weights as the ready instances are, as far as those of the new release can carry them.
    private mutating func follow(newReady: Int, oldReady: Int, needed: Int, rollout: RolloutState) -> Bool {
        guard isRouted, let from = rollout.from, newReady > 0 else { return false }
        var share = 100
        if oldReady > 0, newReady < rollout.to.replicas {
            share = 100 * newReady / (newReady + oldReady)
            if needed > 0 { share = min(share, 100 * newReady / needed) }
        } else if newReady < min(rollout.to.replicas, max(1, needed)) {
            return false
        }
        return setWeights(from: from.number, to: rollout.to.number, Weight(clamping: share))
    }
}
