import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// The people of a world: what they ask for, and how they answer when they are waited for. They see what anybody sees
/// (the engine's state) and know nothing of the truth.
final class People {
    struct Habit {
        var isRouted: Bool
        var replicas: Int
        var drain: Int64
        /// How many schema marks there are, and what is known of the newest.
        var marks = 0
        var migration: MigrationFacts?
    }

    /// A release that somebody built.
    struct Build {
        var place: Int
        var nature: ReleaseNature
        var facts: ReleaseFacts
    }

    var habits: [Habit]
    /// By the first word of the digest.
    var builds: [Build] = []
    var lastCommand: UInt64 = 0
    /// How often they still act by themselves.
    var actions = 0
    /// Releases that stood, by environment: what a rollback can go to.
    var stood: [[[StandingRelease]]]

    init(services: [SimulatedService], _ choices: inout Randomness) {
        habits = services.map { service in
            Habit(
                isRouted: service.isRouted, replicas: choices.between(1, 4),
                drain: choices.delay(200, 20_000))
        }
        stood = Array(repeating: [], count: (services.map(\.environment).max() ?? 0) + 1)
        actions = choices.between(5, 12)
    }

    func answered(_ answer: CommandAnswer, _ world: World) {
        switch answer.outcome {
        case .accepted(let number): world.tell("answer \(answer.id): accepted \(number.map { "\($0)" } ?? "")")
        case .nothingToDo(let text): world.tell("answer \(answer.id): nothing to do, \(text)")
        case .refused(let refusal): world.tell("answer \(answer.id): refused, \(refusal.message)")
        }
    }

    func envelope(_ command: EnvironmentCommand, by: String) -> CommandEnvelope {
        lastCommand += 1
        return CommandEnvelope(id: lastCommand, by: by, command: command)
    }
}

extension World {
    /// A person does something by itself: mostly deploys.
    func personActs() {
        guard !isCalm, people.actions > 0 else { return }
        people.actions -= 1
        if loads.chance(1_500) { personScales() }
        let environment = choices.below(environments.count)
        let command: EnvironmentCommand
        switch choices.below(100) {
        case 0..<70: command = .deploy(order(environment))
        case 70..<78: command = rollback(environment)
        case 78..<82:
            command = .abort(reason: choices.chance(5_000) ? "changed my mind" : "", accept: choices.chance(5_000))
        case 82..<85: command = .pause(nil)
        case 85..<87: command = .resume(nil)
        case 87..<90: command = .promote(nil, skipGate: choices.chance(3_000) ? "it is Friday" : nil)
        case 90..<92: command = .down
        case 92..<94: command = .retry
        case 94..<96: command = quarantine(environment)
        case 96..<98: command = lift(environment)
        case _: command = redeploy(environment)
        }
        ask(command, environment)
        let gap = choices.chance(2_000) ? choices.delay(1, 3_000) : choices.delay(1_000, 180_000)
        plan(.personActs, in: gap)
    }

    func ask(_ command: EnvironmentCommand, _ environment: Int, by: String = "ann", in delay: Int64? = nil) {
        let envelope = people.envelope(command, by: by)
        tell("\(by) asks \(envelope.id) in \(environments[environment]): \(text(command))")
        referee.asked(envelope, environment)
        let addressed = AddressedCommand(environment: environments[environment], envelope: envelope)
        plan(.command(slot: commands.keep(addressed)), in: delay ?? choices.delay(0, 50))
    }

    /// Somebody comes by and answers what waits for a person.
    func personLooks() {
        // Now and then nobody is there for hours.
        let isAway = choices.chance(100)
        plan(.personLooks, in: isAway ? choices.delay(3_600_000, 9_000_000) : choices.delay(5_000, 120_000))
        guard let loop, isCalm || choices.chance(6_000) else { return }
        for (index, id) in environments.enumerated() {
            guard let state = loop.environments.first(where: { $0.id == id }) else { continue }
            guard state.deployment != nil else {
                if state.services.contains(where: { $0.watch?.phase == .waiting }) { answerWatch(index) }
                continue
            }
            for service in state.services {
                guard let rollout = service.rollout, rollout.waitsSince != nil else { continue }
                answer(service, rollout, index)
                break
            }
        }
    }

