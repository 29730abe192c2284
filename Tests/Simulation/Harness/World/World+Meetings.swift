import Deployments
import Domain
import Engine
import Ports
import Rollouts

/// Things that happen just when they are least wanted: a person who changes the mind while instances are leaving and
/// nobody has told so yet, one who goes back in the moment in which the old release cools down, load that comes while
/// a gate looks. By chance alone such meetings are too rare to be seen in a few thousand worlds.
extension World {
    /// What the engine says may be what somebody has waited for.
    func meet(_ effect: Effect) {
        guard hasMeetings, !isCalm, people.actions > 0 else { return }
        switch effect {
        case .run(let wish):
            guard let place = place(wish.environment, wish.service) else { return }
            let service = services[place]
            for set in service.wished {
                let count = wish.sets.first { $0.release == set.release }?.count ?? 0
                if count < set.count { leaves(set.release, service) }
            }
        case .look(let look):
            guard let place = place(look.key.environment, look.key.service), services[place].metric != nil else {
                return
            }
            // Early, so that there is time left for what follows from it.
            let isFirst = look.key.look == 1
            if meetings.chance(isFirst ? 7_000 : 1_000) { plan(.rush(service: place), in: meetings.delay(0, 500)) }
        case .route, .forget, .letGo, .mark, .migrate: break
        }
    }

    private func leaves(_ release: ReleaseNumber, _ service: SimulatedService) {
        let isTried = referee.accounts[service.place].trial != nil
        guard meetings.chance(isTried ? 500 : 4_000) else { return }
        if isTried {
            ask(.abort(reason: "now!", accept: true), service.environment, in: meetings.delay(0, 30))
        } else if let order = again(release, service) {
            ask(.deploy(order), service.environment, in: meetings.delay(0, 30))
        }
        // Whoever is impatient asks twice: the engine turns once more before anything new is known.
        if meetings.chance(7_000) { ask(.resume(nil), service.environment, in: meetings.delay(0, 60)) }
    }

    /// One release that stood, once more: as a way back, or on probation like any other.
    private func again(_ release: ReleaseNumber, _ service: SimulatedService) -> DeployOrder? {
        let stood = people.stood[service.environment].lazy.joined()
        guard let entry = stood.first(where: { $0.service == service.name && $0.release.number == release }) else {
            return nil
        }
        var gates: [GateSpec] = []
        let strategy = meetings.strategy(isRouted: entry.release.isRouted, &gates)
        if strategy.minReady > .zero { service.countsReadiness = true }
        let item = OrderItem(
            service: entry.service, wave: 0, release: .existing(entry.release), strategy: strategy, gates: gates)
        let kind = meetings.chance(3_000) ? DeploymentKind.rollback : .deploy
        return DeployOrder(kind: kind, reason: "as it was", items: [item], accept: meetings.chance(6_000))
    }

    /// All of it at once.
    func rush(_ place: Int) {
        guard !isCalm else { return }
        let service = services[place]
        service.load = min(service.load * meetings.pick([3, 6]), 8_000)
        tell("the load of \(service.name) is \(service.load) all of a sudden")
    }
}
