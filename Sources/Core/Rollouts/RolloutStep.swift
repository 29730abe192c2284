import Domain
import Judging

extension ServiceState {
    /// Looks at what is and says what follows: the new state is this value afterwards. Level-triggered: called again
    /// with the same observation it changes nothing more.
    package mutating func step(_ seen: ServiceObservation, into decision: inout ServiceDecision) {
        guard var rollout else {
            stand(seen, into: &decision)
            lookAfter(seen, into: &decision)
            return
        }
        let before = baselineCount(rollout)
        switch rollout.phase {
        case .reverted, .failing:
            break
        case .queued:
            grow(&rollout, seen, into: &decision)
        case .advancing:
            grow(&rollout, seen, into: &decision)
            advance(&rollout, seen, into: &decision)
        case .arrived:
            grow(&rollout, seen, into: &decision)
            if let failure = trouble(of: rollout.to, seen) { rollout.fail(failure) }
            lookInBackground(&rollout, seen, into: &decision)
        case .reverting:
            revert(&rollout, seen, into: &decision)
        case .held:
            hold(&rollout, seen, into: &decision)
        }
        tellOfBaseline(from: before, rollout, seen, into: &decision)
        remind(&rollout, seen, into: &decision)
        // Most steps change nothing, and what is left alone stays shared.
        if self.rollout != rollout { self.rollout = rollout }
    }

    private mutating func advance(
        _ rollout: inout RolloutState, _ seen: ServiceObservation, into decision: inout ServiceDecision
    ) {
        if rollout.crossroads != nil { return }
        if let failure = trouble(of: rollout.to, seen) ?? baselineTrouble(rollout, seen) {
            rollout.fail(failure)
            return
        }
        if hasTraffic(rollout) { lookInBackground(&rollout, seen, into: &decision) }
        guard rollout.phase == .advancing, rollout.pausedSince == nil || rollout.migration?.isOpen == true,
            let stage = rollout.currentStage
        else { return }
        let before = weight(of: rollout.to.number)
        let done = carryOut(stage, &rollout, seen, into: &decision)
        let after = weight(of: rollout.to.number)
        if before != after {
            decision.events.append(event(.weightMoved, rollout, seen, number: after.percent))
        }
        guard rollout.phase == .advancing else { return }
        if done {
            enterNext(&rollout, seen, into: &decision)
        } else if stage.hasProgressDeadline {
            let spent = seen.now.since(rollout.progress)
            let limit = rollout.plan.strategy.progressDeadline
            if spent >= limit {
                rollout.fail(lateness(stage, rollout, seen))
            } else {
                decision.wake(in: limit - spent)
                wakeForReadiness(rollout, seen, into: &decision)
            }
        }
    }

    private mutating func carryOut(
        _ stage: Stage, _ rollout: inout RolloutState, _ seen: ServiceObservation,
        into decision: inout ServiceDecision
    ) -> Bool {
        switch stage {
        case .bringUp: return bringUp(&rollout, seen)
        case .shift(let weight): return shift(weight, &rollout, seen)
        case .roll:
            guard case .rolling(let spec) = rollout.plan.strategy.kind else { return true }
            return roll(spec, &rollout, seen)
        case .hold(let span):
            let spent = seen.now.since(rollout.stageSince)
            if spent < span { decision.wake(in: span - spent) }
            return spent >= span
        case .holdUntilPromoted: return false
        case .gate(let name): return ask(name, &rollout, seen, into: &decision)
        case .holdRequests:
            decision.wake(in: .milliseconds(100))
            return holdRequests(&rollout, seen)
        case .stopOld: return stopOld(&rollout, seen)
        case .settle: return isSettled(rollout)
        case .migrate: return migrate(&rollout, seen, into: &decision)
        case .verifyStable: return verifyStable(&rollout, seen, into: &decision)
        }
    }

    /// Every background gate has passed once; one that was never asked has not.
    private func isSettled(_ rollout: RolloutState) -> Bool {
        rollout.isBackgroundSkipped
            || rollout.plan.background.allSatisfy { name in
                rollout.background.contains { $0.gate == name && $0.hasPassed }
            }
    }

