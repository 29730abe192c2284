import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// Lines 2, 3 and 7: what is asked of the runtime keeps the service able to serve, and to go back.
extension Referee {
    func check(
        _ wish: RuntimeWish, _ place: Int, _ fence: UInt64, _ moment: Moment, _ journal: SimulatedJournal
    ) {
        let account = accounts[place]
        if wish.fence != fence { fail(6, "a wish for \(wish.service) under fence \(wish.fence), not \(fence)") }
        if let last = account.runs.last, last.fence == wish.fence {
            if wish.generation < last.generation { fail(6, "a wish's generation went back") }
            if wish.generation == last.generation, wish != last { fail(7, "one generation, two wishes") }
            if wish == last { return }
        }
        checkMigrated(wish, account)
        for set in wish.sets {
            if set.count <= 0 { fail(2, "\(set.count) instances of \(wish.service)@\(set.release)") }
            if !journal.holds(.release, wish.environment, "\(wish.service)@\(set.release.origin)") {
                fail(9, "\(wish.service)@\(set.release) is to run and is not in the journal")
            }
        }
        let counts = wish.sets.map { SetWish(release: $0.release, count: $0.count) }
        if account.record?.sets != counts { fail(9, "instances of \(wish.service) other than what was written") }
        checkBounds(wish, account)
        checkCapacity(wish, account)
        checkReserve(wish, account, moment)
        checkEmptied(wish, account)
        checkKept(wish, account)
        checkBaseline(wish, account)
        account.runs.append(wish)
        if account.runs.count > 12 { account.runs.removeFirst(4) }
    }

    /// Between what a runtime that scales by itself may move.
    private func checkBounds(_ wish: RuntimeWish, _ account: ServiceAccount) {
        for set in wish.sets {
            guard let bounds = set.bounds else { continue }
            if !(bounds.min...bounds.max).contains(set.count) {
                fail(2, "\(set.count) instances of \(wish.service)@\(set.release), which is outside of its bounds")
            }
            if account.record?.rollout != nil, bounds.min < set.count {
                fail(2, "\(wish.service)@\(set.release) may shrink in a rollout")
            }
            if account.record?.hand != nil { fail(2, "\(wish.service)@\(set.release) may move, with a count by hand") }
        }
    }

    private func checkCapacity(_ wish: RuntimeWish, _ account: ServiceAccount) {
        guard !account.isDown, let last = account.runs.last else { return }
        let floor: Int
        let releases: [ReleaseNumber]
        if let trial = account.trial {
            guard let from = trial.from else { return }
            floor = trial.floor(at: now)
            releases = [from.number, trial.to.number]
        } else if let stable = account.stable {
            floor = stable.replicas
            releases = [stable.number]
        } else {
            return
        }
        var before = 0
        var after = 0
        var standing = 0
        for release in releases {
            let ready = account.ready(release)
            before += min(ServiceAccount.count(last, release), ready)
            after += min(ServiceAccount.count(wish, release), ready)
            standing += ServiceAccount.count(wish, release)
        }
        if after < min(floor, before) {
            fail(2, "\(wish.service): ready capacity from \(before) to \(after), \(floor) are needed")
        }
        if let trial = account.trial, trial.isRolling, trial.phase == .advancing, standing > trial.ceiling {
            fail(2, "\(wish.service): \(standing) instances, at most \(trial.ceiling) were allowed")
        }
    }

    /// The last good release stays: until the commit, and then for its delay.
    private func checkReserve(_ wish: RuntimeWish, _ account: ServiceAccount, _ moment: Moment) {
        guard !account.isDown else { return }
        if let trial = account.trial, let from = trial.from {
            if ServiceAccount.count(wish, from.number) < trial.reserve, trial.phase != .reverted {
                fail(7, "\(wish.service)@\(from.number) is not reachable any more, and nothing is committed")
            }
            return
        }
        guard account.trial == nil, let warm = account.warm else { return }
        let count = ServiceAccount.count(wish, warm.release.number)
        let had = account.runs.last.map { ServiceAccount.count($0, warm.release.number) } ?? 0
        if moment.since(warm.since) < warm.delay, count < min(had, warm.replicas) {
            fail(7, "\(wish.service)@\(warm.release.number) is cold before its delay is over")
        } else if count < min(warm.keep, warm.replicas) {
            fail(7, "\(wish.service)@\(warm.release.number) was to be kept warm")
        }
    }

    /// A release that gets no instance any more gets no traffic any more, as far as the router has told.
    private func checkEmptied(_ wish: RuntimeWish, _ account: ServiceAccount) {
        guard account.isRouted, let last = account.runs.last else { return }
        for set in last.sets where ServiceAccount.count(wish, set.release) == 0 {
            guard let router = account.lastRouter else { continue }
            let weight = router.targets.first { $0.release == set.release }?.weight ?? .none
            if let trial = account.trial, trial.isRecreate {
                if trial.from?.number == set.release, trial.phase == .advancing, !router.isHolding {
                    fail(3, "\(wish.service)@\(set.release) stops while requests are not held")
                }
            } else if weight != .none, !isLetGoByRolling(account) {
                fail(3, "\(wish.service)@\(set.release) stops with \(weight) of traffic")
            }
        }
    }

    /// What is held for inspection stays, until a person says otherwise.
    private func checkKept(_ wish: RuntimeWish, _ account: ServiceAccount) {
        guard let trial = account.trial, trial.phase == .held, !trial.isRetried, let last = account.runs.last else {
            return
        }
        let before = ServiceAccount.count(last, trial.to.number)
        let after = ServiceAccount.count(wish, trial.to.number)
        // What was decided in the very turn of the failure still went forward.
        if after < before, trial.revertStarted != now {
            fail(4, "\(wish.service)@\(trial.to.number) is held for inspection, and goes from \(before) to \(after)")
        }
    }

    /// Rolling drains what it lets go. What was decided in the very turn of the failure still went forward.
    private func isLetGoByRolling(_ account: ServiceAccount) -> Bool {
        guard let trial = account.trial, trial.isRolling else { return false }
        return trial.phase != .reverting || trial.revertStarted == now
    }

    // MARK: The truth

    /// An instance is let go: it must be free.
    func letGo(_ place: Int, _ instance: SimulatedInstance) {
        let name = accounts[place].name
        if instance.isInTable { fail(3, "instance \(instance.id) of \(name) is let go and still gets requests") }
        if instance.busyUntil > now { fail(3, "instance \(instance.id) of \(name) is let go with requests in flight") }
    }

    /// An instance starts: with recreate, nothing of the other release may be there.
    func started(_ place: Int, _ release: Int) {
        guard let trial = accounts[place].trial, trial.isRecreate else { return }
        let to = trial.to.number.value
        // A release that was kept warm since before, beside stable, is neither of the two.
        for instance in services[place].instances
        where instance.release != release && (release == to || instance.release == to) {
            fail(2, "\(accounts[place].name)@\(release) starts while @\(instance.release) runs, and only one may")
        }
    }
}
