import Domain
import Rollouts

extension ServiceState {
    /// How requests are to be split now: the recorded weights over the instances that are ready. While the release on
    /// trial has none, its share goes to stable, and comes back when its capacity is there again; the other way round
    /// nothing moves, since nobody has seen that the trial could carry it.
    /// - Parameter last: what was said before.
    func routeWish(
        _ view: RuntimeView?, in environment: EnvironmentID, fence: UInt64, after last: RouteWish?
    ) -> RouteWish {
        var targets: [TargetWish] = []
        for share in weights {
            targets.append(
                TargetWish(release: share.release, weight: share.weight, backends: backends(share.release, view)))
        }
        giveBack(&targets, view, after: last)
        var wish = RouteWish(
            environment: environment, service: service, fence: fence, generation: 0, targets: targets, hold: hold)
        guard let rollout else { return wish }
        switch rollout.phase {
        case .advancing, .arrived:
            wish.canary = rollout.to.number
            if rollout.plan.isSticky { wish.sticky = UInt64(rollout.deployment.value) }
            addMatches(rollout, view, &wish)
        case .queued, .failing, .reverting, .reverted, .held:
            // Users keep their side while weights still say so; matches end with the failure.
            wish.canary = rollout.to.number
            if rollout.plan.isSticky { wish.sticky = UInt64(rollout.deployment.value) }
        }
        return wish
    }

    /// What the release on trial, or its baseline, cannot carry is stable's.
    private func giveBack(_ targets: inout [TargetWish], _ view: RuntimeView?, after last: RouteWish?) {
        guard let rollout, let from = rollout.from?.number, targets.count > 1 else { return }
        for release in [rollout.to.number, rollout.baseline] {
            guard let index = targets.firstIndex(where: { $0.release == release }),
                isMissing(targets[index], after: last)
            else { continue }
            let share = targets.remove(at: index).weight
            if let stable = targets.firstIndex(where: { $0.release == from }) {
                targets[stable].weight = Weight(clamping: targets[stable].weight.percent + share.percent)
            } else {
                // Canary and baseline had all of it: stable still stands, whole.
                targets.insert(TargetWish(release: from, weight: share, backends: backends(from, view)), at: 0)
            }
        }
    }

    /// Whether the trial cannot carry its share: it has no instance, or had none and has not yet enough of them again.
    private func isMissing(_ target: TargetWish, after last: RouteWish?) -> Bool {
        if target.backends.isEmpty { return true }
        guard let rollout, let last, !rollout.plan.followsReadiness, !rollout.plan.sharesReplicas else { return false }
        let had = last.targets.first { $0.release == target.release }?.weight ?? .none
        guard had == .none, !last.targets.isEmpty else { return false }
        return target.backends.count < target.weight.capacity(of: rollout.to.replicas)
    }

    /// Requests that match reach the release on trial before it has any weight.
    private func addMatches(_ rollout: RolloutState, _ view: RuntimeView?, _ wish: inout RouteWish) {
        guard !rollout.plan.matches.isEmpty, rollout.to.isRouted, rollout.from?.isRouted == true else { return }
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
