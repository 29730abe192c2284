package import Domain

extension ServiceState {
    /// A failure is kept for inspection. Called by the deployment, for plans that hold failures.
    package mutating func beginHold(now: Moment, events: inout [Event]) {
        guard var rollout, rollout.phase == .failing else { return }
        rollout.phase = .held
        rollout.heldSince = nil
        rollout.isRestarting = false
        rollout.pausedSince = nil
        rollout.isGateHeld = false
        rollout.stageSince = now
        rollout.progress = now
        rollout.best = 0
        rollout.reminders = 0
        events.append(
            Event(
                .heldForInspection, at: now.wall, deployment: rollout.deployment, service: service,
                release: rollout.to.number, text: rollout.failure?.text ?? ""))
        self.rollout = rollout
    }

    /// As in a revert stable is whole before traffic goes back; the instances on trial stay, without traffic, until a
    /// person says what becomes of them.
    mutating func hold(
        _ rollout: inout RolloutState, _ seen: ServiceObservation, into decision: inout ServiceDecision
    ) {
        guard isMigrationOver(&rollout, seen, into: &decision) else { return }
        guard returnTraffic(&rollout, seen), isWhole(rollout, seen) else {
            // Once a person is asked, stable is looked after as ever; that it falters is no second question.
            if rollout.heldSince == nil || rollout.isRestarting { noteStuck(&rollout, seen, into: &decision) }
            return
        }
        if rollout.isRestarting {
            restart(&rollout, seen, into: &decision)
        } else if rollout.heldSince == nil {
            rollout.stuckSince = nil
            rollout.heldSince = seen.now
            rollout.reminders = 0
            let serves = rollout.from.map { "\(service)@\($0.number) serves" } ?? "nothing stood before"
            let text =
                "\(serves), \(service)@\(rollout.to.number) failed and stays for inspection: abort ends it, retry begins "
                + "anew"
            decision.events.append(event(.needsPerson, rollout, seen, text: text))
        }
    }

    private func isWhole(_ rollout: RolloutState, _ seen: ServiceObservation) -> Bool {
        guard let from = rollout.from else { return true }
        return min(count(of: from.number), seen.ready(from.number, for: .zero)) >= from.replicas
    }

    /// New instances, new looks: nothing that was seen of the failed attempt counts in the next.
    private mutating func restart(
        _ rollout: inout RolloutState, _ seen: ServiceObservation, into decision: inout ServiceDecision
    ) {
        let left = setCount(rollout.to.number, 0)
        guard !left, seen.isRuntimeCaughtUp, !seen.exists(rollout.to.number),
            rollout.baseline.map({ !seen.exists($0) }) ?? true
        else {
            noteStuck(&rollout, seen, into: &decision)
            return
        }
        rollout.phase = .advancing
        rollout.failure = nil
        rollout.heldSince = nil
        rollout.stuckSince = nil
        rollout.isRestarting = false
        rollout.background = []
        rollout.isBackgroundSkipped = false
        // A person's word: a migration that failed may run once more.
        if let run = rollout.migration, run.phase == .failed {
            rollout.migration = MigrationRun(attempt: run.attempt + 1, since: seen.now)
        }
        rollout.enter(stage: 0, now: seen.now)
        let text = rollout.currentStage?.text ?? ""
        decision.events.append(event(.trialRestarted, rollout, seen, text: text))
        decision.wake(in: .zero)
    }

    /// A stuck way back gets its time again; a held trial begins anew once stable serves.
    /// - Returns: nil, or why it cannot be done.
    package mutating func retry(now: Moment, by: String, events: inout [Event]) -> String? {
        guard var rollout else { return "no rollout of \(service) is under way" }
        let what: String
        switch rollout.phase {
        case .reverting where rollout.stuckSince != nil: what = "revert"
        case .held where rollout.stuckSince != nil: what = "the way back to stable"
        case .held where rollout.heldSince != nil && !rollout.isRestarting:
            what = "from the start"
            rollout.isRestarting = true
        case .held: return "traffic of \(service) is on its way back to stable, or instances are leaving: wait for that"
        case .queued, .advancing, .arrived, .failing, .reverting, .reverted:
            return "nothing of \(service) is stuck or held"
        }
        rollout.stuckSince = nil
        rollout.progress = now
        rollout.reminders = 0
        events.append(
            Event(
                .retryAsked, at: now.wall, deployment: rollout.deployment, service: service,
                release: rollout.to.number, text: what, by: by))
        self.rollout = rollout
        return nil
    }
}
