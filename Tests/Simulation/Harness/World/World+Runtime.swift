import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// The runtime: converges to the last wish that it took over, with delays and mishaps.
extension World {
    func accept(_ wish: RuntimeWish) {
        guard let place = place(wish.environment, wish.service) else { return }
        let service = services[place]
        guard (wish.fence, wish.generation) >= (service.runtimeFence, service.runtimeGeneration) else {
            tell("runtime refuses \(wish.service) \(wish.fence).\(wish.generation)")
            return
        }
        if (wish.fence, wish.generation) == (service.runtimeFence, service.runtimeGeneration) { return }
        service.runtimeFence = wish.fence
        service.runtimeGeneration = wish.generation
        service.wished = wish.sets
        tell("runtime takes \(wish.service) \(wish.sets.map { "@\($0.release)×\($0.count)" }.joined(separator: " "))")
        converge(service, place)
        changed(service, place)
    }

    /// Beyond the count, those that are not ready leave first; missing ones are started when the files stand.
    func converge(_ service: SimulatedService, _ place: Int) {
        for index in service.instances.indices {
            let instance = service.instances[index]
            guard instance.phase != .leaving else { continue }
            if service.count(of: instance.release) == 0 { leave(service, place, index) }
        }
        forgetBaselines(service)
        for set in service.wished {
            let release = set.release.code
            var living = 0
            for instance in service.instances where instance.release == release && instance.phase != .leaving {
                living += 1
            }
            while living > set.count, let victim = leastUseful(service, release) {
                leave(service, place, victim)
                living -= 1
            }
            guard living < set.count else { continue }
            switch service.prepared[release] {
            case nil:
                service.prepared[release] = .preparing
                drawBaseline(service, release)
                let time = service.nature(of: release)?.prepareTime ?? 100
                plan(.prepared(service: place, release: release, boot: boot), in: time)
            case .preparing?, .failed?: break
            case .prepared?:
                for _ in living..<set.count { start(service, place, release) }
            }
        }
    }

    private func leastUseful(_ service: SimulatedService, _ release: Int) -> Int? {
        var found: Int?
        var rank = -1
        for (index, instance) in service.instances.enumerated() where instance.release == release {
            let value: Int
            switch instance.phase {
            case .failed: value = 4
            case .starting: value = 3
            case .unready: value = 2
            case .ready: value = 1
            case .leaving: continue
            }
            if value > rank {
                rank = value
                found = index
            }
        }
        return found
    }

    func prepared(_ place: Int, _ release: Int) {
        let service = services[place]
        if case .cannotPrepare? = service.nature(of: release)?.quality {
            service.prepared[release] = .failed("prepare failed")
        } else {
            service.prepared[release] = .prepared
        }
        converge(service, place)
        changed(service, place)
    }

    private func start(_ service: SimulatedService, _ place: Int, _ release: Int) {
        lastInstance += 1
        service.instances.append(SimulatedInstance(id: lastInstance, release: release, phase: .starting))
        referee.started(place, release)
        planStart(service, place, service.instances.count - 1)
    }

    private func planStart(_ service: SimulatedService, _ place: Int, _ index: Int) {
        let instance = service.instances[index]
        guard let nature = service.nature(of: instance.release) else { return }
        var time = nature.startTime + random.delay(0, 200)
        if strikes(.startIsSlow, service) { time += random.delay(1_000, 20_000) }
        let change: InstanceChange
        switch nature.quality {
        case .good, .failsGates, .dividesGates, .silencesGates, .failsOncePromoted, .diesLater, .cannotPrepare:
            change = .becomesReady
        case .neverReady:
            change = .givesUp
            time += 10_000
        case .diesInStart: change = .dies
        }
        plan(.instance(service: place, id: instance.id, life: instance.life, change), in: time)
    }

    private func leave(_ service: SimulatedService, _ place: Int, _ index: Int) {
        service.instances[index].phase = .leaving
        service.instances[index].life += 1
        let instance = service.instances[index]
        let drain = service.drains[abs(instance.release)] ?? 0
        plan(.instance(service: place, id: instance.id, life: instance.life, .drainEnds), in: drain)
    }

