import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// A release that was promoted and is looked after, as the journal tells of it.
struct WatchAccount {
    var deployment: DeploymentNumber
    var release: ReleaseFacts
    var spec: WatchSpec
    var gates: [GateSpec]
    var since: Moment
    /// The same, in the world's own time.
    var seen: Int64
    var looks: [Int: RunAccount] = [:]
    var passed: [GateName] = []
    /// When the journal told of its failure; -1: never.
    var failed: Int64 = -1
    var isReverting = false
    var isWaiting = false

    mutating func orphanLooks() {
        for run in looks.keys { looks[run]?.isOrphan = true }
    }
}

/// After the commit: a release that fails its watch goes, once, with all of its deployment, into quarantine, and never
/// across a migration; and none goes that did not fail.
extension Referee {
    func watchBegins(
        _ account: ServiceAccount, _ trial: TrialAccount, _ active: DeploymentState, _ moment: Moment
    ) {
        let hasCrossed = trial.hasMigrated && trial.to.migration?.isCompatible == false
        account.crossed = hasCrossed ? active.number : nil
        // What failed is remembered until the story of its way back is told.
        if active.takesBack != nil { return }
        account.watch = nil
        guard let spec = trial.strategy.watch, !trial.isReturn else { return }
        if account.record?.watch == nil { fail(5, "\(account.name)@\(trial.to.number) is promoted and not watched") }
        let gates = trial.gates.filter { gate in
            guard spec.gates.contains(gate.name) else { return false }
            return !gate.question.needsTraffic || trial.from != nil
        }
        account.watch = WatchAccount(
            deployment: active.number, release: trial.to, spec: spec, gates: gates, since: moment, seen: now)
    }

    func watchEvent(_ event: Event, _ environment: EnvironmentAccount, _ moment: Moment) {
        if event.kind == .takenBack { return takenBack(event, environment) }
        guard let name = event.service, let place = place(environment.id, name) else { return }
        let account = accounts[place]
        guard let watch = account.watch, watch.deployment == event.deployment else {
            return fail(9, "\(event.kind) of \(name), which is not watched")
        }
        switch event.kind {
        case .watchPassed: passed(watch, account, moment)
        case .watchFailed:
            if watch.failed >= 0 { fail(4, "\(name) fails its watch twice") }
            if !hasReason(watch, account) { fail(5, "\(name) fails its watch, and nothing was wrong with it") }
            account.watch?.failed = now
        case .watchEnded:
            if event.by.isEmpty || event.by == "slipway" || environment.watchWordsAsked == 0 {
                fail(4, "the watch of \(name) is ended by nobody")
            }
            account.watch = nil
        case _: break
        }
    }

    private func passed(_ watch: WatchAccount, _ account: ServiceAccount, _ moment: Moment) {
        if watch.failed >= 0 { fail(5, "\(account.name) failed its watch and has stood it") }
        // A clock that jumps over a reboot may make it shorter; one of the clocks must agree.
        let spent = max(moment.since(watch.since), .milliseconds(now - watch.seen))
        if spent < watch.spec.span { fail(4, "\(account.name) was watched for \(spent), not for \(watch.spec.span)") }
        for gate in watch.gates where !watch.passed.contains(gate.name) && !gate.schedule.isDryRun {
            fail(5, "\(account.name) has stood its watch without a pass of gate \(gate.name)")
        }
        for run in watch.looks.values
        where run.failures > run.gate.schedule.failureLimit && !run.gate.schedule.isDryRun {
            fail(5, "\(account.name) has stood its watch, and gate \(run.gate.name) failed in it")
        }
        account.watch = nil
    }

    /// Anything that speaks against it: a look that did not pass, an instance that failed, as the engine was told.
    private func hasReason(_ watch: WatchAccount, _ account: ServiceAccount) -> Bool {
        // A dry run is no reason, whatever it said.
        let dry = Set(watch.gates.filter(\.schedule.isDryRun).map(\.name))
        for run in watch.looks.values where !run.gate.schedule.isDryRun {
            if run.failures + run.lateFailures + run.unanswered > 0 || !run.isAnswered || run.isOrphan { return true }
        }
        // Written, and then its supervisor died: nobody took that look, and nobody knows.
        for run in account.record?.watch?.runs ?? []
        where !dry.contains(run.gate) && run.errorsInRow > 0 && run.look > watch.looks[run.id]?.look ?? 0 {
            return true
        }
        guard let runtime = account.runtime else { return false }
        for set in runtime.sets where set.release == watch.release.number {
            if case .failed = set.state { return true }
        }
        return runtime.instances.contains { $0.release == watch.release.number && $0.phase == .failed }
    }

    // MARK: Looks

    func checkWatched(_ look: LookEffect, _ account: ServiceAccount, _ moment: Moment) {
        guard let watch = account.watch, watch.deployment == look.key.deployment,
            watch.release.number == look.release, watch.gates.contains(look.gate)
        else { return fail(5, "a look at \(account.name)@\(look.release) that no watch asks for") }
        if watch.failed >= 0 { fail(5, "\(account.name) has failed its watch and is asked again") }
        if let run = watch.looks[look.key.run] {
            if look.key.look < run.look { fail(5, "looks go back") }
            checkRhythm(look, run, moment)
        }
        var run = watch.looks[look.key.run] ?? RunAccount(gate: look.gate, asked: moment)
        if !run.isAnswered { run.unanswered += 1 }
        run.countUndecided(moment)
        run.look = look.key.look
        run.asked = moment
        run.seen = now
        run.isAnswered = false
        run.isOrphan = false
        account.watch?.looks[look.key.run] = run
        let written = account.record?.watch?.runs.contains { gate in
            gate.id == look.key.run && gate.look == look.key.look && gate.isLooking
        }
        if written != true { fail(9, "look \(look.key.look) of gate \(look.gate.name) is taken before it is written") }
    }

