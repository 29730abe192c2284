import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// The router: follows the newest table that it took over, keeps it on disk, and counts what is in flight.
extension World {
    func accept(_ wish: RouteWish) {
        guard let place = place(wish.environment, wish.service) else { return }
        let service = services[place]
        guard service.isRouterUp else { return }
        guard (wish.fence, wish.generation) >= (service.routerFence, service.routerGeneration) else {
            tell("router refuses \(wish.service) \(wish.fence).\(wish.generation)")
            return
        }
        var delay = random.delay(1, 60)
        if strikes(.routerSlow, service) { delay += random.delay(500, 15_000) }
        service.routerFence = wish.fence
        service.routerGeneration = wish.generation
        plan(.tableApplied(service: place, slot: tables.keep(wish), boot: boot), in: delay)
    }

    func accept(_ wish: ForgetWish) {
        guard let place = place(wish.environment, wish.service) else { return }
        let service = services[place]
        guard service.isRouterUp else { return }
        guard (wish.fence, wish.generation) >= (service.routerFence, service.routerGeneration) else {
            tell("router refuses to forget \(wish.service) \(wish.fence).\(wish.generation)")
            return
        }
        tell("router forgets \(wish.service)")
        service.routerFence = wish.fence
        service.routerGeneration = wish.generation
        service.forgotten = (wish.fence, wish.generation)
        service.table = nil
        for index in service.instances.indices where service.instances[index].isInTable {
            referee.fail(3, "instance \(service.instances[index].id) of \(wish.service) is forgotten while it serves")
        }
        service.isRouterNew = true
        planLook(service, place, in: random.delay(1, 40))
    }

    func applied(_ wish: RouteWish, _ service: SimulatedService, _ place: Int) {
        guard service.isRouterUp, (wish.fence, wish.generation) >= service.forgotten else { return }
        if let table = service.table, (table.fence, table.generation) > (wish.fence, wish.generation) { return }
        tell("router follows \(wish.fence).\(wish.generation) for \(wish.service): \(text(wish))")
        service.table = wish
        service.tableSince = now
        for index in service.instances.indices {
            let instance = service.instances[index]
            let isIn = wish.hold == nil && names(wish, instance)
            if instance.isInTable, !isIn {
                let longest = service.nature(of: instance.release)?.longestRequest ?? 100
                service.instances[index].busyUntil = now + random.delay(0, Int(longest))
            }
            service.instances[index].isInTable = isIn
        }
        service.isRouterNew = true
        planLook(service, place, in: random.delay(1, 40))
    }

    private func names(_ wish: RouteWish, _ instance: SimulatedInstance) -> Bool {
        for target in wish.targets where target.release.code == instance.release {
            for backend in target.backends where backend.instance.value == instance.id { return true }
        }
        return false
    }

    func routerView(_ service: SimulatedService) -> RouterView {
        service.routerVersion += 1
        var view = RouterView(version: service.routerVersion)
        if let table = service.table {
            view.fence = table.fence
            view.generation = table.generation
            view.isHolding = table.hold != nil
            view.held = table.hold == nil ? 0 : Int((now - service.tableSince) / 100)
            view.targets.reserveCapacity(table.targets.count)
            for target in table.targets {
                view.targets.append(
                    TargetView(
                        release: target.release, weight: target.weight, instances: target.backends.map(\.instance)))
            }
        }
        if service.metric == .requests, !service.isUnmeasured { view.rate = Int(service.load) }
        for instance in service.instances {
            let inFlight = instance.isInTable ? random.below(4) : (instance.busyUntil > now ? 1 : 0)
            if inFlight > 0 {
                view.busy.append(InstanceTraffic(instance: InstanceID(instance.id), inFlight: inFlight))
            }
        }
        return view
    }

    func routerGoes(_ service: SimulatedService, _ place: Int, down time: Int64) {
        guard service.isRouterUp else { return }
        service.isRouterUp = false
        // Whoever asks it now gets no answer.
        snapshots[service.environment].services[service.placeInEnvironment].router = nil
        // Requests in flight are lost with it; so is a table that was not yet on disk.
        for index in service.instances.indices { service.instances[index].busyUntil = now }
        if let table = service.table {
            service.routerFence = table.fence
            service.routerGeneration = table.generation
        } else {
            service.routerFence = 0
            service.routerGeneration = 0
        }
        plan(.routerBack(service: place), in: time)
    }

    func routerIsBack(_ service: SimulatedService, _ place: Int) {
        service.isRouterUp = true
        service.isRouterNew = true
        planLook(service, place, in: random.delay(1, 40))
    }

    func text(_ wish: RouteWish) -> String {
        let targets = wish.targets.map { target in
            "@\(target.release) \(target.weight) [\(target.backends.map { "\($0.instance.value)" }.joined(separator: ","))]"
        }
        let parts = targets + (wish.hold == nil ? [] : ["hold"]) + (wish.matches.isEmpty ? [] : ["matches"])
        return parts.isEmpty ? "nothing" : parts.joined(separator: " ")
    }
}