    /// What was promoted has failed since, and nothing goes back by itself.
    private func answerWatch(_ environment: Int) {
        switch choices.below(4) {
        case 0: ask(.abort(reason: "", accept: true), environment)
        case 1 where !isCalm: ask(rollback(environment), environment)
        case _: ask(.promote(nil, skipGate: nil), environment)
        }
    }

    private func answer(_ service: ServiceState, _ rollout: RolloutState, _ environment: Int) {
        let command: EnvironmentCommand
        if rollout.crossroads != nil {
            switch choices.below(3) {
            case 0: command = .retry
            case 1: command = .promote(service.service, skipGate: "it has to go on")
            case _: command = .abort(reason: "", accept: true)
            }
        } else if rollout.migration?.phase == .unknown {
            command = .migrated(
                choices.chance(5_000) ? service.service : nil, choices.pick(MigrationWord.allCases), reason: "I looked")
        } else if rollout.stuckSince != nil {
            command = .retry
        } else if rollout.phase == .held {
            command = choices.chance(4_000) ? .retry : .abort(reason: "seen enough")
        } else if rollout.pausedSince != nil {
            command = choices.chance(7_000) ? .resume(service.service) : .abort(reason: "it took too long")
        } else if let approval = rollout.approval, choices.chance(8_000) {
            // Ann asked for the deployment; now and then she tries to say yes herself.
            let gate = choices.chance(9_000) ? approval.gate : GateName("another")
            ask(
                .approve(
                    service.service, choices.chance(5_000) ? gate : nil, isApproved: choices.chance(8_000),
                    reason: choices.chance(5_000) ? "I read it" : ""), environment,
                by: choices.chance(7_000) ? "bob" : "ann")
            return
        } else if rollout.isGateHeld {
            switch choices.below(3) {
            case 0: command = .promote(service.service, skipGate: nil)
            case 1: command = .promote(service.service, skipGate: "I looked myself")
            case _: command = .abort(reason: "not sure")
            }
        } else {
            command =
                choices.chance(8_000)
                ? .promote(choices.chance(5_000) ? service.service : nil, skipGate: nil)
                : .abort(reason: "")
        }
        ask(command, environment)
    }

    // MARK: Orders

    func order(_ environment: Int, quality: ReleaseNature.Quality? = nil, all: Bool = false) -> DeployOrder {
        var items: [OrderItem] = []
        let places = services.indices.filter { services[$0].environment == environment }
        for place in places where all || choices.chance(6_500) {
            items.append(item(place, build(place, quality)))
        }
        if items.isEmpty {
            let place = choices.pick(Array(places))
            items.append(item(place, build(place, quality)))
        }
        let wavy = choices.chance(6_000)
        for index in items.indices { items[index].wave = wavy ? choices.below(3) : 0 }
        // Now and then a service has left the project.
        let others = places.filter { place in items.allSatisfy { $0.service != services[place].name } }
        let leaves = !all && !others.isEmpty && choices.chance(1_500)
        return DeployOrder(
            kind: .deploy, reason: "", items: items, removals: leaves ? [services[choices.pick(others)].name] : [],
            accept: all)
    }

    private func build(_ place: Int, _ quality: ReleaseNature.Quality?) -> Int {
        var habit = people.habits[place]
        if choices.chance(1_500) {
            habit.replicas = choices.between(1, 5)
            people.habits[place].replicas = habit.replicas
        }
        if choices.chance(2_500) {
            people.habits[place].marks += 1
            people.habits[place].migration = MigrationFacts(
                schema: "\(people.habits[place].marks)", isCompatible: choices.chance(6_000),
                timeout: .milliseconds(choices.delay(5_000, 60_000)), verify: .milliseconds(choices.delay(0, 6_000)))
            services[place].countsReadiness = true
        }
        habit.migration = people.habits[place].migration
        let word = UInt64(people.builds.count)
        let scale = self.scale(place)
        let facts = ReleaseFacts(
            number: ReleaseNumber(0), digest: ContentDigest(words: (word, 1, 2, 3)),
            replicas: scale?.clamp(habit.replicas) ?? habit.replicas, isRouted: habit.isRouted,
            drain: .milliseconds(habit.drain), scale: scale, migration: habit.migration)
        people.builds.append(
            People.Build(place: place, nature: ReleaseNature(&choices, quality: quality), facts: facts))
        return people.builds.count - 1
    }

