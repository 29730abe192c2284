import Domain
import Rollouts

extension ServiceState {
    /// How requests are to be split now: the recorded weights over the instances that are ready. While the release on
    /// trial has none, its share goes to stable; the other way round nothing moves, since nobody has seen that the trial
    /// could carry it.
    func routeWish(_ view: RuntimeView?, in environment: EnvironmentID, fence: UInt64) -> RouteWish {
        var targets: [TargetWish] = []
        for share in weights {
            targets.append(
                TargetWish(release: share.release, weight: share.weight, backends: backends(share.release, view)))
        }
        let trial = rollout?.to.number
        if targets.count == 2, let index = targets.firstIndex(where: { $0.release == trial && $0.backends.isEmpty }) {
            targets.remove(at: index)
            targets[0].weight = .all
        }
        var wish = RouteWish(
            environment: environment, service: service, fence: fence, generation: 0, targets: targets, hold: hold)
        guard let rollout else { return wish }
        switch rollout.phase {
        case .advancing, .arrived:
            wish.canary = rollout.to.number
            if rollout.plan.isSticky { wish.sticky = UInt64(rollout.deployment.value) }
            addMatches(rollout, view, &wish)
        case .queued, .failing, .reverting, .reverted:
            // Users keep their side while weights still say so; matches end with the failure.
            wish.canary = rollout.to.number
            if rollout.plan.isSticky { wish.sticky = UInt64(rollout.deployment.value) }
        }
        return wish
    }

    /// Requests that match reach the release on trial before it has any weight.
    private func addMatches(_ rollout: RolloutState, _ view: RuntimeView?, _ wish: inout RouteWish) {
        guard !rollout.plan.matches.isEmpty, rollout.from != nil else { return }
        let ready = backends(rollout.to.number, view)
        guard !ready.isEmpty else { return }
        wish.matches = rollout.plan.matches
        if !wish.targets.contains(where: { $0.release == rollout.to.number }) {
            wish.targets.append(TargetWish(release: rollout.to.number, weight: .none, backends: ready))
        }
    }

    private func backends(_ release: ReleaseNumber, _ view: RuntimeView?) -> [BackendWish] {
        guard let view else { return [] }
        var found: [BackendWish] = []
        for instance in view.instances where instance.release == release && instance.phase == .ready {
            found.append(BackendWish(instance: instance.id, backend: instance.backend))
        }
        return found
    }
}
