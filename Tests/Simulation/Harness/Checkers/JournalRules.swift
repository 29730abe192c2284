import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// What becomes durable: lines 4, 6, 8 and 9, and the accounts that the other rules rest on.
extension Referee {
    func written(_ records: [DurableRecord], _ moment: Moment) {
        for record in records {
            guard let environment = account(of: record) else { continue }
            read(record, environment, moment)
        }
        for record in records {
            guard case .event(let event) = record.content, let environment = account(of: record) else { continue }
            happened(event, environment, moment)
        }
        for (state, old, place) in begun { checkMoves(state, old, accounts[place]) }
        begun = []
        for environment in environments { checkWatchesEnd(environment) }
    }

    private func account(of record: DurableRecord) -> EnvironmentAccount? {
        guard let id = record.environment else { return nil }
        return environments.first { $0.id == id }
    }

    private func read(_ record: DurableRecord, _ environment: EnvironmentAccount, _ moment: Moment) {
        switch record.content {
        case .service(let state):
            guard let place = place(environment.id, state.service) else { return }
            checkCounts(state, place)
            if state.rollout != nil, accounts[place].trial == nil {
                // It begins in this very turn: what it is to do is told by the records and events that follow.
                begun.append((state, accounts[place].record, place))
            } else {
                checkMoves(state, accounts[place].record, accounts[place])
            }
            checkPatience(state, accounts[place], moment)
            checkBaselineEnds(state)
            accounts[place].record = state
        case .deployment(let state):
            if environment.active == nil || environment.active?.number == state.number
                || environment.active?.phase.isOver == true
            {
                environment.active = state
            } else {
                fail(6, "deployment \(state.number) begins while \(environment.active?.number.value ?? 0) goes on")
            }
        case .quarantine(let entry):
            if entry.isLifted {
                if !environment.liftsAsked.contains(entry.digest) { fail(8, "a quarantine is lifted by nobody") }
                environment.quarantined.remove(entry.digest)
            } else {
                environment.quarantined.insert(entry.digest)
            }
        case .release(let facts):
            guard let at = record.key.firstIndex(of: "@"),
                let place = place(environment.id, ServiceName(String(record.key[..<at])))
            else { return fail(9, "a release under the key \(record.key)") }
            if let known = accounts[place].releases[facts.number.value], known != facts.digest {
                fail(9, "\(record.key) is written a second time, as another release")
            }
            accounts[place].releases[facts.number.value] = facts.digest
        case .event, .other: break
        }
    }

    private func happened(_ event: Event, _ environment: EnvironmentAccount, _ moment: Moment) {
        switch event.kind {
        case .deploymentStarted: deploymentStarted(event, environment)
        case .committed: committed(event, environment, moment)
        case .deploymentReverted: deploymentReverted(event, environment)
        case .downAsked where event.service != nil: removed(event, environment)
        case .downAsked:
            for (place, account) in accounts.enumerated()
            where services[place].environmentID == environment.id && account.stable != nil {
                if account.trial != nil { fail(6, "\(account.name) is taken down while it is rolled out") }
                account.isDown = true
                account.warm = nil
            }
        case .rolloutStarted, .arrived, .revertStarted, .reverted, .gateSkipped, .gateFailed, .promoteAsked,
            .scaledDown, .stageStarted, .heldForInspection, .trialRestarted, .retryAsked, .needsPerson, .migrationEnded,
            .migrationAnswered, .approved, .rejected, .approvalExpired:
            guard let name = event.service, let place = place(environment.id, name) else { return }
            rolloutEvent(event, accounts[place], environment, moment)
            migrationEvent(event, place)
        case .watchStarted, .watchPassed, .watchFailed, .watchEnded, .takenBack:
            watchEvent(event, environment, moment)
        case .abortAsked: if event.number == 1 { environment.hasAccepted = true }
        case .other, .deploymentFailed, .preflightSkipped, .hookStarted, .hookEnded, .weightMoved,
            .gateStarted, .gatePassed, .holdEnded, .reminder,
            .paused, .resumed, .quarantined, .quarantineLifted, .down, .supervisorStarted, .lookFailed,
            .migrationStarted, .migrationFailed, .atCrossroads, .scaled, .scaleAsked, .instanceEnded,
            .instanceRecovered, .baselineStarted, .baselineEnded:
            break
        }
    }

    private func deploymentStarted(_ event: Event, _ environment: EnvironmentAccount) {
        guard let number = event.deployment?.value, let active = environment.active else {
            return fail(9, "a deployment starts without its record")
        }
        if number <= environment.lastNumber { fail(6, "deployment numbers go back") }
        environment.lastNumber = number
        environment.isDisturbed = false
        checkTakingBack(active, environment)
        migrationsBegin(active, environment)
        guard active.number.value == number else { return }
        for item in active.items where environment.quarantined.contains(item.to.digest) {
            fail(8, "\(item.service)@\(item.to.number) is deployed, and it is in quarantine")
        }
    }