    private func enterNext(
        _ rollout: inout RolloutState, _ seen: ServiceObservation, into decision: inout ServiceDecision
    ) {
        rollout.enter(stage: rollout.stage + 1, now: seen.now)
        if let next = rollout.currentStage {
            decision.events.append(event(.stageStarted, rollout, seen, number: rollout.stage, text: next.text))
            if next == .holdUntilPromoted {
                decision.events.append(event(.needsPerson, rollout, seen, text: "waits for `slipway promote`"))
            }
        } else {
            rollout.phase = .arrived
            decision.events.append(event(.arrived, rollout, seen))
        }
        decision.wake(in: .zero)
    }

    // MARK: Gates

    func ask(
        _ name: GateName, _ rollout: inout RolloutState, _ seen: ServiceObservation,
        into decision: inout ServiceDecision
    ) -> Bool {
        guard let gate = rollout.plan.gate(name) else {
            rollout.fail(RolloutFailure(.gate, "gate \(name) is not defined"))
            return false
        }
        if rollout.isGateHeld { return false }
        if case .approval(let spec) = gate.question {
            awaitWord(gate, spec, &rollout, seen, into: &decision)
            return false
        }
        var run: GateRun
        if let current = rollout.gate {
            run = current
        } else {
            rollout.runs += 1
            run = GateRun(id: rollout.runs, gate: name, started: seen.now)
            decision.events.append(event(.gateStarted, rollout, seen, text: name.text))
        }
        let move = look(&run, gate, subject(rollout), seen, into: &decision)
        rollout.gate = run
        switch move {
        case .wait, .ask, .mark: return false
        case .pass:
            decision.events.append(event(.gatePassed, rollout, seen, text: "\(name): \(run.lastSummary)"))
            return true
        case .fail(let reason):
            decision.events.append(event(.gateFailed, rollout, seen, text: "\(name): \(reason)"))
            rollout.fail(RolloutFailure(.gate, "gate \(name): \(reason)"))
            return false
        case .hold(let reason):
            rollout.isGateHeld = true
            rollout.stageSince = seen.now
            let text = "gate \(name) is inconclusive: \(reason)"
            decision.events.append(event(.needsPerson, rollout, seen, text: text))
            return false
        }
    }

    private func lookInBackground(
        _ rollout: inout RolloutState, _ seen: ServiceObservation, into decision: inout ServiceDecision
    ) {
        guard rollout.phase == .advancing || rollout.phase == .arrived, !rollout.isBackgroundSkipped else { return }
        for name in rollout.plan.background
        where !rollout.background.contains(where: { $0.gate == name }) && isAskable(name, rollout) {
            rollout.runs += 1
            rollout.background.append(GateRun(id: rollout.runs, gate: name, started: seen.now))
            decision.events.append(event(.gateStarted, rollout, seen, text: "\(name) in the background"))
        }
        for index in rollout.background.indices {
            var run = rollout.background[index]
            guard let gate = rollout.plan.gate(run.gate) else {
                rollout.fail(RolloutFailure(.gate, "gate \(run.gate) is not defined"))
                return
            }
            guard isAskable(run.gate, rollout) else { continue }
            if gate.question.isApproval {
                let text = "gate \(run.gate) is an approval: a person cannot be asked in the background"
                rollout.fail(RolloutFailure(.unapproved, text))
                return
            }
            let hadPassed = run.hasPassed
            let move = look(&run, gate, subject(rollout), seen, into: &decision)
            // There is nobody to hold for: in the background no answer is a no.
            if case .hold = move { run.conclude() }
            rollout.background[index] = run
            switch move {
            case .wait, .ask, .mark: break
            case .pass:
                if !hadPassed {
                    decision.events.append(event(.gatePassed, rollout, seen, text: "\(run.gate): \(run.lastSummary)"))
                }
                decision.wake(in: .zero)
            case .fail(let reason), .hold(let reason):
                decision.events.append(event(.gateFailed, rollout, seen, text: "\(run.gate): \(reason)"))
                rollout.fail(RolloutFailure(.gate, "gate \(run.gate): \(reason)"))
                return
            }
        }
    }

    /// What is compared with a fresh baseline is asked while that serves.
    private func isAskable(_ name: GateName, _ rollout: RolloutState) -> Bool {
        rollout.plan.gate(name)?.question.needsBaseline != true || servesBaseline(rollout)
    }

