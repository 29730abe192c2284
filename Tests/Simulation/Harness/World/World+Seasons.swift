import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// The two halves of a world's time: a storm, then calm.
extension World {
    func begin() {
        startEngine()
        plan(.personActs, in: choices.delay(0, 1_000))
        plan(.personLooks, in: choices.delay(5_000, 60_000))
        for place in services.indices where services[place].metric != nil { planLoad(place) }
        for fault in Fault.allCases where fault.isSpontaneous { planSpontaneous(fault, 0) }
    }

    /// People ask, things go wrong.
    func storm() {
        var rounds = 0
        while people.actions > 0, referee.violation == nil, rounds < 100 {
            run(until: now + 60_000)
            rounds += 1
        }
        if referee.violation == nil { run(until: now + choices.delay(1_000, 60_000)) }
    }

    /// As the shell does every few seconds: a whole look at everything, and time for what follows from it.
    private func lookAtEverything() {
        for (place, service) in services.enumerated() {
            service.isRuntimeNew = true
            service.isRouterNew = true
            planLook(service, place, in: 10)
        }
        run(until: now + 30_000)
    }

    /// Nothing goes wrong any more: everything must come to its end, and then to rest.
    func calm() {
        isCalm = true
        faults = .none
        people.actions = 0
        // A turn without news was a gap for whoever measures, and a window begins anew after it.
        for service in services where service.metric != nil {
            service.isUnmeasured = false
            service.measuredSince = now
        }
        tell("--- calm ---")
        repairStable()
        let limit = now + 14 * 3_600_000 + (boot > 1 ? setBack : 0)
        while referee.violation == nil {
            if isSettled { break }
            if now >= limit {
                referee.now = now
                referee.fail(4, "not at rest after hours of calm: \(unrest)")
                return
            }
            run(until: now + 30_000)
        }
        guard referee.violation == nil else { return }
        lookAtEverything()
        guard referee.violation == nil else { return }
        referee.now = now
        referee.checkRest(self)
        guard referee.violation == nil else { return }
        // What was promoted since may be no better than what stood before.
        repairStable()
        lastDeploy(limit)
        guard referee.violation == nil else { return }
        lookAtEverything()
        guard referee.violation == nil else { return }
        referee.now = now
        referee.checkRest(self)
        quiet()
    }

    private func repairStable() {
        for (place, account) in referee.accounts.enumerated() {
            if let stable = account.stable { repair(place, stable.number.value) }
        }
    }

    /// Whether nothing is under way and the world is as it is wished for.
    var isSettled: Bool {
        guard let loop else { return false }
        if loop.environments.contains(where: { $0.deployment != nil }) { return false }
        // One that waits for a person gets a word before long.
        if loop.environments.contains(where: { $0.services.contains { $0.watch != nil } }) { return false }
        for service in services {
            if service.isRuntimeNew || service.instances.contains(where: { $0.phase != .ready && $0.phase != .failed })
            {
                return false
            }
        }
        for account in referee.accounts {
            if let warm = account.warm, moment.since(warm.since) < warm.delay { return false }
        }
        // A count that is to shrink waits for its window, one by hand for its end.
        let windows = longestWindow
        let isSeen = services.allSatisfy { $0.metric == nil || now - $0.measuredSince > windows }
        guard isSeen else { return false }
        // A count by hand that is to end has to end first, where anything stands that it counts.
        for account in referee.accounts where account.stable != nil && !account.isDown {
            if account.record?.hand?.span != nil { return false }
        }
        return now - lastEmission > windows
    }

    /// After so long without a word nothing more can follow from the load.
    private var longestWindow: Int64 {
        var longest: Int64 = 30_000
        for account in referee.accounts {
            guard let scale = account.stable?.scale else { continue }
            longest = max(longest, max(scale.up, scale.down).milliseconds + 20_000)
        }
        return longest
    }

    private var unrest: String {
        guard let loop else { return "the supervisor does not start" }
        for service in services {
            let phases = service.instances.map {
                "\($0.id)@\($0.release) \($0.phase.word)\($0.isStopping ? " stopping" : "")"
            }
            let table = service.table.map { text($0) } ?? "no table"
            tell("\(service.name): \(phases.joined(separator: ", ")); \(table)")
        }
        return loop.environments.map { environment in
            let services = environment.services.map { state in
                "\(state.service) \(state.rollout.map { "\($0.phase) \($0.currentStage?.text ?? "")" } ?? "stands")"
            }
            return "\(environment.id) \(environment.deployment.map { "\($0.number)" } ?? "idle"): "
                + services.joined(separator: ", ")
        }.joined(separator: "; ")
    }

    /// One more good deployment must get through: nothing is wedged.
    private func lastDeploy(_ limit: Int64) {
        for environment in environments.indices {
            let before = referee.environments[environment].committed
            lastEmission = now
            ask(.deploy(order(environment, quality: .good, all: true)), environment)
            run(until: now + 10_000)
            while referee.violation == nil, !isSettled, now < limit + 6 * 3_600_000 { run(until: now + 30_000) }
            guard referee.violation == nil else { return }
            referee.now = now
            if !isSettled { return referee.fail(4, "a good deployment does not come to its end: \(unrest)") }
            let account = referee.environments[environment]
            if account.committed == before, !account.isDisturbed {
                referee.fail(4, "a good deployment was not committed in calm")
            }
        }
    }

    /// A hundred turns more bring nothing new.
    private func quiet() {
        for _ in 0..<100 where referee.violation == nil {
            now += 1_000
            for (place, service) in services.enumerated() {
                hear(runtimeView(service), place)
                if service.table != nil { hear(routerView(service), place) }
            }
            let before = emitted
            takeTurn([])
            if emitted != before { referee.fail(4, "a world at rest is not left alone") }
        }
    }
}
