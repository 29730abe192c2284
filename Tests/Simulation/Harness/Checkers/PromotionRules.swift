import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// Line 5: nothing goes on without its gates' passes, and no look is taken twice that may be taken once.
extension Referee {
    func check(_ look: LookEffect, _ moment: Moment) {
        guard let place = place(look.key.environment, look.key.service) else { return }
        let account = accounts[place]
        if account.trial == nil, account.watch != nil { return checkWatched(look, account, moment) }
        guard let trial = account.trial, trial.deployment == look.key.deployment else {
            return fail(5, "a look for a rollout that is not under way")
        }
        guard trial.to.number == look.release else { return fail(5, "a look at \(look.release), not the trial") }
        checkBaseline(look, account, trial)
        if trial.skipped.contains(where: { $0.hasPrefix("background gates:") }),
            trial.strategy.background.contains(look.gate.name)
        {
            fail(5, "gate \(look.gate.name) was skipped and is asked on")
        }
        if trial.spent.contains(look.key.run) {
            fail(5, "gate \(look.gate.name) goes on where it stood when the trial failed")
        }
        if let run = trial.looks[look.key.run] {
            if run.gate != look.gate { fail(5, "one run, two gates") }
            if look.key.look < run.look { fail(5, "looks go back") }
            checkRhythm(look, run, moment)
            if look.key.look > run.look, !run.isAnswered, !run.isOrphan,
                moment.since(run.asked) < look.gate.schedule.timeout
            {
                fail(5, "a second look of gate \(look.gate.name) while the first one is under way")
            }
        }
        var run = trial.looks[look.key.run] ?? RunAccount(gate: look.gate, asked: moment)
        run.countUndecided(moment)
        run.look = look.key.look
        run.asked = moment
        run.seen = now
        run.isAnswered = false
        run.isOrphan = false
        account.trial?.looks[look.key.run] = run
        let written = ([account.record?.rollout?.gate] + (account.record?.rollout?.background ?? [])).contains { gate in
            gate?.id == look.key.run && gate?.look == look.key.look && gate?.isLooking == true
        }
        if !written { fail(9, "look \(look.key.look) of gate \(look.gate.name) is taken before it is written") }
    }

    /// Looks keep their interval, and a gate that has failed is not asked again.
    func checkRhythm(_ look: LookEffect, _ run: RunAccount, _ moment: Moment) {
        guard look.key.look > run.look else { return }
        let schedule = look.gate.schedule
        // Across a reboot nobody knows how much time has passed but by the wall clock, and that may have been set.
        let real = Span.milliseconds(now - run.seen)
        let passed = moment.bootID == run.asked.bootID ? real : max(real, moment.since(run.asked))
        if passed < min(schedule.interval, .seconds(10)) {
            fail(5, "gate \(look.gate.name) is asked again after \(passed), its interval is \(schedule.interval)")
        }
        // A dry run fails nothing, and looks on.
        if schedule.isDryRun { return }
        if run.failures > schedule.failureLimit { fail(5, "gate \(look.gate.name) failed and is asked again") }
        checkEnd(run, moment)
    }

    /// A gate that extends looks on only for so long. One interval more may lie between the last look and its end.
    private func checkEnd(_ run: RunAccount, _ moment: Moment) {
        let schedule = run.gate.schedule
        guard schedule.onInconclusive == .extend else { return }
        var run = run
        run.countUndecided(moment)
        let slack = schedule.interval + schedule.timeout + .seconds(5)
        let limit = max(schedule.extendLimit, schedule.patience)
        if run.undecided > limit + slack {
            fail(5, "gate \(run.gate.name) looks on after \(run.undecided), \(limit) allowed")
        }
    }

