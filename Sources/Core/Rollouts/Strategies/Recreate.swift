import Domain

extension RolloutPlan {
    /// Requests wait, the old release stops, the new one starts and is asked, requests go on.
    static func recreate(_ spec: RecreateSpec, isRouted: Bool) -> [Stage] {
        (isRouted ? [.holdRequests] : []) + [.stopOld, .bringUp] + spec.gates.map(Stage.gate) + [.shift(.all)]
    }
}

extension ServiceState {
    /// The router holds new requests; those in flight on the old release end, or its drain time does.
    mutating func holdRequests(_ rollout: inout RolloutState, _ seen: ServiceObservation) -> Bool {
        guard let from = rollout.from, case .recreate(let spec) = rollout.plan.strategy.kind else { return true }
        if hold != spec.hold {
            hold = spec.hold
            return false
        }
        guard seen.isRouted(as: weights), seen.isHolding else { return false }
        return seen.inFlight(from.number) == 0 || seen.now.since(rollout.stageSince) >= from.drain
    }

    /// Everything else is gone: not one process of the old release is left, nor of one that was kept warm.
    mutating func stopOld(_ rollout: inout RolloutState, _ seen: ServiceObservation) -> Bool {
        var changed = false
        for set in sets where set.release != rollout.to.number {
            changed = setCount(set.release, 0) || changed
        }
        return !changed && seen.isRuntimeCaughtUp && seen.runtime?.instances.isEmpty == true
    }
}
