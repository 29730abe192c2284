import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// Line 7 for what is exclusive: no migration of one schema mark is started twice without a person's word, nothing of a
/// release runs before its migration, and nothing goes back across one without a word either.
extension Referee {
    /// The engine says that one is to be started.
    func check(_ order: MigrationEffect) {
        guard case .start = order.action, let place = place(order.key.environment, order.key.service) else { return }
        let account = accounts[place]
        let run = account.record?.rollout?.migration
        if account.record?.rollout?.deployment != order.key.deployment || run?.attempt != order.key.attempt
            || run?.phase != .started
        {
            fail(9, "a migration of \(account.name) is started before that is written")
        }
        if !account.migrationsSaid.insert(order.key).inserted {
            fail(7, "the start of a migration of \(account.name) is said twice")
        }
    }

    /// One really starts.
    func migrationStarts(_ place: Int, _ key: MigrationKey) {
        let account = accounts[place]
        guard let trial = account.trial, trial.deployment == key.deployment, let mark = trial.to.migration?.schema
        else {
            return fail(7, "a migration of \(account.name) starts for a rollout that is not under way")
        }
        if account.schemas.contains(mark) { fail(7, "\(account.name) is migrated to \(mark) again") }
        account.migrationStarts += 1
        if account.migrationStarts > account.migrationWords {
            fail(7, "\(account.name) is migrated to \(mark) a second time, and nobody asked for it")
        }
    }

    /// The deployment itself is a person's word for one start.
    func migrationsBegin(_ active: DeploymentState, _ environment: EnvironmentAccount) {
        for item in active.items {
            guard let place = place(environment.id, item.service) else { continue }
            accounts[place].migrationStarts = 0
            accounts[place].migrationWords = 1
        }
        environment.hasAccepted = false
    }

    func migrationEvent(_ event: Event, _ place: Int) {
        let account = accounts[place]
        switch event.kind {
        case .migrationEnded:
            let hasEnded = services[place].migrations.contains { migration in
                migration.key.deployment == event.deployment && migration.state == .exited(0)
            }
            if !hasEnded { fail(7, "a migration of \(account.name) is taken as done, and it has not ended well") }
            reached(account)
        case .migrationAnswered:
            if event.by.isEmpty { fail(9, "nobody said what became of a migration") }
            if event.text.contains(", done:") { reached(account) }
            if event.text.contains(", again:") { account.migrationWords += 1 }
        case .retryAsked:
            guard event.text != "revert", event.text != "the way back to stable" else { return }
            account.migrationWords += 1
            account.trial?.hasFailed = false
        // A person takes a failed question upon themselves, and the release is not to blame for it any more.
        case .gateSkipped: account.trial?.hasFailed = false
        case .stageStarted: checkVerified(event, account)
        case .reverted:
            let isRunning = services[place].migrations.contains { !$0.isOver }
            if isRunning { fail(3, "\(account.name) has gone back, and its migration still runs") }
        case .other, .deploymentStarted, .deploymentFailed, .preflightSkipped, .hookStarted, .hookEnded, .approved,
            .rejected, .approvalExpired, .rolloutStarted, .weightMoved, .gateStarted, .gatePassed, .gateFailed,
            .holdEnded, .arrived, .committed, .revertStarted, .deploymentReverted,
            .needsPerson, .reminder, .paused, .resumed, .promoteAsked, .abortAsked, .quarantined, .quarantineLifted,
            .scaledDown, .downAsked, .down, .supervisorStarted, .lookFailed, .migrationStarted, .migrationFailed,
            .atCrossroads, .heldForInspection, .trialRestarted, .scaled, .scaleAsked, .instanceEnded,
            .instanceRecovered, .watchStarted, .watchPassed, .watchFailed, .watchEnded, .takenBack, .baselineStarted,
            .baselineEnded:
            break
        }
    }

    private func reached(_ account: ServiceAccount) {
        guard let mark = account.trial?.to.migration?.schema else { return }
        account.schemas.insert(mark)
        account.trial?.hasMigrated = true
    }

    /// After its verification stable is whole, as far as the engine was told.
    private func checkVerified(_ event: Event, _ account: ServiceAccount) {
        guard let trial = account.trial, let from = trial.from, let facts = trial.to.migration, trial.hasMigrated,
            event.number == 2, !trial.isRecreate || facts.isCompatible
        else { return }
        if account.ready(from.number, for: facts.verify) < from.replicas {
            fail(3, "\(account.name) goes on after its migration, and stable is not whole")
        }
    }

    /// Nothing of a release runs before its data is there.
    func checkMigrated(_ wish: RuntimeWish, _ account: ServiceAccount) {
        guard let trial = account.trial, let mark = trial.to.migration?.schema, !account.schemas.contains(mark),
            trial.phase == .advancing || trial.phase == .arrived, trial.to.number != trial.from?.number
        else { return }
        if ServiceAccount.count(wish, trial.to.number) > 0 {
            fail(7, "\(account.name)@\(trial.to.number) runs before its migration")
        }
    }

    /// What has left stable behind goes back only when a person has taken that upon themselves.
    func checkCrossing(_ environment: EnvironmentAccount) {
        guard let active = environment.active, !environment.hasAccepted else { return }
        for item in active.items where item.from != nil {
            guard let place = place(environment.id, item.service), let trial = accounts[place].trial,
                trial.deployment == active.number, trial.hasMigrated, trial.to.migration?.isCompatible == false
            else { continue }
            fail(3, "\(item.service) goes back across its migration by itself")
        }
    }
}