    private func item(_ place: Int, _ build: Int) -> OrderItem {
        var gates: [GateSpec] = []
        let strategy = choices.strategy(isRouted: people.habits[place].isRouted, &gates)
        if strategy.minReady > .zero { services[place].countsReadiness = true }
        return OrderItem(
            service: services[place].name, wave: 0, release: .new(facts: people.builds[build].facts, parts: []),
            strategy: strategy, gates: gates)
    }

    private func rollback(_ environment: Int) -> EnvironmentCommand {
        guard !people.stood[environment].isEmpty else { return .deploy(order(environment)) }
        let standing = choices.pick(people.stood[environment])
        var items: [OrderItem] = []
        for entry in standing {
            guard let place = place(environments[environment], entry.service) else { continue }
            var gates: [GateSpec] = []
            let strategy = choices.strategy(isRouted: entry.release.isRouted, &gates)
            items.append(
                OrderItem(
                    service: entry.service, wave: items.count, release: .existing(entry.release),
                    strategy: strategy, gates: gates))
            if strategy.minReady > .zero { services[place].countsReadiness = true }
        }
        return .deploy(DeployOrder(kind: .rollback, reason: "back", items: items, accept: choices.chance(6_000)))
    }

    /// The same release once more: it may be in quarantine.
    private func redeploy(_ environment: Int) -> EnvironmentCommand {
        let known = people.builds.indices.filter { services[people.builds[$0].place].environment == environment }
        guard !known.isEmpty else { return .deploy(order(environment)) }
        let build = choices.pick(known)
        return .deploy(
            DeployOrder(
                kind: .retry, reason: "", items: [item(people.builds[build].place, build)],
                accept: choices.chance(5_000)))
    }

    private func quarantine(_ environment: Int) -> EnvironmentCommand {
        guard let build = people.builds.last, services[build.place].environment == environment else { return .retry }
        return .quarantine(service: services[build.place].name, digest: build.facts.digest, reason: "smells")
    }

    private func lift(_ environment: Int) -> EnvironmentCommand {
        let known = loop?.environments.first { $0.id == environments[environment] }?.quarantine ?? []
        guard !known.isEmpty else { return .retry }
        return .liftQuarantine(digest: choices.pick(known).digest, reason: "looked into it")
    }

    private func text(_ command: EnvironmentCommand) -> String {
        switch command {
        case .deploy(let order):
            let items = order.items.map { item -> String in
                let what: String
                switch item.release {
                case .new(let facts, _):
                    what = "\(people.builds[Int(facts.digest.words.0)].nature.quality) ×\(facts.replicas)"
                case .existing(let facts): what = "@\(facts.number)"
                }
                return "\(item.service) (wave \(item.wave), \(item.strategy.kind.name), \(what))"
            }
            let gone = order.removals.map { ", without \($0)" }.joined()
            return "\(order.kind.word) " + items.joined(separator: ", ") + gone
        case .promote(let service, let skip):
            return "promote \(service.map { "\($0)" } ?? "all")\(skip == nil ? "" : ", skipping the gate")"
        case .approve(let service, let gate, let isApproved, _):
            return
                "\(isApproved ? "approve" : "reject") \(service.map { "\($0)" } ?? "all") \(gate.map { "\($0)" } ?? "")"
        case .pause: return "pause"
        case .resume: return "resume"
        case .abort: return "abort"
        case .retry: return "retry"
        case .migrated(_, let word, _): return "migration \(word.rawValue)"
        case .down: return "down"
        case .scale(let service, let count, let span):
            return "scale \(service) \(count.map { "\($0)" } ?? "auto")\(span.map { " for \($0)" } ?? "")"
        case .quarantine(_, _, let digest, _): return "quarantine build \(digest.words.0)"
        case .liftQuarantine(let digest, _): return "lift quarantine of build \(digest.words.0)"
        }
    }
}
