import Domain

extension RolloutPlan {
    /// Preview at full capacity, its gates, a person's word where asked for, the switch, gates after it.
    static func blueGreen(_ spec: BlueGreenSpec) -> [Stage] {
        [.bringUp] + spec.before.map(Stage.gate) + (spec.autoPromote ? [] : [.holdUntilPromoted]) + [.shift(.all)]
            + spec.after.map(Stage.gate)
    }
}

extension ServiceState {
    /// All instances of the new release, ready, without weight. Stable keeps every one of its own.
    mutating func bringUp(_ rollout: inout RolloutState, _ seen: ServiceObservation) -> Bool {
        let wanted = rollout.to.replicas
        let changed = setCount(rollout.to.number, max(wanted, count(of: rollout.to.number)))
        let ready = seen.ready(rollout.to.number, for: rollout.plan.strategy.minReady)
        rollout.noteProgress(ready, now: seen.now)
        // A snapshot from before the wish may count instances of an earlier stay that were told to leave.
        return !changed && seen.isRuntimeCaughtUp && ready >= wanted
    }
}
