import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// What scaling may do: between its bounds; up at any time; down only when the load has been low for all of the window
/// and nothing is being rolled out. The referee knows the load from the world itself.
extension Referee {
    /// Counts of instances as they are written. The accounts follow them, since capacity is measured by the count that
    /// stands.
    func checkCounts(_ record: ServiceState, _ place: Int) {
        let account = accounts[place]
        if let rollout = record.rollout, let trial = account.trial, trial.deployment == rollout.deployment {
            if let from = rollout.from, let before = trial.from {
                if from.replicas < before.replicas { fail(2, "\(account.name) shrinks its stable in a rollout") }
                account.trial?.from?.replicas = from.replicas
            }
            if rollout.to.replicas < trial.to.replicas { fail(2, "\(account.name) shrinks its trial") }
            account.trial?.to.replicas = rollout.to.replicas
        }
        for facts in [record.stable, record.rollout?.to] {
            guard let facts, let scale = facts.scale, !record.isDown else { continue }
            if facts.replicas < scale.min || facts.replicas > scale.max {
                fail(2, "\(account.name) runs \(facts.replicas), outside of \(scale.min) to \(scale.max)")
            }
        }
        checkStart(record, account, place)
        guard record.rollout == nil, account.trial == nil, let stable = record.stable, let before = account.stable,
            stable.number == before.number
        else { return }
        let isByLoad = record.hand == nil && account.record?.hand == nil
        if isByLoad, stable.replicas < before.replicas { checkShrinking(stable, place) }
        account.stable?.replicas = stable.replicas
    }

    /// A rollout begins with the count that stands, not with the one that was declared. The load may have taken some
    /// away just before.
    private func checkStart(_ record: ServiceState, _ account: ServiceAccount, _ place: Int) {
        guard let rollout = record.rollout, account.record?.rollout == nil, let scale = rollout.to.scale,
            let stable = account.record?.stable
        else { return }
        var standing = stable.replicas
        if let from = rollout.from, from.number == stable.number, from.replicas < standing {
            if record.hand == nil, account.record?.hand == nil { checkShrinking(from, place) }
            standing = from.replicas
        }
        if rollout.to.replicas < scale.clamp(standing) {
            fail(2, "\(account.name)@\(rollout.to.number) begins with \(rollout.to.replicas) of \(standing)")
        }
    }

    private func checkShrinking(_ stable: ReleaseFacts, _ place: Int) {
        let service = services[place]
        guard let scale = stable.scale else { return fail(2, "\(service.name) shrinks and does not scale") }
        let shrinks = "\(service.name) shrinks to \(stable.replicas), and"
        let account = accounts[place]
        // What the engine cannot have seen between two looks is left out.
        let blind = Self.blind(scale)
        if let most = mostTold(account, over: scale.down.milliseconds - blind, blind) {
            let wanted = service.needed(for: most, tolerance: scale.tolerance)
            if scale.clamp(wanted) > stable.replicas {
                fail(2, "\(shrinks) \(wanted) were needed within \(scale.down)")
            }
        }
        guard let last = account.loads.last else {
            return fail(2, "\(shrinks) its load was never measured")
        }
        if last.load == nil, now - last.since > blind {
            fail(2, "\(shrinks) nobody measures its load")
        }
    }

    /// Two looks and a half, of three in the shorter window, one to five seconds apart.
    private static func blind(_ scale: ScaleSpec) -> Int64 {
        let rhythm = min(5_000, max(1_000, min(scale.up.milliseconds, scale.down.milliseconds) / 3))
        return rhythm * 5 / 2
    }

    /// The greatest load that the engine was told of during the last while, and for so long that it had to see it.
    private func mostTold(_ account: ServiceAccount, over span: Int64, _ blind: Int64) -> Int64? {
        var most: Int64?
        var until = now
        for entry in account.loads.reversed() {
            if until <= now - span { break }
            if let load = entry.load, until - entry.since > blind { most = max(most ?? load, load) }
            until = entry.since
        }
        return most
    }

    /// The engine is told of the load with everything else.
    func toldLoad(_ place: Int, _ view: RouterView) {
        guard services[place].metric == .requests else { return }
        note(accounts[place], view.rate.map(Int64.init))
    }

    func toldLoad(_ place: Int, _ view: RuntimeView) {
        guard services[place].metric == .cpu else { return }
        let uses = view.instances.filter { $0.phase == .ready }.map(\.usage)
        let isMeasured = !uses.isEmpty && uses.allSatisfy { $0 != nil }
        note(accounts[place], isMeasured ? uses.reduce(0) { $0 + Int64($1?.cpu ?? 0) } : nil)
    }

    private func note(_ account: ServiceAccount, _ load: Int64?) {
        if account.loads.last.map({ $0.load == load }) == true { return }
        account.loads.append((load, now))
        if account.loads.count > 80 { account.loads.removeFirst(20) }
    }

    /// At rest the count is what the load asks for.
    func checkCount(_ account: ServiceAccount, _ service: SimulatedService) {
        guard let stable = account.stable, let scale = stable.scale, account.record?.hand == nil, !account.isDown else {
            return
        }
        // A release that keeps dying is measured by nobody, and what nobody measures stays as it is.
        guard service.ready(stable.number.value) == stable.replicas else { return }
        let load = service.load
        let needed = scale.clamp(Int((load + service.carries - 1) / service.carries))
        let goal = Int64(stable.replicas) * service.carries
        let isTolerated = abs(load - goal) * 100 <= goal * Int64(scale.tolerance)
        if stable.replicas != needed, !isTolerated {
            fail(4, "\(account.name) at rest runs \(stable.replicas), its load asks for \(needed)")
        }
    }
}
