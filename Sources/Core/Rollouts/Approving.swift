package import Domain
import Judging

/// An approval that a rollout waits for.
package struct AwaitedApproval: Hashable, Sendable {
    package var gate: GateName
    package var spec: ApprovalSpec
}

/// A person's answer to an approval gate.
package struct ApprovalWord: Hashable, Sendable {
    /// Nil: whichever is waited for.
    package var gate: GateName?
    package var isApproved: Bool
    package var reason: String
    package var by: String
    /// Who asked for the deployment.
    package var requester: String

    package init(gate: GateName?, isApproved: Bool, reason: String, by: String, requester: String) {
        self.gate = gate
        self.isApproved = isApproved
        self.reason = reason
        self.by = by
        self.requester = requester
    }
}

extension RolloutState {
    /// The approval that the current stage asks for; nil: none.
    package var approval: AwaitedApproval? {
        guard phase == .advancing, case .gate(let name)? = currentStage,
            case .approval(let spec)? = plan.gate(name)?.question
        else { return nil }
        return AwaitedApproval(gate: name, spec: spec)
    }
}

extension ApprovalSpec {
    /// Why this user's word does not count; nil: it does. Nobody says yes to what he asked for himself, where another
    /// user is wanted; saying no is for everybody.
    func objection(to by: String, requester: String, of gate: GateName) -> String? {
        guard self.by == .other, by == requester else { return nil }
        return "gate \(gate) needs another user than \(requester), who asked for the deployment"
    }

    var wanted: String {
        switch by {
        case .anyone: "needs approval"
        case .other: "needs the approval of another user than the one who asked"
        }
    }
}

extension ServiceState {
    /// Takes a person's word for the approval that is waited for.
    /// - Returns: nil, or why it does not count.
    package mutating func hear(_ word: ApprovalWord, now: Moment, events: inout [Event]) -> String? {
        guard var rollout, let awaited = rollout.approval else {
            return "no rollout of \(service) waits for an approval"
        }
        if let gate = word.gate, gate != awaited.gate {
            return "\(service) waits for the approval \(awaited.gate), not for \(gate)"
        }
        let reason = word.reason.isEmpty ? "" : ": \(word.reason)"
        func note(_ kind: EventKind, _ text: String) {
            events.append(
                Event(
                    kind, at: now.wall, deployment: rollout.deployment, service: service, release: rollout.to.number,
                    text: text, by: word.by))
        }
        if word.isApproved {
            if let objection = awaited.spec.objection(to: word.by, requester: word.requester, of: awaited.gate) {
                return objection
            }
            guard rollout.pausedSince == nil else { return "the rollout of \(service) is paused: resume it first" }
            note(.approved, "\(awaited.gate)\(reason)")
            rollout.enter(stage: rollout.stage + 1, now: now)
            if rollout.currentStage == nil {
                rollout.phase = .arrived
                events.append(
                    Event(
                        .arrived, at: now.wall, deployment: rollout.deployment, service: service,
                        release: rollout.to.number))
            }
        } else {
            note(.rejected, "\(awaited.gate)\(reason)")
            rollout.fail(RolloutFailure(.rejected, "gate \(awaited.gate): rejected by \(word.by)\(reason)"))
        }
        self.rollout = rollout
        return nil
    }

    /// Waits for a person's word until its time is over. Level-triggered, as any other stage.
    func awaitWord(
        _ gate: GateSpec, _ spec: ApprovalSpec, _ rollout: inout RolloutState, _ seen: ServiceObservation,
        into decision: inout ServiceDecision
    ) {
        let run: GateRun
        if let current = rollout.gate {
            run = current
        } else {
            rollout.runs += 1
            run = GateRun(id: rollout.runs, gate: gate.name, started: seen.now)
            rollout.gate = run
            decision.events.append(event(.gateStarted, rollout, seen, text: gate.name.text))
            decision.events.append(
                event(.needsPerson, rollout, seen, text: "gate \(gate.name) \(spec.wanted), within \(spec.within)"))
        }
        let isExtended = gate.schedule.onInconclusive == .extend
        let limit = isExtended ? spec.within + gate.schedule.extendLimit : spec.within
        let spent = seen.now.since(run.started)
        guard spent >= limit else {
            decision.wake(in: limit - spent)
            return
        }
        let text = "nobody approved within \(limit)"
        decision.events.append(event(.approvalExpired, rollout, seen, text: "\(gate.name): \(text)"))
        switch gate.schedule.onInconclusive {
        case .extend, .revert: rollout.fail(RolloutFailure(.unapproved, "gate \(gate.name): \(text)"))
        case .hold:
            rollout.isGateHeld = true
            rollout.stageSince = seen.now
            rollout.reminders = 0
            decision.events.append(event(.needsPerson, rollout, seen, text: "gate \(gate.name): \(text)"))
        }
    }
}