    func heardWatched(_ place: Int, _ looks: [LookView], _ moment: Moment) {
        guard let watch = accounts[place].watch else { return }
        for view in looks {
            guard let result = view.result, var run = watch.looks[view.run], run.look == view.look, !run.isAnswered
            else {
                continue
            }
            run.isAnswered = true
            run.wasInconclusive = result.verdict == .inconclusive
            let isLate = moment.since(run.asked) >= run.gate.schedule.timeout + .seconds(5)
            if run.gate.question.needsTraffic, run.isOrphan { continue }
            run.count(result.verdict, isLate: isLate)
            if result.verdict == .inconclusive || result.verdict == .error { run.unanswered += 1 }
            if isLate { run.unanswered += 1 }
            accounts[place].watch?.looks[view.run] = run
            guard run.isPassed else { continue }
            accounts[place].watch?.passed.append(run.gate.name)
            accounts[place].watch?.looks[view.run]?.startOver()
        }
    }

    // MARK: Back

    /// Any deployment ends watches; one that takes back has its reason in the same turn, and none is taken back twice.
    func checkTakingBack(_ active: DeploymentState, _ environment: EnvironmentAccount) {
        let own = accounts.indices.filter { services[$0].environmentID == environment.id }.map { accounts[$0] }
        guard active.kind == .revert else {
            for account in own where account.watch != nil {
                fail(4, "deployment \(active.number) begins while \(account.name) is watched")
            }
            environment.watched = nil
            return
        }
        guard let number = active.takesBack, number == environment.watched else {
            return fail(3, "deployment \(active.number) takes back what is not watched")
        }
        environment.watched = nil
        if !environment.takenBack.insert(number.value).inserted { fail(8, "\(number) is taken back twice") }
        let culprits = own.filter { $0.watch?.failed == now && $0.watch?.spec.onFailure == .revert }
        let isAsked = active.by != "slipway" && environment.abortsAsked > 0
        if culprits.isEmpty, !isAsked { fail(5, "\(number) is taken back, and nothing of it failed") }
        for account in own where account.crossed == number && !environment.hasAccepted {
            if active.items.contains(where: { $0.service == account.name }) {
                fail(3, "\(account.name) is taken back across its migration by itself")
            }
        }
        checkSet(active, own)
        checkWaves(active, environment)
        for account in own {
            if account.watch?.failed == now { account.watch?.isReverting = true } else { account.watch = nil }
        }
    }

    /// It brings back what it is to bring back: to releases before, everything in the reverse order.
    private func checkSet(_ active: DeploymentState, _ own: [ServiceAccount]) {
        for item in active.items {
            guard let account = own.first(where: { $0.name == item.service }) else { continue }
            if item.to.number == account.stable?.number, !account.isDown {
                fail(3, "\(item.service)@\(item.to.number) is to come back, and stands")
            }
        }
        for account in own where account.watch?.failed == now {
            let isGone = active.removals.contains(account.name)
            if !isGone, !active.items.contains(where: { $0.service == account.name }) {
                fail(3, "\(account.name) failed its watch, and stays")
            }
        }
    }

    /// What came later goes back earlier.
    private func checkWaves(_ active: DeploymentState, _ environment: EnvironmentAccount) {
        for one in environment.watchedItems {
            for other in environment.watchedItems where one.wave < other.wave {
                let first = active.items.first { $0.service == other.service }
                let second = active.items.first { $0.service == one.service }
                guard let first, let second, first.wave >= second.wave else { continue }
                fail(3, "\(one.service) goes back before \(other.service) of a later wave, after its commit")
            }
        }
    }

    private func takenBack(_ event: Event, _ environment: EnvironmentAccount) {
        guard let number = event.deployment, environment.takenBack.contains(number.value) else {
            return fail(9, "a deployment is said to be taken back that never was")
        }
        for (place, account) in accounts.enumerated() where services[place].environmentID == environment.id {
            guard let watch = account.watch else { continue }
            if account.stable?.number == watch.release.number, !account.isDown {
                fail(3, "\(account.name)@\(watch.release.number) failed its watch and stands still")
            }
            account.watch = nil
        }
    }

    /// What failed is followed by its way back, or by a question to a person, in the very turn.
    func checkWatchesEnd(_ environment: EnvironmentAccount) {
        for (place, account) in accounts.enumerated() where services[place].environmentID == environment.id {
            guard let watch = account.watch, watch.failed >= 0 else { continue }
            if !watch.isReverting, !watch.isWaiting {
                fail(4, "\(account.name)@\(watch.release.number) failed its watch, and nothing follows from it")
            }
            if watch.isWaiting { continue }
            if environment.active == nil {
                fail(4, "\(account.name)@\(watch.release.number) was to be taken back, and nothing goes on")
            }
            let isBlamed = account.record?.watch?.failure?.code != .undecided && watch.spec.onFailure == .revert
            let wasLifted = environment.liftsAsked.contains(watch.release.digest)
            if isBlamed, !wasLifted, !environment.quarantined.contains(watch.release.digest) {
                fail(8, "\(account.name)@\(watch.release.number) failed its watch and is not in quarantine")
            }
        }
    }
}