    private func begins(
        _ event: Event, _ account: ServiceAccount, _ environment: EnvironmentAccount, _ moment: Moment
    ) {
        if let trial = account.trial, trial.deployment == event.deployment || trial.phase != .reverted {
            return fail(6, "a second rollout of \(account.name) begins")
        }
        guard let active = environment.active,
            let item = active.items.first(where: { $0.service == account.name })
        else { return fail(9, "a rollout of \(account.name) begins without its deployment's record") }
        environment.begun += 1
        account.warm = nil
        // Load may let both grow in the very turn in which it begins.
        let begun = account.record?.rollout.flatMap { $0.deployment == active.number ? $0 : nil }
        account.trial = TrialAccount(
            deployment: active.number, from: begun?.from ?? item.from, to: begun?.to ?? item.to,
            strategy: item.plan.strategy, gates: item.plan.gates,
            isReturn: (active.kind == .rollback || active.kind == .revert) && item.from != nil, started: moment)
        if let from = item.from, from.number != account.stable?.number {
            fail(3, "\(account.name) goes from what is not stable")
        }
        account.isDown = false
    }

    private func rolloutEvent(
        _ event: Event, _ account: ServiceAccount, _ environment: EnvironmentAccount, _ moment: Moment
    ) {
        switch event.kind {
        case .rolloutStarted: begins(event, account, environment, moment)
        case .arrived: account.trial?.phase = .arrived
        case .revertStarted:
            account.trial?.phase = .reverting
            account.trial?.revertStarted = now
            checkTurn(account, environment)
            checkCrossing(environment)
        case .reverted: account.trial?.phase = .reverted
        case .gateFailed:
            account.trial?.hasFailed = true
            let name = GateName(String(event.text.prefix { $0 != ":" }))
            if account.trial?.isDryRun(name) == true { fail(5, "\(name) is a dry run, and stops a rollout") }
            if let rollout = account.record?.rollout, rollout.deployment == event.deployment,
                rollout.phase == .advancing, rollout.crossroads == nil
            {
                fail(5, "a gate of \(account.name)@\(rollout.to.number) failed, and its rollout goes on")
            }
        case .approved: approved(event, account, environment)
        case .rejected:
            if !environment.rejectionsAsked.contains(event.by) {
                fail(5, "\(event.by) is said to have rejected \(account.name)@\(account.trial?.to.number.value ?? 0)")
            }
            account.trial?.hasFailed = true
        case .approvalExpired: environment.isDisturbed = true
        case .gateSkipped:
            if environment.skipsAsked == 0 || event.by.isEmpty { fail(5, "a gate is skipped and nobody asked for it") }
            let gate = account.trial?.gates.first { event.text.hasPrefix("\($0.name):") }
            if case .approval(let spec)? = gate?.question, spec.by == .other, event.by == environment.active?.by {
                fail(5, "\(event.by) skips the approval of another user")
            }
            account.trial?.skipped.append(event.text)
        case .heldForInspection: held(account)
        case .retryAsked: account.trial?.isRetried = true
        case .needsPerson:
            if account.watch?.deployment == event.deployment { account.watch?.isWaiting = true }
            guard let trial = account.trial, trial.phase == .held, event.text.contains("stays for inspection") else {
                return
            }
            for target in account.router?.targets ?? [] where target.release == trial.to.number {
                if target.weight != .none {
                    fail(3, "\(account.name)@\(trial.to.number) is held and still gets traffic")
                }
            }
        case .trialRestarted:
            guard let trial = account.trial, trial.phase == .held, trial.isRetried else {
                return fail(4, "a trial of \(account.name) begins anew, and nobody asked for it")
            }
            account.trial?.startAnew(moment)
        case .promoteAsked: if event.text.hasPrefix("ends:") { account.trial?.holdsEnded += 1 }
        case .scaledDown: break
        case .other, .deploymentStarted, .stageStarted, .weightMoved, .gateStarted, .gatePassed, .holdEnded, .committed,
            .deploymentReverted, .deploymentFailed, .preflightSkipped, .hookStarted, .hookEnded, .reminder, .paused,
            .resumed, .abortAsked, .quarantined,
            .quarantineLifted, .downAsked, .down, .supervisorStarted, .lookFailed, .migrationStarted, .migrationEnded,
            .migrationFailed, .migrationAnswered, .atCrossroads, .scaled, .scaleAsked, .instanceEnded,
            .instanceRecovered, .watchStarted, .watchPassed, .watchFailed, .watchEnded, .takenBack,
            .baselineStarted, .baselineEnded:
            break
        }
    }

    /// Reverts go last wave first.
    private func checkTurn(_ account: ServiceAccount, _ environment: EnvironmentAccount) {
        guard let items = environment.active?.items, let own = items.first(where: { $0.service == account.name }) else {
            return
        }
        for item in items where item.wave > own.wave {
            guard let place = place(environment.id, item.service), let trial = accounts[place].trial else { continue }
            if trial.phase != .reverted { fail(3, "\(account.name) goes back before \(item.service) of a later wave") }
        }
    }