    func changes(_ place: Int, _ id: UInt64, _ life: Int, _ change: InstanceChange) {
        let service = services[place]
        guard let index = service.index(of: id), service.instances[index].life == life else { return }
        let release = service.instances[index].release
        switch change {
        case .becomesReady:
            service.instances[index].phase = .ready
            service.instances[index].readySince = now
            if case .diesLater? = service.nature(of: release)?.quality {
                plan(.instance(service: place, id: id, life: life, .dies), in: random.delay(500, 30_000))
            }
        case .givesUp: service.instances[index].phase = .failed
        case .falters:
            service.instances[index].phase = .unready
            plan(.instance(service: place, id: id, life: life, .recovers), in: random.delay(200, 15_000))
        case .recovers:
            service.instances[index].phase = .ready
            service.instances[index].readySince = now
        case .dies: dies(service, place, index)
        case .drainEnds: stop(service, place, index)
        case .stopped: service.instances.remove(at: index)
        }
        changed(service, place)
    }

    /// It is started again until it has died too often.
    func dies(_ service: SimulatedService, _ place: Int, _ index: Int) {
        service.instances[index].life += 1
        service.instances[index].restarts += 1
        service.instances[index].busyUntil = now
        if service.instances[index].restarts >= 3 {
            service.instances[index].phase = .failed
            if service.nature(of: service.instances[index].release)?.isSound == true {
                // The runtime tries again, with patience.
                service.instances[index].restarts = 0
                let instance = service.instances[index]
                let pause = random.delay(10_000, 60_000)
                plan(.instance(service: place, id: instance.id, life: instance.life, .becomesReady), in: pause)
            }
        } else {
            service.instances[index].phase = .starting
            planStart(service, place, index)
        }
        tell("instance \(service.instances[index].id) of \(service.name)@\(service.instances[index].release) dies")
    }

    /// Somebody repairs what stands: in calm, stable releases are good.
    func repair(_ place: Int, _ release: Int) {
        let service = services[place]
        service.natures[release]?.quality = .good
        // And so are their baselines, whatever the last one was like.
        service.natures[-release] = nil
        for index in service.instances.indices where service.instances[index].release == release {
            switch service.instances[index].phase {
            case .starting, .unready, .failed:
                service.instances[index].life += 1
                let instance = service.instances[index]
                plan(.instance(service: place, id: instance.id, life: instance.life, .becomesReady), in: 5_000)
            case .ready: service.instances[index].life += 1
            case .leaving: break
            }
        }
        if case .failed? = service.prepared[release] {
            service.prepared[release] = nil
            converge(service, place)
        }
    }

    func letGo(_ environment: EnvironmentID, _ name: ServiceName, _ ids: [InstanceID]) {
        guard let place = place(environment, name) else { return }
        let service = services[place]
        for id in ids {
            guard let index = service.index(of: id.value) else { continue }
            guard service.instances[index].phase == .leaving, !service.instances[index].isStopping else { continue }
            referee.letGo(place, service.instances[index])
            stop(service, place, index)
        }
    }

    private func stop(_ service: SimulatedService, _ place: Int, _ index: Int) {
        service.instances[index].life += 1
        service.instances[index].isStopping = true
        let instance = service.instances[index]
        let time = service.nature(of: instance.release)?.stopTime ?? 10
        plan(.instance(service: place, id: instance.id, life: instance.life, .stopped), in: time)
    }

    // MARK: What it tells

    func changed(_ service: SimulatedService, _ place: Int) {
        service.runtimeVersion += 1
        service.isRuntimeNew = true
        planLook(service, place, in: random.delay(1, 40))
    }

    func planLook(_ service: SimulatedService, _ place: Int, in delay: Int64) {
        guard !service.isCapturePlanned else { return }
        service.isCapturePlanned = true
        plan(.look(service: place, boot: boot), in: delay)
    }

    func runtimeView(_ service: SimulatedService) -> RuntimeView {
        var view = RuntimeView(
            version: service.runtimeVersion, fence: service.runtimeFence, generation: service.runtimeGeneration)
        view.sets.reserveCapacity(service.wished.count)
        for set in service.wished {
            view.sets.append(SetView(release: set.release, state: service.prepared[set.release.code] ?? .preparing))
        }
        view.instances.reserveCapacity(service.instances.count)
        for instance in service.instances {
            let readyFor = instance.phase == .ready ? now - instance.readySince : 0
            view.instances.append(
                InstanceView(
                    id: InstanceID(instance.id), release: ReleaseNumber(code: instance.release), phase: instance.phase,
                    readyFor: .milliseconds(readyFor), restarts: instance.restarts,
                    trouble: instance.phase == .failed ? "exit code 1" : "",
                    backend: service.isRouted ? .address(host: "127.0.0.1", port: 20_000) : .none,
                    streak: instance.restarts, lastEnd: instance.restarts > 0 ? "exited with code 1" : "",
                    usage: usage(service, instance)))
        }
        return view
    }
}
