import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// The supervisor's shell: brings news and commands to the engine's loop, makes entries durable, then starts effects.
extension World {
    func place(_ environment: EnvironmentID, _ name: ServiceName) -> Int? {
        services.firstIndex { $0.name == name && $0.environmentID == environment }
    }

    // MARK: In

    /// The shell looks at runtime and router; what it sees may get lost or come late.
    func lookAt(_ service: SimulatedService, _ place: Int) {
        service.isCapturePlanned = false
        if service.isRuntimeNew {
            let view = runtimeView(service)
            service.isRuntimeNew = false
            if strikes(.newsLost, service) {
                service.isRuntimeNew = true
            } else if strikes(.newsLate, service) {
                let slot = runtimeNews.keep(view)
                plan(.runtimeNews(service: place, slot: slot, boot: boot), in: random.delay(200, 8_000))
            } else {
                hear(view, place)
                if strikes(.newsRepeated, service) {
                    let slot = runtimeNews.keep(view)
                    plan(.runtimeNews(service: place, slot: slot, boot: boot), in: random.delay(200, 8_000))
                }
            }
        }
        if service.isRouterUp, service.table == nil, service.isRouterNew, loop != nil {
            service.isRouterNew = false
            snapshots[service.environment].services[service.placeInEnvironment].router = nil
            snapshots[service.environment].services[service.placeInEnvironment].isUnknownToRouter = true
            isTurnDue = true
        }
        if service.isRouterUp, service.table != nil, service.isRouterNew || isPolled(service) {
            let view = routerView(service)
            service.isRouterNew = false
            if strikes(.newsLost, service) {
                service.isRouterNew = true
            } else if strikes(.newsLate, service) {
                let slot = routerNews.keep(view)
                plan(.routerNews(service: place, slot: slot, boot: boot), in: random.delay(200, 8_000))
            } else {
                hear(view, place)
            }
        }
        if isPolled(service) || service.isRuntimeNew || (service.isRouterNew && service.table != nil) {
            planLook(service, place, in: random.delay(300, 900))
        }
    }

    /// Requests in flight matter while instances leave or requests are held.
    private func isPolled(_ service: SimulatedService) -> Bool {
        guard service.table != nil else { return false }
        if service.table?.hold != nil { return true }
        for instance in service.instances where instance.phase == .leaving && !instance.isStopping { return true }
        return false
    }

    func hear(_ view: RuntimeView, _ place: Int) {
        guard loop != nil else { return }
        let service = services[place]
        let known = snapshots[service.environment].services[service.placeInEnvironment]
        if let newer = known.runtime, newer.version > view.version { outdated.append((place, known)) }
        snapshots[service.environment].services[service.placeInEnvironment].runtime = view
        referee.told(place, view)
        isTurnDue = true
    }

    func hear(_ view: RouterView, _ place: Int) {
        guard loop != nil else { return }
        let service = services[place]
        let known = snapshots[service.environment].services[service.placeInEnvironment]
        if let newer = known.router, newer.version > view.version { outdated.append((place, known)) }
        snapshots[service.environment].services[service.placeInEnvironment].router = view
        snapshots[service.environment].services[service.placeInEnvironment].isUnknownToRouter = false
        referee.told(place, view)
        isTurnDue = true
    }

    /// When the engine asked to be woken it is because time counts: how long instances have been ready, among others.
    func refreshReadiness() {
        for service in services where service.countsReadiness {
            hear(runtimeView(service), service.place)
            if service.metric == .requests, service.isRouterUp, service.table != nil {
                hear(routerView(service), service.place)
            }
        }
    }

    func bring(_ command: AddressedCommand) {
        guard loop != nil else {
            // The client waits until the supervisor answers again.
            if choices.chance(5_000) { plan(.command(slot: commands.keep(command)), in: 2_000) }
            return
        }
        takeTurn([command])
    }

    // MARK: The turn

