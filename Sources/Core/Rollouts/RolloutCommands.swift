package import Domain
import Judging

extension ServiceState {
    /// Ends a hold. A gate is skipped only with `skipGate`, a reason that is journaled.
    /// - Parameter requester: who asked for the deployment; that user cannot skip an approval by another one.
    /// - Returns: nil, or why it cannot be done.
    package mutating func promote(
        skipGate: String?, requester: String, now: Moment, by: String, events: inout [Event]
    ) -> String? {
        if rollout?.phase == .held {
            return "the rollout of \(service) failed and is held: it is not promoted, but tried again or aborted"
        }
        guard var rollout, rollout.phase == .advancing, let stage = rollout.currentStage else {
            return "no rollout of \(service) is waiting"
        }
        if rollout.crossroads != nil {
            if let objection = objectionToSkip(rollout, skipGate) { return objection }
            if let skipGate, rollout.hasFailedInBackground, stage != .settle {
                note(.gateSkipped, rollout, now: now, by: by, text: "background gates: \(skipGate)", events: &events)
                skipBackground(&rollout, now: now)
                rollout.enter(stage: rollout.stage, now: now)
                self.rollout = rollout
                return nil
            }
        }
        if let awaited = rollout.approval, !rollout.isGateHeld || skipGate != nil {
            guard skipGate != nil else {
                return "gate \(awaited.gate) \(awaited.spec.wanted): slipway approve \(service) \(awaited.gate)"
            }
            if let objection = awaited.spec.objection(to: by, requester: requester, of: awaited.gate) {
                return objection
            }
        }
        resumeTimers(&rollout, now: now)
        switch stage {
        case .hold, .holdUntilPromoted:
            note(.promoteAsked, rollout, now: now, by: by, text: "ends: \(stage.text)", events: &events)
            rollout.enter(stage: rollout.stage + 1, now: now)
        case .gate(let name):
            if let skipGate {
                note(.gateSkipped, rollout, now: now, by: by, text: "\(name): \(skipGate)", events: &events)
                leaveCrossroads(&rollout, now: now)
                rollout.enter(stage: rollout.stage + 1, now: now)
            } else if rollout.isGateHeld {
                note(.promoteAsked, rollout, now: now, by: by, text: "gate \(name) looks on", events: &events)
                rollout.isGateHeld = false
                rollout.gate?.lookOn(now: now)
            } else {
                return "gate \(name) has not answered yet; skipping it needs --skip-gate with a reason"
            }
        case .verifyStable:
            guard let skipGate else {
                return "stable has not been seen whole after the migration; going on needs --skip-gate with a reason"
            }
            note(.gateSkipped, rollout, now: now, by: by, text: "verify stable: \(skipGate)", events: &events)
            leaveCrossroads(&rollout, now: now)
            rollout.enter(stage: rollout.stage + 1, now: now)
        case .settle:
            guard let skipGate else {
                return "background gates have not passed yet; skipping them needs --skip-gate with a reason"
            }
            note(.gateSkipped, rollout, now: now, by: by, text: "background gates: \(skipGate)", events: &events)
            skipBackground(&rollout, now: now)
            rollout.enter(stage: rollout.stage + 1, now: now)
        case .migrate where rollout.migration?.phase == .unknown:
            return "nobody knows whether the migration ran: slipway migrate --done, --failed or --again"
        case .bringUp, .shift, .roll, .holdRequests, .stopOld, .migrate:
            return "the rollout is at work (\(stage.text)) and waits for nobody"
        }
        if rollout.currentStage == nil {
            rollout.phase = .arrived
            note(.arrived, rollout, now: now, by: "", text: "", events: &events)
        }
        self.rollout = rollout
        return nil
    }

    package mutating func pause(now: Moment, by: String, events: inout [Event]) -> String? {
        guard var rollout, rollout.phase == .advancing, rollout.crossroads == nil else {
            return "no rollout of \(service) is advancing"
        }
        guard rollout.pausedSince == nil else { return "the rollout of \(service) is paused already" }
        rollout.pausedSince = now
        note(.paused, rollout, now: now, by: by, text: rollout.currentStage?.text ?? "", events: &events)
        self.rollout = rollout
        return nil
    }

    package mutating func resume(now: Moment, by: String, events: inout [Event]) -> String? {
        guard var rollout, rollout.pausedSince != nil else { return "the rollout of \(service) is not paused" }
        resumeTimers(&rollout, now: now)
        note(.resumed, rollout, now: now, by: by, text: rollout.currentStage?.text ?? "", events: &events)
        self.rollout = rollout
        return nil
    }

    private func resumeTimers(_ rollout: inout RolloutState, now: Moment) {
        guard let paused = rollout.pausedSince else { return }
        let span = now.since(paused)
        rollout.pausedSince = nil
        rollout.stageSince = rollout.stageSince.advanced(by: span)
        rollout.progress = rollout.progress.advanced(by: span)
        rollout.gate?.postpone(by: span)
        rollout.reminders = 0
    }

    private func note(
        _ kind: EventKind, _ rollout: RolloutState, now: Moment, by: String, text: String, events: inout [Event]
    ) {
        events.append(
            Event(
                kind, at: now.wall, deployment: rollout.deployment, service: service, release: rollout.to.number,
                text: text, by: by))
    }
}