    func look(
        _ run: inout GateRun, _ gate: GateSpec, _ subject: LookSubject, _ seen: ServiceObservation,
        into decision: inout ServiceDecision
    ) -> GateRun.Move {
        let view = run.isLooking ? seen.look(run.id, run.look) : nil
        let wasUndecided = run.lastVerdict == .inconclusive
        let isKnown = view != nil || !seen.areLooksTold
        let move = run.step(gate, result: view?.result, isKnown: isKnown, now: seen.now, fence: seen.fence)
        // Inconclusive looks in a row are told of once.
        if let result = view?.result, result.verdict != .pass, result.verdict != .inconclusive || !wasUndecided {
            let text = "\(gate.name) look \(run.look): \(result.verdict.word): \(result.evidence.summary)"
            decision.events.append(subject.event(.lookFailed, at: seen.now, number: run.look, text: text))
        }
        switch move {
        case .wait(let span): decision.wake(in: span)
        case .ask:
            decision.looks.append(LookOrder(run: run.id, look: run.look, gate: gate.name, since: run.since))
            decision.wake(in: gate.schedule.timeout)
        case .mark:
            decision.marks.append(LookOrder(run: run.id, look: run.look, gate: gate.name, since: run.since))
            decision.wake(in: .zero)
        case .pass, .fail, .hold: break
        }
        return move
    }

    private func subject(_ rollout: RolloutState) -> LookSubject {
        LookSubject(service: service, deployment: rollout.deployment, release: rollout.to.number)
    }

    private func hasTraffic(_ rollout: RolloutState) -> Bool {
        rollout.to.isRouted ? weight(of: rollout.to.number) != .none : count(of: rollout.to.number) > 0
    }

    // MARK: Trouble

    /// What shows that a release cannot go on.
    func trouble(of release: ReleaseFacts, _ seen: ServiceObservation) -> RolloutFailure? {
        if let objection = seen.router?.objection, !objection.isEmpty, release.isRouted {
            return RolloutFailure(.cannotRun, objection)
        }
        return instanceTrouble(of: release, seen)
    }

    func instanceTrouble(of release: ReleaseFacts, _ seen: ServiceObservation) -> RolloutFailure? {
        guard let runtime = seen.runtime, count(of: release.number) > 0 else { return nil }
        for set in runtime.sets where set.release == release.number {
            if case .failed(let reason) = set.state { return RolloutFailure(.cannotRun, reason) }
        }
        for instance in runtime.instances where instance.release == release.number && instance.phase == .failed {
            return RolloutFailure(.instance, "instance \(instance.id): \(instance.trouble)")
        }
        return nil
    }

    /// Instances that are ready but not for long enough: nothing else wakes us when they are.
    private func wakeForReadiness(
        _ rollout: RolloutState, _ seen: ServiceObservation, into decision: inout ServiceDecision
    ) {
        let needed = rollout.plan.strategy.minReady
        guard needed > .zero, let runtime = seen.runtime else { return }
        for instance in runtime.instances
        where [rollout.to.number, rollout.baseline].contains(instance.release) && instance.phase == .ready
            && instance.readyFor < needed
        {
            decision.wake(in: needed - instance.readyFor)
        }
    }

    private func remind(
        _ rollout: inout RolloutState, _ seen: ServiceObservation, into decision: inout ServiceDecision
    ) {
        guard let since = rollout.waitsSince else { return }
        let hours = Int(seen.now.since(since).milliseconds / Span.hours(1).milliseconds)
        if hours > rollout.reminders {
            rollout.reminders = hours
            let text = "still waits for a person, for \(hours)h"
            decision.events.append(event(.reminder, rollout, seen, number: hours, text: text))
        }
        decision.wake(in: .hours(1))
    }

    func event(
        _ kind: EventKind, _ rollout: RolloutState, _ seen: ServiceObservation, number: Int = 0, text: String = ""
    ) -> Event {
        subject(rollout).event(kind, at: seen.now, number: number, text: text)
    }
}

extension RolloutState {
    mutating func fail(_ reason: RolloutFailure) {
        phase = .failing
        failure = reason
        pausedSince = nil
    }
}
