import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// Watches what is decided, written, said and done, and holds it against the design's section 4. It keeps accounts of
/// its own and calls none of Core's decisions; of Core it uses the records, since they are what is durable.
final class Referee {
    private(set) var violation: Violation?
    let accounts: [ServiceAccount]
    /// Services whose rollout begins in the turn that is read: as they are and as they were written, and their place.
    var begun: [(ServiceState, ServiceState?, Int)] = []
    let environments: [EnvironmentAccount]
    let services: [SimulatedService]
    var now: Int64 = 0
    var comparisons = 0

    init(environments: [EnvironmentID], services: [SimulatedService]) {
        self.environments = environments.map(EnvironmentAccount.init)
        self.services = services
        accounts = services.map { ServiceAccount(name: $0.name, isRouted: $0.isRouted) }
    }

    func fail(_ line: Int, _ words: @autoclosure () -> String) {
        guard violation == nil else { return }
        violation = Violation(line: line, words: words(), at: now)
    }

    func place(_ environment: EnvironmentID, _ name: ServiceName) -> Int? {
        services.firstIndex { $0.name == name && $0.environmentID == environment }
    }

    // MARK: What the engine is told

    func told(_ place: Int, _ view: RuntimeView) {
        accounts[place].newRuntime = view
        toldLoad(place, view)
    }

    func told(_ place: Int, _ view: RouterView) {
        accounts[place].newRouter = view
        toldLoad(place, view)
    }

    /// A turn in which the engine saw what its shell had been told.
    func seen() {
        for account in accounts {
            account.runtimeBefore = account.runtime
            account.routerBefore = account.router
            if let view = account.newRuntime {
                if view.version >= account.runtime?.version ?? 0 { account.runtime = view }
                account.newRuntime = nil
            }
            if let view = account.newRouter {
                if view.version >= account.router?.version ?? 0 {
                    account.router = view
                    account.lastRouter = view
                }
                account.newRouter = nil
            }
        }
    }

    /// The turn did not take hold, and the engine knows no more of what it saw in it; its shell still does.
    func unseen() {
        for account in accounts {
            account.newRuntime = account.newRuntime ?? account.runtime
            account.newRouter = account.newRouter ?? account.router
            account.runtime = account.runtimeBefore
            account.router = account.routerBefore
        }
    }

    func engineDied() {
        for account in accounts {
            account.runtime = nil
            account.router = nil
            account.newRuntime = nil
            account.newRouter = nil
            account.trial?.orphanLooks()
            account.watch?.orphanLooks()
        }
    }

    func rebooted() {
        for account in accounts {
            account.runs = []
        }
    }

    func asked(_ envelope: CommandEnvelope, _ environment: Int) {
        let account = environments[environment]
        switch envelope.command {
        case .promote(_, let skip):
            account.watchWordsAsked += 1
            if skip != nil { account.skipsAsked += 1 }
        case .liftQuarantine(let digest, _): account.liftsAsked.insert(digest)
        case .quarantine(_, _, let digest, _): account.quarantinesAsked.insert(digest)
        case .abort:
            account.isDisturbed = true
            account.abortsAsked += 1
        case .down:
            account.isDisturbed = true
            account.watchWordsAsked += 1
        case .approve(_, _, let isApproved, _):
            if isApproved {
                account.approvalsAsked.insert(envelope.by)
            } else {
                account.rejectionsAsked.insert(envelope.by)
                account.isDisturbed = true
            }
        case .deploy: account.watchWordsAsked += 1
        case .pause, .resume, .retry, .migrated, .scale: break
        }
    }

    // MARK: What it says

    func emitted(_ effect: Effect, _ fence: UInt64, _ moment: Moment, _ journal: SimulatedJournal) {
        switch effect {
        case .run(let wish):
            guard let place = place(wish.environment, wish.service) else {
                return fail(7, "a wish for \(wish.service), which nobody knows")
            }
            check(wish, place, fence, moment, journal)
        case .route(let wish):
            guard let place = place(wish.environment, wish.service) else {
                return fail(7, "a table for \(wish.service), which nobody knows")
            }
            check(wish, place, fence, moment)
        case .forget(let wish):
            guard let place = place(wish.environment, wish.service) else {
                return fail(7, "\(wish.service) is forgotten, which nobody knows")
            }
            check(wish, place, fence)
        case .letGo: break
        case .look(let look): check(look, moment)
        case .mark(let look): checkMark(look)
        case .migrate(let order): check(order)
        }
    }

    // MARK: A restart at any time

    /// What is durable is what the engine knows: a restart here would change nothing.
    func compare(_ loop: EngineLoop, _ journal: SimulatedJournal) {
        comparisons += 1
        do {
            let other = try EngineLoop(restoring: journal.latest, fence: loop.fence + 1)
            let known = loop.environments.filter { !$0.services.isEmpty || !$0.quarantine.isEmpty }
            let restored = other.environments.filter { !$0.services.isEmpty || !$0.quarantine.isEmpty }
            if known.count != restored.count { return fail(7, "a restart would lose an environment") }
            for (left, right) in zip(known, restored) {
                if left.deployment != right.deployment { fail(7, "a restart would change the deployment under way") }
                if left.watched != right.watched { fail(7, "a restart would change the deployment that is watched") }
                if left.nextDeployment != right.nextDeployment { fail(7, "a restart would change the next number") }
                if Set(left.quarantine) != Set(right.quarantine) { fail(8, "a restart would change the quarantine") }
                for (one, two) in zip(left.services, right.services) where one != two {
                    fail(7, "a restart would change \(one.service): \(one) became \(two)")
                }
                if left.services.count != right.services.count { fail(7, "a restart would lose a service") }
            }
        } catch {
            fail(7, "the engine does not start from its own journal: \(error)")
        }
    }
}
