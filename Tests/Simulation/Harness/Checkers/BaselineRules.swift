import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// Lines 1, 2, 3, 5 and 7 for fresh baselines: they are there for a comparison, and for nothing else.
extension Referee {
    /// Instances of a baseline run for a trial that asks for one, as many as of the trial at most, and end with it.
    func checkBaseline(_ wish: RuntimeWish, _ account: ServiceAccount) {
        for set in wish.sets where set.release.isBaseline {
            let name = "\(wish.service)@\(set.release)"
            guard let trial = account.trial, let from = trial.from, from.number.baseline == set.release else {
                fail(7, "\(name) outlives its trial")
                continue
            }
            if trial.phase == .arrived || trial.phase == .reverted { fail(7, "\(name) stays, its trial is over") }
            if !trial.hasFreshGate { fail(7, "\(name) runs, and no gate compares with it") }
            let beside = ServiceAccount.count(wish, trial.to.number)
            if set.count > beside { fail(2, "\(set.count) instances of \(name) beside \(beside) of the trial") }
            // Whoever starts says again what was written before.
            let had =
                account.runs.last.map { ServiceAccount.count($0, set.release) }
                ?? account.record?.sets.first { $0.release == set.release }?.count ?? 0
            if set.count > had, trial.phase != .advancing, trial.revertStarted != now {
                fail(7, "\(name) grows, and its trial does not advance")
            }
        }
    }

    /// What is written at the end of a trial knows no baseline any more.
    func checkBaselineEnds(_ state: ServiceState) {
        guard let kept = state.sets.first(where: \.release.isBaseline) else { return }
        switch state.rollout?.phase {
        case .queued?, .arrived?, .reverted?, nil:
            fail(7, "\(state.service)@\(kept.release) stays, its trial is over")
        case .advancing?, .failing?, .reverting?, .held?: break
        }
    }

    /// Weight for a baseline: as much as for the trial, and only to what is seen to carry it.
    func checkBaseline(_ share: WeightShare, _ new: ServiceState, _ account: ServiceAccount, _ trial: TrialAccount) {
        let name = "\(account.name)@\(share.release)"
        guard let from = trial.from, from.number.baseline == share.release, trial.hasFreshGate else {
            return fail(2, "weight for \(name), which nothing is compared with")
        }
        if trial.phase != .advancing { fail(3, "weight of \(name) grows, and its trial does not advance") }
        let beside = new.weights.first { $0.release == trial.to.number }?.weight
        if beside != share.weight { fail(5, "\(share.weight) for \(name), and another weight for the trial") }
        let ready = account.ready(share.release, for: trial.strategy.minReady)
        let needed = max(1, (share.weight.percent * trial.to.replicas + 99) / 100)
        if ready < needed { fail(2, "\(share.weight) to \(name) with \(ready) of \(needed) ready") }
    }

    /// A gate that compares with a baseline is asked about that, while the two share requests evenly.
    func checkBaseline(_ look: LookEffect, _ account: ServiceAccount, _ trial: TrialAccount) {
        guard look.gate.question.needsBaseline else {
            if look.stable?.isBaseline == true { fail(5, "gate \(look.gate.name) compares with a baseline, unasked") }
            return
        }
        guard look.stable == trial.from?.number.baseline, look.stable != nil else {
            return fail(5, "gate \(look.gate.name) is to compare with a fresh baseline, and does with another")
        }
        func weight(_ release: ReleaseNumber?) -> Weight {
            account.record?.weights.first { $0.release == release }?.weight ?? .none
        }
        // What was decided in the very turn in which the canary moves on is of the weight before.
        if trial.weightSeen[weight(look.release).percent] == now { return }
        if weight(look.stable) == .none || weight(look.stable) != weight(look.release) {
            fail(5, "gate \(look.gate.name) looks, and its baseline has \(weight(look.stable))")
        }
    }
}

extension TrialAccount {
    /// Some gate compares with a fresh baseline.
    var hasFreshGate: Bool { !isReturn && gates.contains { $0.question.needsBaseline } }
}
