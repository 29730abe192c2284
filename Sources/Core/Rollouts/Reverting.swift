package import Domain

extension ServiceState {
    /// Begins to go back. Called by the deployment, last wave first.
    package mutating func beginRevert(_ reason: RolloutFailure, now: Moment, events: inout [Event]) {
        guard var rollout else { return }
        switch rollout.phase {
        case .reverting, .reverted: return
        case .queued:
            // Nothing of it was ever started.
            rollout.phase = .reverted
            rollout.failure = rollout.failure ?? reason
        case .advancing, .arrived, .failing, .held:
            rollout.phase = .reverting
            rollout.failure = rollout.failure ?? reason
            rollout.heldSince = nil
            rollout.isRestarting = false
            rollout.stuckSince = nil
            rollout.pausedSince = nil
            rollout.crossroads = nil
            rollout.isGateHeld = false
            rollout.stageSince = now
            rollout.progress = now
            rollout.best = 0
            rollout.reminders = 0
            events.append(
                Event(
                    .revertStarted, at: now.wall, deployment: rollout.deployment, service: service,
                    release: rollout.to.number, text: rollout.failure?.text ?? ""))
        }
        self.rollout = rollout
    }

    /// Stable at full capacity, then all traffic to it, then the release on trial goes: its instances leave when their
    /// requests have ended.
    mutating func revert(
        _ rollout: inout RolloutState, _ seen: ServiceObservation, into decision: inout ServiceDecision
    ) {
        guard isMigrationOver(&rollout, seen, into: &decision) else { return }
        let done: Bool
        if case .recreate = rollout.plan.strategy.kind, rollout.from != nil, !rollout.plan.isFirst {
            done = restoreAlone(rollout, seen)
        } else {
            done = restoreBeside(&rollout, seen)
        }
        if done {
            rollout.phase = .reverted
            rollout.stuckSince = nil
            let text = rollout.from.map { "stable is \(service)@\($0.number)" } ?? "nothing stood before"
            decision.events.append(event(.reverted, rollout, seen, text: text))
            decision.wake(in: .zero)
            return
        }
        noteStuck(&rollout, seen, into: &decision)
    }

    /// Stable that does not come back in time needs a person.
    func noteStuck(_ rollout: inout RolloutState, _ seen: ServiceObservation, into decision: inout ServiceDecision) {
        let spent = seen.now.since(rollout.progress)
        let limit = rollout.plan.strategy.progressDeadline
        if spent < limit {
            decision.wake(in: limit - spent)
        } else if rollout.stuckSince == nil {
            rollout.stuckSince = seen.now
            let what = rollout.from.map { "\(service)@\($0.number)" } ?? "the router"
            let text = seen.explaining("cannot get \(what) back for \(limit)", of: rollout.from?.number)
            decision.events.append(event(.needsPerson, rollout, seen, text: text))
        }
    }

    private mutating func restoreBeside(_ rollout: inout RolloutState, _ seen: ServiceObservation) -> Bool {
        guard returnTraffic(&rollout, seen) else { return false }
        let left = setCount(rollout.to.number, 0)
        guard !left, seen.isRuntimeCaughtUp else { return false }
        // A first deployment leaves nothing behind.
        guard let from = rollout.from else { return true }
        return min(count(of: from.number), seen.ready(from.number, for: .zero)) >= from.replicas
    }

    /// Stable at full capacity (unless the trial cannot serve at all), then all traffic to it, as the router confirms.
    mutating func returnTraffic(_ rollout: inout RolloutState, _ seen: ServiceObservation) -> Bool {
        let to = rollout.to.number
        guard let from = rollout.from else {
            if !weights.isEmpty || hold != nil {
                weights = []
                hold = nil
                return false
            }
            return !rollout.to.isRouted || seen.isRouted(as: [])
        }
        let grown = setCount(from.number, max(from.replicas, count(of: from.number)))
        let ready = min(count(of: from.number), seen.ready(from.number, for: .zero))
        rollout.noteProgress(ready, now: seen.now)
        // A snapshot from before the wish still counts instances that were told to leave.
        let isWhole = ready >= from.replicas && seen.isRuntimeCaughtUp
        // Nobody has told yet after a restart: that is no word about the trial.
        let isTrialUseless = seen.runtime != nil && seen.ready(to, for: .zero) == 0
        guard !grown, isWhole || isTrialUseless else { return false }
        if from.isRouted {
            let moved = setWeights(from: from.number, to: to, .none)
            guard !moved, ready > 0, seen.isRouted(as: weights) else { return false }
        }
        // Of what failed its baseline is no part.
        return !letBaselineGo(rollout)
    }

    /// Both releases must never run at once: the one on trial is gone before stable starts; requests wait meanwhile.
    private mutating func restoreAlone(_ rollout: RolloutState, _ seen: ServiceObservation) -> Bool {
        guard let from = rollout.from, case .recreate(let spec) = rollout.plan.strategy.kind else { return true }
        let to = rollout.to.number
        if count(of: to) > 0 || seen.exists(to) {
            if from.isRouted, hold != spec.hold {
                hold = spec.hold
                return false
            }
            let isQuiet = seen.isRouted(as: weights) && seen.isHolding && seen.inFlight(to) == 0
            let isOver = seen.now.since(rollout.stageSince) >= rollout.to.drain
            guard !from.isRouted || isQuiet || isOver else { return false }
            _ = setCount(to, 0)
            return false
        }
        // An old snapshot may not know yet that instances of the trial were started.
        guard count(of: from.number) > 0 || seen.isRuntimeCaughtUp else { return false }
        let grown = setCount(from.number, from.replicas)
        let ready = seen.ready(from.number, for: .zero)
        guard !grown, seen.isRuntimeCaughtUp, ready >= from.replicas else { return false }
        guard from.isRouted else { return true }
        let moved = setWeights(from: from.number, to: to, .none)
        let resumed = hold != nil
        hold = nil
        return !moved && !resumed && seen.isRouted(as: weights)
    }
}