    /// A gate with patience does not give up for want of an answer before its time, unless no look can say more.
    func checkPatience(_ state: ServiceState, _ account: ServiceAccount, _ moment: Moment) {
        guard let rollout = state.rollout, let trial = account.trial else { return }
        let known = [account.record?.rollout?.gate].compactMap { $0 } + (account.record?.rollout?.background ?? [])
        for run in [rollout.gate].compactMap({ $0 }) + rollout.background {
            let isHeld =
                rollout.isGateHeld && rollout.gate?.id == run.id && account.record?.rollout?.isGateHeld == false
            let isNew = known.contains { $0.id == run.id && !$0.hasFailed }
            guard isHeld || run.hasFailed && isNew, run.lastVerdict == .inconclusive,
                let gate = trial.gates.first(where: { $0.name == run.gate }), trial.looks[run.id]?.isSpent != true,
                moment.bootID == run.started.bootID
            else { continue }
            let spent = moment.since(run.started)
            if spent < gate.schedule.patience {
                fail(5, "gate \(run.gate) gives up after \(spent), it was to be patient for \(gate.schedule.patience)")
            }
        }
    }

    func checkMark(_ look: LookEffect) {
        guard let place = place(look.key.environment, look.key.service) else { return }
        let rollout = accounts[place].record?.rollout
        let watched = accounts[place].record?.watch?.runs ?? []
        let isWritten = ([rollout?.gate] + (rollout?.background ?? watched)).contains { $0?.id == look.key.run }
        if !isWritten { fail(9, "evidence of gate \(look.gate.name) begins before it is written") }
    }

    /// The gate starts to look.
    func lookTaken(_ look: LookEffect, isFirst: Bool) {
        let isExclusive: Bool
        switch look.gate.question {
        case .command: isExclusive = true
        case .smoke(let smoke): isExclusive = smoke.requests.contains { $0.method == "POST" }
        case .health, .threshold, .analysis, .webhook, .load, .metric, .comparison: isExclusive = false
        case .approval:
            isExclusive = false
            fail(5, "the approval \(look.gate.name) is looked at, and no person is asked")
        }
        if isExclusive, !isFirst { fail(7, "look \(look.key.look) of gate \(look.gate.name) is taken twice") }
    }

    /// The engine hears what looks said.
    func heard(_ place: Int, _ looks: [LookView], _ moment: Moment) {
        guard accounts[place].trial != nil else { return heardWatched(place, looks, moment) }
        for view in looks {
            guard let result = view.result, var run = accounts[place].trial?.looks[view.run], run.look == view.look,
                !run.isAnswered
            else { continue }
            run.isAnswered = true
            run.wasInconclusive = result.verdict == .inconclusive
            run.isSpent = run.isSpent || result.isLast
            // In a turn without news its time may have run out: what comes now is no answer any more.
            let rollout = accounts[place].record?.rollout
            let known = ([rollout?.gate] + (rollout?.background ?? [])).first { $0?.id == view.run } ?? nil
            if let known, known.look == view.look, !known.isLooking {
                accounts[place].trial?.looks[view.run] = run
                continue
            }
            // A late answer, or one about traffic under another supervisor, is no evidence any more.
            let isLate = moment.since(run.asked) >= run.gate.schedule.timeout + .seconds(5)
            if run.gate.question.needsTraffic, run.isOrphan { continue }
            run.count(result.verdict, isLate: isLate)
            accounts[place].trial?.looks[view.run] = run
            guard run.isPassed else { continue }
            accounts[place].trial?.passed.append(run.gate.name)
            accounts[place].trial?.looks[view.run]?.startOver()
        }
    }

    /// Whether a gate was answered well, or a person took it upon themselves.
    private func isDone(_ gate: GateName, _ trial: TrialAccount, isBackground: Bool = false) -> Bool {
        // What a dry run says stops nothing.
        if trial.passed.contains(gate) || trial.isDryRun(gate) { return true }
        return trial.skipped.contains { $0.hasPrefix(isBackground ? "background gates:" : "\(gate):") }
    }

