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

    /// The old release is gone: not one process of it is left.
    mutating func stopOld(_ rollout: inout RolloutState, _ seen: ServiceObservation) -> Bool {
        guard let from = rollout.from else { return true }
        let changed = setCount(from.number, 0)
        return !changed && seen.isRuntimeCaughtUp && !seen.exists(from.number)
    }
}
