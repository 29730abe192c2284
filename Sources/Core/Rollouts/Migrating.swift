import Domain
import Judging

/// The migration's own stages. Starting it is exclusive: the start is written down first, and what became of a start
/// that nobody can tell of is a person's to say. It is never run again without such a word.
extension ServiceState {
    /// How long a start may go unseen while the supervisor that ordered it lives.
    private static let patience = Span.seconds(60)
    /// From the request to stop to the kill.
    private static let grace = Span.seconds(10)
    /// A signal that has not helped is sent again.
    private static let signalEvery = Span.seconds(5)

    mutating func migrate(
        _ rollout: inout RolloutState, _ seen: ServiceObservation, into decision: inout ServiceDecision
    ) -> Bool {
        guard let facts = rollout.plan.migration else { return true }
        var run = rollout.migration ?? MigrationRun(attempt: 1, since: seen.now)
        defer { rollout.migration = run }
        switch run.phase {
        case .done: return true
        case .failed, .unknown: return false
        case .wanted:
            run.phase = .started
            run.since = seen.now
            run.fence = seen.fence
            decision.events.append(
                event(.migrationStarted, rollout, seen, number: run.attempt, text: "to schema \(facts.schema)"))
            decision.migrations.append(MigrationOrder(attempt: run.attempt, action: .start))
            decision.wake(in: .seconds(1))
            return false
        case .started, .stopping:
            watch(&run, facts, &rollout, seen, into: &decision)
            return run.phase == .done
        }
    }

    /// Whether nothing of the rollout's migration runs or may run: going back begins then.
    mutating func isMigrationOver(
        _ rollout: inout RolloutState, _ seen: ServiceObservation, into decision: inout ServiceDecision
    ) -> Bool {
        guard var run = rollout.migration, let facts = rollout.plan.migration, run.isOpen else { return true }
        if run.phase == .started, rollout.failure?.code == .aborted { stop(&run, seen) }
        if run.phase != .unknown { watch(&run, facts, &rollout, seen, into: &decision) }
        rollout.migration = run
        if run.isOpen { return false }
        rollout.progress = seen.now
        rollout.stageSince = seen.now
        return true
    }

    private func stop(_ run: inout MigrationRun, _ seen: ServiceObservation) {
        run.phase = .stopping
        run.since = seen.now
        run.signalled = nil
    }

    // MARK: What is seen of it

    private mutating func watch(
        _ run: inout MigrationRun, _ facts: MigrationFacts, _ rollout: inout RolloutState, _ seen: ServiceObservation,
        into decision: inout ServiceDecision
    ) {
        decision.wake(in: .seconds(1))
        guard let told = seen.migrations else { return }
        let view = told.first { $0.deployment == rollout.deployment && $0.attempt == run.attempt }
        switch view?.state {
        case nil:
            if run.fence != seen.fence {
                lose(
                    &run, "the supervisor that was to start it is gone, and there is no trace of it", rollout, seen,
                    &decision)
            } else if seen.now.since(run.since) >= Self.patience {
                lose(&run, "there is no trace of it after \(Self.patience)", rollout, seen, &decision)
            }
        case .lost(let text)?: lose(&run, text, rollout, seen, &decision)
        case .starting?: urge(&run, seen, into: &decision)
        case .running?:
            if run.runningSince == nil { run.runningSince = seen.now }
            if run.phase == .started, let since = run.runningSince {
                let spent = seen.now.since(since)
                if spent >= facts.timeout { stop(&run, seen) } else { decision.wake(in: facts.timeout - spent) }
            }
            urge(&run, seen, into: &decision)
        case .exited(0)?: succeed(&run, facts, rollout, seen, &decision)
        case .exited(let code)?: fail(&run, "ended with exit code \(code)", view, &rollout, seen, &decision)
        case .signalled(let signal)?: fail(&run, "was ended by signal \(signal)", view, &rollout, seen, &decision)
        case .notStarted(let reason)?: fail(&run, "was not started: \(reason)", view, &rollout, seen, &decision)
        }
    }