    private func committed(_ event: Event, _ environment: EnvironmentAccount, _ moment: Moment) {
        guard let active = environment.active, active.number == event.deployment else {
            return fail(9, "a commit without its record")
        }
        for item in active.items {
            guard let place = place(environment.id, item.service) else { continue }
            let account = accounts[place]
            guard let trial = account.trial, trial.deployment == active.number else {
                fail(5, "\(item.service) is committed and was never rolled out")
                continue
            }
            if trial.phase == .reverting || trial.phase == .reverted || trial.phase == .held {
                fail(5, "\(item.service) is committed, it went back")
            }
            checkPromotion(account, trial)
            checkServes(account, trial)
            account.stable = account.record?.stable?.number == item.to.number ? account.record?.stable : trial.to
            account.isDown = false
            account.isGone = false
            watchBegins(account, trial, active, moment)
            account.trial = nil
            account.warm = nil
            if active.takesBack == nil, let from = trial.from, from.number != item.to.number, trial.reserve > 0 {
                account.warm = (
                    from, moment, trial.strategy.scaleDownDelay, trial.strategy.keepWarm,
                    ServiceAccount.count(account.runs.last ?? .nothing(account.name), from.number)
                )
            }
            environment.committed += 1
        }
        environment.watched =
            accounts.indices.contains { place in
                services[place].environmentID == environment.id && accounts[place].watch?.deployment == active.number
            } ? active.number : nil
        environment.watchedItems = active.items
        for name in active.removals {
            guard let place = place(environment.id, name), accounts[place].stable != nil else { continue }
            if !accounts[place].isDown { fail(9, "\(name) goes with \(active.number), and no event tells of it") }
            accounts[place].isGone = true
        }
        environment.active = nil
    }

    /// A service goes with a deployment that is committed in the same turn, and was said to.
    private func removed(_ event: Event, _ environment: EnvironmentAccount) {
        guard let name = event.service, let place = place(environment.id, name) else { return }
        guard environment.active?.number == event.deployment, environment.active?.phase == .committed,
            environment.active?.removals.contains(name) == true
        else { return fail(6, "\(name) is taken down, and no committed deployment says so") }
        if accounts[place].trial != nil { fail(6, "\(name) is taken down while it is rolled out") }
        accounts[place].isDown = true
        accounts[place].warm = nil
    }

    private func held(_ account: ServiceAccount) {
        guard let trial = account.trial, trial.keepsFailure else {
            return fail(4, "\(account.name) is held after its failure, and nobody asked for that")
        }
        account.trial?.phase = .held
        account.trial?.wasHeld = true
        account.trial?.revertStarted = now
    }

    /// What is committed carries all traffic, as far as the engine was told.
    private func checkServes(_ account: ServiceAccount, _ trial: TrialAccount) {
        guard account.isRouted else { return }
        // After a restart nobody has told yet; what arrived had been seen before.
        guard let router = account.router else { return }
        for target in router.targets where target.weight != .none && target.release != trial.to.number {
            fail(5, "\(account.name) is committed while \(target.weight) of traffic goes elsewhere")
        }
    }

    private func deploymentReverted(_ event: Event, _ environment: EnvironmentAccount) {
        guard let active = environment.active, active.number == event.deployment else {
            return fail(9, "a revert without its record")
        }
        if let name = active.failedService, let place = place(environment.id, name), let trial = accounts[place].trial,
            trial.keepsFailure, !trial.wasHeld, !environment.isDisturbed
        {
            fail(4, "\(name) failed and went back, its failure was to be held")
        }
        for item in active.items {
            guard let place = place(environment.id, item.service) else { continue }
            let account = accounts[place]
            guard let trial = account.trial, trial.deployment == active.number else { continue }
            if trial.phase != .reverted { fail(3, "\(item.service) has not gone back, its deployment has") }
            if trial.hasFailed, !environment.quarantined.contains(trial.to.digest) {
                fail(8, "\(item.service)@\(trial.to.number) failed its gates and is not in quarantine")
            }
            if trial.from == nil, account.stable != nil { account.isDown = true }
            if let stable = account.record?.stable, stable.number == account.stable?.number {
                if let from = trial.from, stable.replicas < from.replicas {
                    fail(3, "\(account.name) went back to \(stable.replicas) of \(from.replicas)")
                }
                account.stable = stable
            }
            account.trial = nil
            environment.reverted += 1
        }
        environment.active = nil
    }
}

extension RuntimeWish {
    static func nothing(_ service: ServiceName) -> RuntimeWish {
        RuntimeWish(
            environment: EnvironmentID(project: "", name: ""), service: service, fence: 0, generation: 0, sets: [])
    }
}
