package import Domain
import Judging

/// Where a rollout has failed and cannot simply go back, because data was migrated: a person chooses.
extension ServiceState {
    /// Whether this rollout's migration has brought, or may have brought, the data to where the release before is not
    /// declared to run.
    package var hasLeftStableBehind: Bool {
        guard let rollout, rollout.from != nil, let facts = rollout.plan.migration, !facts.isCompatible else {
            return false
        }
        return rollout.migration.map { $0.isOpen || $0.phase == .done } ?? false
    }

    /// A failed rollout stands where it is until a person has chosen. Traffic stays as it was.
    package mutating func standAtCrossroads(now: Moment, events: inout [Event]) {
        guard var rollout, rollout.phase == .failing else { return }
        rollout.phase = .advancing
        rollout.stage = min(rollout.stage, max(0, rollout.plan.stages.count - 1))
        rollout.crossroads = now
        rollout.reminders = 0
        rollout.gate = nil
        rollout.isGateHeld = false
        self.rollout = rollout
        events.append(
            Event(
                .atCrossroads, at: now.wall, deployment: rollout.deployment, service: service,
                release: rollout.to.number, text: "\(rollout.failure?.text ?? "")\n\(choices(rollout))"))
    }

    private func choices(_ rollout: RolloutState) -> String {
        let repaired = rollout.failure?.code == .stableHurt ? " (once stable is repaired)" : ""
        let skip = "`slipway promote --skip-gate --reason …` goes on without this question"
        return
            "going back would not undo the migration. Forward: `slipway retry` asks again\(repaired), \(skip). "
            + "Back: `slipway abort --accept`"
    }

    /// Goes forward from a crossroads: what failed is tried once more.
    package mutating func goForward(now: Moment, by: String, events: inout [Event]) -> String? {
        guard var rollout, rollout.crossroads != nil else { return "\(service) stands at no crossroads" }
        // A person's word: a migration that failed may run once more.
        if let run = rollout.migration, run.phase == .failed {
            rollout.migration = MigrationRun(attempt: run.attempt + 1, since: now)
        }
        leaveCrossroads(&rollout, now: now)
        rollout.enter(stage: rollout.stage, now: now)
        events.append(
            Event(
                .retryAsked, at: now.wall, deployment: rollout.deployment, service: service,
                release: rollout.to.number, text: rollout.currentStage?.text ?? "", by: by))
        self.rollout = rollout
        return nil
    }

    /// Nothing where it stands at none. Background gates are asked anew; what one said that compares with a baseline
    /// stands when that has left.
    func leaveCrossroads(_ rollout: inout RolloutState, now: Moment) {
        guard rollout.crossroads != nil else { return }
        rollout.crossroads = nil
        rollout.failure = nil
        let hasBaseline = rollout.needsBaseline
        rollout.background.removeAll { run in
            hasBaseline || run.hasFailed || rollout.plan.gate(run.gate)?.question.needsBaseline != true
        }
    }

    /// What keeps a person from going on without the question that failed; nil: nothing.
    func objectionToSkip(_ rollout: RolloutState, _ reason: String?) -> String? {
        let ways = "`slipway retry` goes forward, `slipway abort --accept` back"
        if reason == nil { return "\(service) failed after its migration; \(ways)" }
        if rollout.hasFailedQuestion { return nil }
        return "\(service) failed after its migration, and not at a gate that could be skipped; \(ways)"
    }

    /// A person has taken the background gates upon themselves: what they said is forgotten, they are asked no more.
    func skipBackground(_ rollout: inout RolloutState, now: Moment) {
        leaveCrossroads(&rollout, now: now)
        rollout.background = []
        rollout.isBackgroundSkipped = true
    }

    // MARK: An unknown outcome

    /// A person says what became of a migration that nobody can tell of. Journaled with who and why.
    /// - Returns: nil, or why it cannot be done.
    package mutating func answerMigration(
        _ word: MigrationWord, reason: String, now: Moment, by: String, events: inout [Event]
    ) -> String? {
        guard var rollout, let run = rollout.migration, run.phase == .unknown, let facts = rollout.plan.migration else {
            return "no migration of \(service) waits for a word"
        }
        if word == .again, rollout.phase != .advancing {
            return "the rollout of \(service) goes back: its migration is not run again; say --done or --failed"
        }
        var next = run
        next.since = now
        switch word {
        case .done:
            next.phase = .done
            apply(facts, rollout.to.number)
        case .failed:
            next.phase = .failed
            let failure = RolloutFailure(.migration, "the migration failed, as \(by) says: \(reason)")
            if rollout.phase == .advancing { rollout.fail(failure) }
        case .again: next = MigrationRun(attempt: run.attempt + 1, since: now)
        }
        rollout.migration = next
        events.append(
            Event(
                .migrationAnswered, at: now.wall, deployment: rollout.deployment, service: service,
                release: rollout.to.number, number: run.attempt,
                text: "schema \(facts.schema), \(word.rawValue): \(reason)", by: by))
        self.rollout = rollout
        return nil
    }
}