    /// TERM, then KILL, until it has ended.
    private func urge(_ run: inout MigrationRun, _ seen: ServiceObservation, into decision: inout ServiceDecision) {
        guard run.phase == .stopping else { return }
        let isKill = seen.now.since(run.since) >= Self.grace
        if let last = run.signalled {
            let isFirstKill = isKill && last.since(run.since) < Self.grace
            guard isFirstKill || seen.now.since(last) >= Self.signalEvery else { return }
        }
        run.signalled = seen.now
        decision.migrations.append(MigrationOrder(attempt: run.attempt, action: isKill ? .kill : .terminate))
    }

    private mutating func succeed(
        _ run: inout MigrationRun, _ facts: MigrationFacts, _ rollout: RolloutState, _ seen: ServiceObservation,
        _ decision: inout ServiceDecision
    ) {
        let spent = seen.now.since(run.runningSince ?? run.since)
        run.phase = .done
        run.since = seen.now
        apply(facts, rollout.to.number)
        decision.events.append(
            event(.migrationEnded, rollout, seen, text: "schema \(facts.schema) after \(spent.rounded)"))
        decision.wake(in: .zero)
    }

    private func fail(
        _ run: inout MigrationRun, _ how: String, _ view: MigrationView?, _ rollout: inout RolloutState,
        _ seen: ServiceObservation, _ decision: inout ServiceDecision
    ) {
        var text = "the migration \(how)"
        if run.phase == .stopping {
            text += rollout.failure?.code == .aborted ? ", since it was aborted" : ", its time was over"
        }
        run.phase = .failed
        run.since = seen.now
        text = ([text] + (view?.lines ?? []).map { "  " + $0 }).joined(separator: "\n")
        decision.events.append(event(.migrationFailed, rollout, seen, text: text))
        if rollout.phase == .advancing { rollout.fail(RolloutFailure(.migration, text)) }
        decision.wake(in: .zero)
    }

    private func lose(
        _ run: inout MigrationRun, _ why: String, _ rollout: RolloutState, _ seen: ServiceObservation,
        _ decision: inout ServiceDecision
    ) {
        run.phase = .unknown
        run.since = seen.now
        let text =
            "nobody knows whether the migration ran: \(why). Look at the data, then say it: "
            + "slipway migrate --done, --failed or --again"
        decision.events.append(event(.needsPerson, rollout, seen, text: text))
    }

    mutating func apply(_ facts: MigrationFacts, _ release: ReleaseNumber) {
        guard !hasApplied(facts.schema) else { return }
        schemas.append(AppliedSchema(schema: facts.schema, isCompatible: facts.isCompatible, release: release))
    }

    // MARK: Stable afterwards

    /// Stable has been ready ever since the migration, all of it, and its gate has passed.
    mutating func verifyStable(
        _ rollout: inout RolloutState, _ seen: ServiceObservation, into decision: inout ServiceDecision
    ) -> Bool {
        guard let from = rollout.from, let facts = rollout.plan.migration else { return true }
        let spent = seen.now.since(rollout.stageSince)
        if spent < facts.verify {
            decision.wake(in: facts.verify - spent)
            return false
        }
        let ready = seen.ready(from.number, for: facts.verify)
        if rollout.gate == nil, ready < from.replicas || !seen.isRuntimeCaughtUp {
            let limit = facts.verify + rollout.plan.strategy.progressDeadline
            if spent >= limit {
                let text = "\(ready) of \(from.replicas) instances of \(service)@\(from.number) have been ready for "
                rollout.fail(hurt(text + "\(facts.verify) since the migration to schema \(facts.schema)"))
            } else {
                decision.wake(in: min(limit - spent, .seconds(1)))
            }
            return false
        }
        guard let gate = facts.gate else { return true }
        let hasPassed = ask(gate, &rollout, seen, into: &decision)
        if rollout.phase == .failing, let failure = rollout.failure { rollout.failure = hurt(failure.text) }
        return hasPassed
    }

    private func hurt(_ text: String) -> RolloutFailure {
        RolloutFailure(.stableHurt, "stable does not stand after the migration: \(text)")
    }
}

/// What is to be done about a migration.
package struct MigrationOrder: Hashable, Sendable {
    package var attempt: Int
    package var action: MigrationAction
    package init(attempt: Int, action: MigrationAction) {
        self.attempt = attempt
        self.action = action
    }
}

package enum MigrationAction: Hashable, Sendable {
    /// Exclusive: once for its attempt.
    case start
    /// Convergent.
    case terminate
    case kill
}