    /// A person's yes is one that was given, and by somebody whose word counts.
    func approved(_ event: Event, _ account: ServiceAccount, _ environment: EnvironmentAccount) {
        guard let trial = account.trial, trial.deployment == event.deployment else {
            return fail(5, "an approval for a rollout that is not under way")
        }
        let name = GateName(String(event.text.prefix { $0 != ":" }))
        guard case .approval(let spec)? = trial.gates.first(where: { $0.name == name })?.question else {
            return fail(5, "\(name) is approved, and is no approval")
        }
        if !environment.approvalsAsked.contains(event.by) {
            fail(5, "\(name) is approved by \(event.by), who never said so")
        }
        if spec.by == .other, event.by == environment.active?.by {
            fail(5, "\(name) is approved by \(event.by), who asked for the deployment")
        }
        account.trial?.passed.append(name)
    }

    func checkPromotion(_ account: ServiceAccount, _ trial: TrialAccount) {
        guard !trial.isReturn else { return }
        let gates: [GateName]
        switch trial.strategy.kind {
        case .rolling(let spec): gates = spec.gates
        case .blueGreen(let spec): gates = spec.before + (trial.from == nil ? [] : spec.after)
        case .canary(let spec):
            gates = spec.steps.compactMap { step in
                if case .gate(let name) = step { name } else { nil }
            }
        case .recreate(let spec): gates = spec.gates
        }
        for gate in gates where isAsked(gate, trial) && !isDone(gate, trial) {
            fail(5, "\(account.name)@\(trial.to.number) is promoted without a pass of gate \(gate)")
        }
        for gate in trial.strategy.background where isAsked(gate, trial) {
            if !isDone(gate, trial, isBackground: true) {
                fail(5, "\(account.name)@\(trial.to.number) is promoted without a pass of background gate \(gate)")
            }
        }
    }

    /// The first release has no traffic to judge.
    private func isAsked(_ gate: GateName, _ trial: TrialAccount) -> Bool {
        guard trial.from == nil else { return true }
        return trial.gates.first { $0.name == gate }?.question.needsTraffic != true
    }

    /// Weight grows only as far as holds and gates have let it.
    func checkOrder(_ wish: RouteWish, _ account: ServiceAccount, _ moment: Moment) {
        guard let trial = account.trial, trial.phase == .advancing || trial.phase == .arrived else { return }
        let weight = ServiceAccount.weight(wish, trial.to.number)
        if weight > 0, account.trial?.weightSince[weight] == nil {
            account.trial?.weightSince[weight] = moment
            account.trial?.weightSeen[weight] = now
        }
        guard !trial.isReturn, trial.from != nil, weight > ServiceAccount.weight(account.route, trial.to.number) else {
            return
        }
        let allowed: Int
        switch trial.strategy.kind {
        case .rolling: return
        case .blueGreen(let spec):
            let isHeld = !spec.autoPromote && trial.holdsEnded == 0
            allowed = isHeld || spec.before.contains { !isDone($0, trial) } ? 0 : 100
        case .recreate(let spec): allowed = spec.gates.contains { !isDone($0, trial) } ? 0 : 100
        case .canary(let spec): allowed = self.allowed(spec, trial, moment)
        }
        if weight > allowed {
            fail(5, "\(weight)% for \(wish.service)@\(trial.to.number), \(allowed)% have been earned")
        }
    }

    private func allowed(_ spec: CanarySpec, _ trial: TrialAccount, _ moment: Moment) -> Int {
        var most = 0
        var last = 0
        var promotes = trial.holdsEnded
        for step in spec.steps {
            switch step {
            case .weight(let weight):
                last = weight.percent
                most = max(most, last)
            case .gate(let name): if !isDone(name, trial) { return most }
            case .holdUntilPromoted:
                if promotes == 0 { return most }
                promotes -= 1
            case .hold(let span):
                let since = last == 0 ? trial.started : trial.weightSince[last] ?? moment
                // A clock that jumps over a reboot may make it shorter or longer; one of the clocks must agree.
                let passed = max(moment.since(since), .milliseconds(now - (trial.weightSeen[last] ?? 0)))
                if passed < span {
                    if promotes == 0 { return most }
                    promotes -= 1
                }
            }
        }
        return 100
    }
}