    func takeTurn(_ asked: [AddressedCommand]) {
        isTurnDue = false
        guard loop != nil else { return }
        showLooks()
        showMigrations()
        let isBlind = strikes(.turnWithoutNews)
        let before = faults.rate(.journalFull) > 0 ? loop : nil
        let turn = loop?.turn(isBlind ? [] : snapshots, asked, now: moment) ?? Turn()
        turns += 1
        turnsNow = now == lastTurn ? turnsNow + 1 : 1
        lastTurn = now
        if turnsNow > 200 { referee.fail(4, "the loop turns and turns, and time stands still") }
        if isBlind { planAgain() }
        if !isBlind { referee.seen() }
        showNewest()
        if !turn.entries.isEmpty || !turn.effects.isEmpty { lastEmission = now }
        carryOut(turn, before, isBlind)
        if !turn.entries.isEmpty, let loop, random.chance(100) { referee.compare(loop, journal) }
    }

    /// An old view that came late is shown for one turn; what is newest is shown again in the next.
    private func showNewest() {
        guard !outdated.isEmpty else { return }
        for (place, known) in outdated {
            let service = services[place]
            if let runtime = known.runtime, let shown = shown(service).runtime, runtime.version > shown.version {
                hear(runtime, place)
            }
            if let router = known.router, let shown = shown(service).router, router.version > shown.version {
                hear(router, place)
            }
        }
        outdated = []
    }

    private func shown(_ service: SimulatedService) -> ServiceSnapshot {
        snapshots[service.environment].services[service.placeInEnvironment]
    }

    private func planAgain() {
        // The shell turns again soon with what it knows.
        wakeToken += 1
        plan(.wake(token: wakeToken), in: 50)
    }

    private func carryOut(_ turn: Turn, _ before: EngineLoop?, _ isBlind: Bool) {
        if !turn.entries.isEmpty {
            emitted += turn.entries.count
            if strikes(.journalFull) {
                // Nothing took hold: the shell goes on with the loop as it was, or it gives up and starts anew.
                if random.chance(5_000) { engineDies() } else { forget(before, isBlind) }
                return
            }
            if strikes(.crashBeforeWrite) || strikes(.tornWrite) {
                engineDies()
                return
            }
            journal.append(turn.entries)
            let records = read(turn.entries)
            learn(records)
            // What looks said counts when what follows from it is durable.
            if !isBlind { hearLooks() }
            referee.written(records, moment)
            if strikes(.crashAfterWrite) {
                if strikes(.staleEngine) { sendLate(turn.effects) }
                engineDies()
                return
            }
        }
        for answer in turn.answers { people.answered(answer, self) }
        emitted += turn.effects.count
        for (index, effect) in turn.effects.enumerated() {
            tellEffect(effect)
            referee.emitted(effect, fence, moment, journal)
            meet(effect)
            if strikes(.crashBetweenEffects) {
                if strikes(.staleEngine) { sendLate(Array(turn.effects[(index + 1)...])) }
                engineDies()
                return
            }
            send(effect)
        }
        wakeToken += 1
        if let wake = turn.wake { plan(.wake(token: wakeToken), in: wake.milliseconds) }
    }

    private func read(_ entries: [JournalEntry]) -> [DurableRecord] {
        var records: [DurableRecord] = []
        records.reserveCapacity(entries.count)
        for entry in entries {
            do {
                records.append(try DurableRecord(entry))
            } catch {
                referee.fail(9, "a record that cannot be read: \(entry.kind) \(entry.key): \(error)")
            }
        }
        return records
    }

    /// Numbers of releases are the engine's: what they stand for is learned from the journal.
    private func learn(_ records: [DurableRecord]) {
        for record in records {
            guard let id = record.environment else { continue }
            switch record.content {
            case .release(let facts):
                let build = people.builds[Int(facts.digest.words.0)]
                services[build.place].natures[facts.number.value] = build.nature
                services[build.place].drains[facts.number.value] = facts.drain.milliseconds
            case .event(let event): tell("\(id.name): \(text(event))")
            case .deployment(let state):
                guard state.phase == .committed, let index = environments.firstIndex(of: id) else { continue }
                people.stood[index].append(state.standing)
            case .service, .quarantine, .other: break
            }
        }
    }

    private func text(_ event: Event) -> String {
        var words = ["\(event.kind)"]
        if let deployment = event.deployment { words.append("\(deployment)") }
        if let service = event.service { words.append("\(service)\(event.release.map { "@\($0)" } ?? "")") }
        if event.number != 0 { words.append("\(event.number)") }
        if !event.text.isEmpty { words.append(event.text) }
        if !event.by.isEmpty { words.append("by \(event.by)") }
        return words.joined(separator: " ")
    }

