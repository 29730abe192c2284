import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// Lines 1, 2 and 3: traffic goes where it can be served, and moves only when it is seen that it can.
extension Referee {
    func check(_ wish: RouteWish, _ place: Int, _ fence: UInt64, _ moment: Moment) {
        let account = accounts[place]
        if wish.fence != fence { fail(6, "a table of \(wish.service) under fence \(wish.fence), not \(fence)") }
        if let last = account.route, last.fence == wish.fence {
            if wish.generation < last.generation { fail(6, "a table's generation went back") }
            if wish.generation == last.generation, wish != last { fail(7, "one generation, two tables") }
        }
        checkShares(wish, account)
        checkDurable(wish, account)
        checkReturn(wish, account)
        checkOrder(wish, account, moment)
        account.route = wish
    }

    private func checkShares(_ wish: RouteWish, _ account: ServiceAccount) {
        guard !wish.targets.isEmpty else { return }
        var sum = 0
        for (index, target) in wish.targets.enumerated() {
            sum += target.weight.percent
            for other in wish.targets[..<index] where other.release == target.release {
                fail(1, "\(wish.service)@\(target.release) is twice in the table")
            }
            guard let runtime = account.runtime else {
                if !target.backends.isEmpty { fail(1, "backends of \(wish.service) that nobody has told of") }
                continue
            }
            for backend in target.backends {
                guard let instance = runtime.instances.first(where: { $0.id == backend.instance }) else {
                    fail(1, "\(wish.service): instance \(backend.instance) is not there")
                    continue
                }
                if instance.phase != .ready {
                    fail(1, "traffic for \(wish.service)'s instance that is \(instance.phase)")
                }
                if instance.release != target.release { fail(1, "an instance of another release") }
            }
            var ready = 0
            for instance in runtime.instances where instance.release == target.release && instance.phase == .ready {
                ready += 1
            }
            if ready != target.backends.count {
                fail(1, "\(ready - target.backends.count) ready instances get nothing")
            }
        }
        if sum != 100 { fail(1, "weights of \(wish.service) sum to \(sum)") }
        if account.runtime == nil {
            fail(10, "\(wish.service) loses its table: the engine has not been told yet what runs")
        }
    }

    /// What is said is what was written: the record's weights, but for a trial that has no instance.
    private func checkDurable(_ wish: RouteWish, _ account: ServiceAccount) {
        guard let record = account.record else { return fail(9, "a table of \(wish.service) before its record") }
        if wish.hold != record.hold { fail(9, "\(wish.service) is held otherwise than it is written") }
        var isAsWritten = true
        for share in record.weights where ServiceAccount.weight(wish, share.release) != share.weight.percent {
            isAsWritten = false
        }
        for target in wish.targets where target.weight != .none {
            if !record.weights.contains(where: { $0.release == target.release }) { isAsWritten = false }
        }
        guard !isAsWritten else { return }
        guard let trial = account.trial, let from = trial.from, isGivenBack(wish, record, trial, from) else {
            return fail(9, "a table of \(wish.service) that is not what was written")
        }
    }

    /// What the trial, or its baseline, cannot carry is stable's, and all else is as written.
    private func isGivenBack(
        _ wish: RouteWish, _ record: ServiceState, _ trial: TrialAccount, _ from: ReleaseFacts
    ) -> Bool {
        var left = 100
        for release in [trial.to.number, from.number.baseline] {
            let written = record.weights.first { $0.release == release }?.weight.percent ?? 0
            let weight = ServiceAccount.weight(wish, release)
            guard weight == 0 || weight == written else { return false }
            left -= weight
        }
        return ServiceAccount.weight(wish, from.number) == left
    }

    /// A trial that had no instance for a while gets its share back: it must be able to carry it.
    private func checkReturn(_ wish: RouteWish, _ account: ServiceAccount) {
        guard let trial = account.trial, let last = account.route, last.fence == wish.fence, !trial.isRolling else {
            return
        }
        for release in [trial.to.number, trial.from?.number.baseline].compactMap({ $0 }) {
            let weight = ServiceAccount.weight(wish, release)
            guard weight > ServiceAccount.weight(last, release), !last.targets.isEmpty else { continue }
            let ready = account.ready(release)
            if ready < max(1, split(weight, account, trial)) {
                fail(2, "\(weight)% back to \(wish.service)@\(release) with \(ready) ready")
            }
        }
    }

    /// What is decided, as it is written: weight moves only to what is seen to carry it.
    func checkMoves(_ new: ServiceState, _ old: ServiceState?, _ account: ServiceAccount) {
        for share in new.weights {
            let weight = share.weight.percent
            let before = old?.weights.first { $0.release == share.release }?.weight.percent ?? 0
            guard weight > before else { continue }
            let ready = account.ready(share.release)
            guard let trial = account.trial else {
                if let stable = account.stable, stable.number == share.release { continue }
                fail(2, "weight for \(account.name)@\(share.release), which nobody deploys")
                continue
            }
            if let from = trial.from, from.number == share.release {
                checkBack(account, trial, from, ready)
            } else if share.release == trial.to.number {
                if trial.phase == .reverting || trial.phase == .held {
                    fail(3, "weight of \(account.name)@\(share.release) grows after its failure")
                }
                checkForth(account, trial, weight)
            } else if share.release.isBaseline {
                checkBaseline(share, new, account, trial)
            } else {
                fail(2, "weight for \(account.name)@\(share.release), which is neither stable nor on trial")
            }
        }
    }

    /// Traffic goes back to stable when it is whole, or when the trial cannot serve at all.
    private func checkBack(
        _ account: ServiceAccount, _ trial: TrialAccount, _ from: ReleaseFacts, _ ready: Int
    ) {
        if account.runtime != nil, account.ready(trial.to.number) == 0 { return }
        switch trial.phase {
        case .advancing, .arrived:
            if trial.isRolling, ready > 0 { return }
            if ready < from.replicas { fail(2, "weight of \(account.name) back to stable with \(ready) ready") }
        case .reverting, .reverted, .held:
            if ready < from.replicas {
                fail(3, "traffic of \(account.name) back to stable with \(ready) of \(from.replicas) ready")
            }
        }
    }

    private func checkForth(_ account: ServiceAccount, _ trial: TrialAccount, _ weight: Int) {
        let ready = account.ready(trial.to.number, for: trial.strategy.minReady)
        let needed = trial.isRolling ? rolled(weight, trial) : split(weight, account, trial)
        if ready < max(1, needed) {
            fail(2, "\(weight)% to \(account.name)@\(trial.to.number) with \(ready) of \(needed) ready")
        }
    }

    /// Instances that carry a weight: of as many as stand meanwhile.
    private func rolled(_ weight: Int, _ trial: TrialAccount) -> Int {
        (weight * max(1, min(trial.floor(at: now), trial.to.replicas)) + 99) / 100
    }

    /// Instances that carry a weight beside stable. Where every instance gets as much as any other: enough that none of
    /// them gets more than one of stable had, when all that are to run do.
    private func split(_ weight: Int, _ account: ServiceAccount, _ trial: TrialAccount) -> Int {
        if trial.sharesReplicas, weight < 100, let from = trial.from {
            return from.replicas - (account.runs.last.map { ServiceAccount.count($0, from.number) } ?? 0)
        }
        return (weight * trial.to.replicas + 99) / 100
    }
}
