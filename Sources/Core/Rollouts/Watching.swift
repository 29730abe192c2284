package import Domain
import Judging

/// Looking after a release that was promoted. What a failure brings is the environment's to say, since the whole
/// deployment goes back.
extension ServiceState {
    /// Nothing while a rollout is under way. Level-triggered, as a rollout's step is.
    mutating func lookAfter(_ seen: ServiceObservation, into decision: inout ServiceDecision) {
        guard var watch else { return }
        switch watch.phase {
        case .failed, .reverting: return
        case .waiting: remind(&watch, seen, into: &decision)
        case .watching: look(after: &watch, seen, into: &decision)
        }
        if self.watch == nil { return }
        if self.watch != watch { self.watch = watch }
    }

    private mutating func look(
        after watch: inout WatchState, _ seen: ServiceObservation, into decision: inout ServiceDecision
    ) {
        // What the router objects to by now (a port that somebody else took) is no fault of a release that served.
        if let failure = instanceTrouble(of: watch.release, seen) {
            fail(&watch, failure, seen, into: &decision)
            return
        }
        askGates(&watch, seen, into: &decision)
        guard watch.phase == .watching else { return }
        let left = watch.remaining(seen.now)
        if left > .zero {
            decision.wake(in: left)
        } else if watch.gates.allSatisfy({ gate in watch.runs.contains { $0.gate == gate.name && $0.hasPassed } }) {
            decision.events.append(event(.watchPassed, watch, seen, text: "\(watch.spec.span)"))
            self.watch = nil
            decision.wake(in: .zero)
        }
    }

    private func askGates(
        _ watch: inout WatchState, _ seen: ServiceObservation, into decision: inout ServiceDecision
    ) {
        for gate in watch.gates where !watch.runs.contains(where: { $0.gate == gate.name }) {
            watch.lastRun += 1
            watch.runs.append(GateRun(id: watch.lastRun, gate: gate.name, started: seen.now))
        }
        for index in watch.runs.indices {
            var run = watch.runs[index]
            guard let gate = watch.gate(run.gate) else { continue }
            let hadPassed = run.hasPassed
            let about = LookSubject(service: service, deployment: watch.deployment, release: watch.release.number)
            let move = look(&run, gate, about, seen, into: &decision)
            watch.runs[index] = run
            switch move {
            case .wait, .ask, .mark: break
            case .pass:
                if !hadPassed {
                    let text = "\(run.gate): \(run.lastSummary)"
                    decision.events.append(event(.gatePassed, watch, seen, text: text))
                }
                decision.wake(in: .zero)
            case .fail(let reason):
                decision.events.append(event(.gateFailed, watch, seen, text: "\(run.gate): \(reason)"))
                fail(&watch, RolloutFailure(.gate, "gate \(run.gate): \(reason)"), seen, into: &decision)
                return
            case .hold(let reason):
                let failure = RolloutFailure(.undecided, "gate \(run.gate) is inconclusive: \(reason)")
                fail(&watch, failure, seen, into: &decision)
                return
            }
        }
    }

    private func fail(
        _ watch: inout WatchState, _ failure: RolloutFailure, _ seen: ServiceObservation,
        into decision: inout ServiceDecision
    ) {
        watch.phase = .failed
        watch.failure = failure
        // Another of its gates may have been about to look: there is nothing to be learned any more.
        decision.looks = []
        decision.marks = []
        decision.events.append(event(.watchFailed, watch, seen, text: failure.text))
        decision.wake(in: .zero)
    }

    private func remind(
        _ watch: inout WatchState, _ seen: ServiceObservation, into decision: inout ServiceDecision
    ) {
        guard let since = watch.waitsSince else { return }
        let hours = Int(seen.now.since(since).milliseconds / Span.hours(1).milliseconds)
        if hours > watch.reminders {
            watch.reminders = hours
            let text = "still waits for a person, for \(hours)h"
            decision.events.append(event(.reminder, watch, seen, number: hours, text: text))
        }
        decision.wake(in: .hours(1))
    }

    private func event(
        _ kind: EventKind, _ watch: WatchState, _ seen: ServiceObservation, number: Int = 0, text: String
    ) -> Event {
        LookSubject(service: service, deployment: watch.deployment, release: watch.release.number)
            .event(kind, at: seen.now, number: number, text: text)
    }

    // MARK: The environment's word

    /// Nothing goes back by itself: a person is asked.
    package mutating func awaitWord(onWatch why: String, choices: String, now: Moment, events: inout [Event]) {
        guard var watch, watch.phase == .failed || watch.phase == .reverting else { return }
        watch.phase = .waiting
        watch.waitsSince = now
        watch.reminders = 0
        watch.question = "\(why); \(choices)"
        events.append(
            Event(
                .needsPerson, at: now.wall, deployment: watch.deployment, service: service,
                release: watch.release.number, text: "\(watch.failure?.text ?? "")\n\(watch.question)"))
        self.watch = watch
    }

    /// The deployment that takes everything back has begun; what did not fail is not looked after any more.
    package mutating func takeBackWatched() {
        if watch?.phase == .failed { watch?.phase = .reverting } else { watch = nil }
    }

    package mutating func endWatch() { watch = nil }
}

/// What looks and their events are about.
struct LookSubject {
    var service: ServiceName
    var deployment: DeploymentNumber
    var release: ReleaseNumber

    func event(_ kind: EventKind, at now: Moment, number: Int = 0, text: String = "") -> Event {
        Event(
            kind, at: now.wall, deployment: deployment, service: service, release: release, number: number, text: text)
    }
}
