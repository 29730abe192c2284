import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// Line 4 and 7 at the end: in calm, what runs is what stands, and nothing is left over.
extension Referee {
    func checkRest(_ world: World) {
        for (place, account) in accounts.enumerated() {
            if account.trial != nil { fail(4, "a rollout of \(account.name) never ended") }
            if account.watch != nil { fail(4, "a watch of \(account.name) never ended") }
            let service = services[place]
            var expected: [Int: Int] = [:]
            if let stable = account.stable, !account.isDown {
                expected[stable.number.value] = stable.replicas
                if let warm = account.warm {
                    let kept = min(warm.keep, warm.replicas)
                    if kept > 0 { expected[warm.release.number.value] = kept }
                }
            }
            var found: [Int: Int] = [:]
            for instance in service.instances {
                found[instance.release, default: 0] += 1
                if instance.phase == .leaving { fail(4, "an instance of \(account.name) never leaves") }
            }
            if found != expected {
                fail(
                    7,
                    "\(account.name) at rest: runs \(found.sorted { $0.key < $1.key }), not \(expected.sorted { $0.key < $1.key })"
                )
            }
            if account.isGone, service.table != nil {
                fail(4, "\(account.name) is gone, and the router still knows it")
            }
            checkTable(service, account)
            checkCount(account, service)
        }
    }

    /// The router may forget what is gone: by its record, and in truth.
    func check(_ wish: ForgetWish, _ place: Int, _ fence: UInt64) {
        let account = accounts[place]
        if wish.fence != fence { fail(6, "\(wish.service) is forgotten under fence \(wish.fence), not \(fence)") }
        guard let record = account.record, record.isPruned, record.sets.isEmpty, record.weights.isEmpty,
            account.trial == nil, account.isGone
        else { return fail(3, "\(wish.service) is forgotten, and it is not gone") }
        if account.runtime?.instances.isEmpty != true {
            fail(3, "\(wish.service) is forgotten while instances of it may have requests")
        }
    }

    private func checkTable(_ service: SimulatedService, _ account: ServiceAccount) {
        guard account.isRouted, let table = service.table else { return }
        if table.hold != nil { fail(4, "requests for \(account.name) are held for ever") }
        guard let stable = account.stable, !account.isDown else {
            if !table.targets.isEmpty { fail(1, "\(account.name) is down and gets traffic") }
            return
        }
        guard table.targets.count == 1, table.targets[0].release == stable.number, table.targets[0].weight == .all
        else {
            return fail(1, "\(account.name) at rest: traffic does not go to stable alone")
        }
        if table.targets[0].backends.count != service.ready(stable.number.value) {
            fail(1, "\(account.name) at rest: not every ready instance gets traffic")
        }
    }
}