    private func subject(of effect: Effect) -> SimulatedService? {
        let place: Int?
        switch effect {
        case .run(let wish): place = self.place(wish.environment, wish.service)
        case .route(let wish): place = self.place(wish.environment, wish.service)
        case .forget(let wish): place = self.place(wish.environment, wish.service)
        case .letGo(let environment, let service, _): place = self.place(environment, service)
        case .look(let look), .mark(let look): place = self.place(look.key.environment, look.key.service)
        case .migrate(let migration): place = self.place(migration.key.environment, migration.key.service)
        }
        return place.map { services[$0] }
    }

    // MARK: Out

    private func tellEffect(_ effect: Effect) {
        guard story != nil else { return }
        switch effect {
        case .run(let wish):
            let sets = wish.sets.map { "@\($0.release)×\($0.count)" }.joined(separator: " ")
            tell("  run \(wish.service) \(wish.fence).\(wish.generation): \(sets)")
        case .route(let wish): tell("  route \(wish.service) \(wish.fence).\(wish.generation): \(text(wish))")
        case .forget(let wish): tell("  forget \(wish.service) \(wish.fence).\(wish.generation)")
        case .letGo(_, let service, let ids): tell("  let go \(service) \(ids.map(\.value))")
        case .look(let look): tell("  look \(look.key.service) \(look.gate.name) \(look.key.run).\(look.key.look)")
        case .mark(let look): tell("  mark \(look.key.service) \(look.gate.name)")
        case .migrate(let order): tell("  migration of \(order.key.service) \(order.key.attempt): \(order.action)")
        }
    }

    private func send(_ effect: Effect) {
        if case .look(let look) = effect, let place = place(look.key.environment, look.key.service) {
            // The shell knows at once what it started; the gate itself hears of it later.
            services[place].areLooksNew = true
        }
        let service = subject(of: effect)
        if strikes(.effectLost, service) { return }
        var delay = random.delay(1, 30)
        if strikes(.effectLate, service) { delay += random.delay(500, 20_000) }
        plan(.effect(slot: effects.keep(effect)), in: delay)
        if case .look = effect { return }
        if strikes(.effectRepeated, service) {
            plan(.effect(slot: effects.keep(effect)), in: delay + random.delay(10, 20_000))
        }
    }

    /// What a paused supervisor still does when it wakes and another one has taken over.
    private func sendLate(_ late: [Effect]) {
        for effect in late {
            referee.emitted(effect, fence, moment, journal)
            plan(.effect(slot: effects.keep(effect)), in: random.delay(500, 40_000))
        }
    }

    func arrive(_ effect: Effect) {
        switch effect {
        case .run(let wish): accept(wish)
        case .route(let wish): accept(wish)
        case .forget(let wish): accept(wish)
        case .letGo(let environment, let service, let ids): letGo(environment, service, ids)
        case .look(let look): take(look)
        case .mark: break
        case .migrate(let order): take(order)
        }
    }

    private func showLooks() {
        guard let loop else { return }
        for service in services {
            let environment = loop.environments.first { $0.id == service.environmentID }
            let watched = environment?.service(service.name)?.watch?.deployment
            let active = (environment?.deployment?.number ?? watched)?.value ?? 0
            guard service.areLooksNew || service.shownDeployment != active else { continue }
            service.areLooksNew = false
            service.shownDeployment = active
            var looks: [LookView] = []
            for look in service.book where look.deployment == active { looks.append(look.view) }
            snapshots[service.environment].services[service.placeInEnvironment].looks = looks
        }
    }

    private func hearLooks() {
        for service in services {
            let views = snapshots[service.environment].services
            referee.heard(service.place, views[service.placeInEnvironment].looks, moment)
        }
    }

    private func forget(_ before: EngineLoop?, _ isBlind: Bool) {
        loop = before
        if !isBlind { referee.unseen() }
        wakeToken += 1
        plan(.wake(token: wakeToken), in: 1_000)
    }

    // MARK: Death and birth

    func engineDies() {
        loop = nil
        life += 1
        wakeToken += 1
        isTurnDue = false
        outdated = []
        // Who looks asks for himself: what came late was meant for the one that is gone.
        runtimeNews.lose()
        routerNews.lose()
        tell("supervisor is gone")
        plan(.engineStarts(life: life), in: random.delay(50, 5_000))
        for service in services {
            snapshots[service.environment].services[service.placeInEnvironment] = ServiceSnapshot(service: service.name)
            // Gates mostly die with it; some live elsewhere.
            if random.chance(7_000) { service.book = [] }
            service.areLooksNew = true
        }
        migrationsAfterDeath(isReboot: false)
        referee.engineDied()
    }

    func startEngine() {
        fence += 1
        do {
            loop = try EngineLoop(restoring: journal.latest, fence: fence)
        } catch {
            referee.fail(7, "the engine does not start from its own journal: \(error)")
            return
        }
        tell("supervisor starts with fence \(fence)")
        for (place, service) in services.enumerated() {
            service.isRuntimeNew = true
            service.isRouterNew = true
            planLook(service, place, in: random.delay(1, 500))
        }
        isTurnDue = true
    }

    func spontaneous(_ fault: Fault, _ place: Int) {
        planSpontaneous(fault, place)
        guard !isCalm else { return }
        let service = services[place]
        switch fault {
        case .engineKilled:
            guard loop != nil else { return }
            note(fault, nil)
            engineDies()
        case .reboot:
            note(fault, nil)
            reboot()
        case .clockForward:
            note(fault, nil)
            wallOffset += random.delay(1_000, 86_400_000)
            isTurnDue = true
        case .clockBack:
            note(fault, nil)
            let jump = random.delay(1_000, 86_400_000)
            wallOffset -= jump
            setBack += jump
            isTurnDue = true
        case .instanceDies, .instanceFalters:
            guard let index = service.instances.indices.first(where: { service.instances[$0].phase == .ready }) else {
                return
            }
            let offset = random.below(service.instances.count)
            let index2 = (index + offset) % service.instances.count
            let victim = service.instances[index2].phase == .ready ? index2 : index
            note(fault, service)
            strike(fault, service, place, victim)
        case .routerDown:
            guard service.table != nil else { return }
            note(fault, service)
            routerGoes(service, place, down: random.delay(1_000, 40_000))
        case .routerRestart:
            guard service.table != nil else { return }
            note(fault, service)
            routerGoes(service, place, down: random.delay(50, 1_000))
        case .journalFull, .crashBeforeWrite, .crashAfterWrite, .crashBetweenEffects, .tornWrite, .staleEngine,
            .newsLost, .newsLate, .newsRepeated, .turnWithoutNews, .effectLost, .effectLate, .effectRepeated,
            .startIsSlow, .routerSlow, .answerLost, .answerLate, .answerTwice:
            break
        }
    }

    private func strike(_ fault: Fault, _ service: SimulatedService, _ place: Int, _ index: Int) {
        if fault == .instanceDies {
            dies(service, place, index)
        } else {
            service.instances[index].phase = .unready
            service.instances[index].life += 1
            let instance = service.instances[index]
            let time = random.delay(200, 15_000)
            plan(.instance(service: place, id: instance.id, life: instance.life, .recovers), in: time)
        }
        changed(service, place)
    }

    /// Plans the next time that a fault comes by itself.
    func planSpontaneous(_ fault: Fault, _ place: Int) {
        let rate = faults.rate(fault)
        guard rate > 0, !isCalm else { return }
        // Mean time between two of them, in milliseconds.
        let mean = 10_000_000 / rate
        plan(.trouble(fault, service: chances.below(services.count)), in: chances.delay(1, mean * 4))
    }

    private func reboot() {
        boot += 1
        bootStarted = now
        for (place, service) in services.enumerated() {
            service.instances = []
            service.prepared = [:]
            service.wished = []
            service.runtimeFence = 0
            service.runtimeGeneration = 0
            service.isCapturePlanned = false
            service.isRuntimeNew = true
            service.isRouterNew = true
            service.book = []
            routerGoes(service, place, down: random.delay(500, 10_000))
        }
        effects.lose()
        migrationsAfterDeath(isReboot: true)
        referee.rebooted()
        if loop != nil { engineDies() }
        // Only a new life of the supervisor starts.
        life += 1
        plan(.engineStarts(life: life), in: random.delay(1_000, 30_000))
    }
}
