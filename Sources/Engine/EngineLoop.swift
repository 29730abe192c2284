package import Deployments
package import Domain
import Judging
package import Ports
import Rollouts
package import Scaling

/// The engine: one synchronous loop with a single owner, free of I/O. Shells around it bring snapshots and commands in
/// and carry entries and effects out; the simulation drives this very loop.
package struct EngineLoop: Sendable {
    package private(set) var environments: [EnvironmentState]
    /// Higher than that of every supervisor before: a stale one cannot write.
    package let fence: UInt64
    private var ledgers: [[ServiceLedger]]

    /// Starts from the newest entry of every key.
    /// - Throws: `RestoreError`, naming the entry that cannot be read; nothing is repaired in silence.
    package init(restoring entries: [JournalEntry], fence: UInt64) throws(RestoreError) {
        environments = try restore(entries)
        self.fence = fence
        ledgers = environments.map { $0.services.map { _ in ServiceLedger() } }
    }

    /// The environments for which a snapshot is asked, with their services.
    package var watched: [(EnvironmentID, [ServiceName])] {
        environments.map { ($0.id, $0.services.map(\.service)) }
    }

    /// What the load of a service asks for, as it was last looked at.
    package func advice(_ service: ServiceName, in environment: EnvironmentID) -> ScaleAdvice? {
        guard let index = environments.firstIndex(where: { $0.id == environment }),
            let place = environments[index].index(of: service), place < ledgers[index].count
        else { return nil }
        return ledgers[index][place].advice
    }

    /// One turn: what is seen and asked now gives new records and effects.
    package mutating func turn(
        _ snapshots: [EnvironmentSnapshot], _ commands: [AddressedCommand], now: Moment
    ) -> Turn {
        var turn = Turn()
        for command in commands where !environments.contains(where: { $0.id == command.environment }) {
            open(command.environment)
        }
        for index in environments.indices {
            let snapshot = snapshots.first { $0.id == environments[index].id }
            turnEnvironment(index, snapshot, commands, now, &turn)
        }
        return turn
    }

    private mutating func open(_ id: EnvironmentID) {
        let place = environments.firstIndex { $0.id > id } ?? environments.count
        environments.insert(EnvironmentState(id: id), at: place)
        ledgers.insert([], at: place)
    }

    private mutating func turnEnvironment(
        _ index: Int, _ snapshot: EnvironmentSnapshot?, _ commands: [AddressedCommand], _ now: Moment,
        _ turn: inout Turn
    ) {
        let before = environments[index]
        var decision = EnvironmentDecision()
        for command in commands where command.environment == before.id {
            environments[index].take(command.envelope, now: now, into: &decision)
        }
        matchLedgers(index, before)
        hear(snapshot, index, now)
        for ledger in ledgers[index] { decision.events += ledger.endings }
        for place in environments[index].services.indices {
            ledgers[index][place].weigh(environments[index].services[place], now: now, into: &turn)
        }
        let seen = observe(index, snapshot, now)
        environments[index].step(seen, now: now, into: &decision)
        if let wake = decision.wake { turn.wake(in: wake) }
        turn.answers += decision.answers
        writeEntries(before, environments[index], decision, now, &turn)
        for place in environments[index].services.indices {
            ledgers[index][place].speak(
                of: environments[index].services[place], in: before.id, fence: fence, now: now, into: &turn)
        }
        addLooks(index, decision, &turn)
        addMigrations(index, decision, &turn)
    }

    /// A service that is new since the last turn has no ledger yet.
    private mutating func matchLedgers(_ index: Int, _ before: EnvironmentState) {
        let services = environments[index].services
        guard ledgers[index].count != services.count else { return }
        var matched: [ServiceLedger] = []
        matched.reserveCapacity(services.count)
        var old = 0
        for state in services {
            if old < before.services.count, before.services[old].service == state.service {
                matched.append(ledgers[index][old])
                old += 1
            } else {
                matched.append(ServiceLedger())
            }
        }
        ledgers[index] = matched
    }

    private mutating func hear(_ snapshot: EnvironmentSnapshot?, _ index: Int, _ now: Moment) {
        for place in ledgers[index].indices { ledgers[index][place].hearNothing() }
        guard let snapshot else { return }
        for told in snapshot.services.indices {
            guard let place = environments[index].index(of: snapshot.services[told].service) else { continue }
            ledgers[index][place].hear(snapshot.services[told], now: now)
        }
    }

    private func observe(
        _ index: Int, _ snapshot: EnvironmentSnapshot?, _ now: Moment
    ) -> [ServiceObservation] {
        var seen: [ServiceObservation] = []
        seen.reserveCapacity(environments[index].services.count)
        for place in environments[index].services.indices {
            let state = environments[index].services[place]
            let told = snapshot?.service(state.service, near: place)
            seen.append(
                ledgers[index][place].observation(of: state, told?.looks, told?.migrations, fence: fence, now: now))
        }
        return seen
    }

    private func addLooks(_ index: Int, _ decision: EnvironmentDecision, _ turn: inout Turn) {
        for (place, order) in decision.marks {
            if let effect = look(index, place, order) { turn.effects.append(.mark(effect)) }
        }
        for (place, order) in decision.looks {
            if let effect = look(index, place, order) { turn.effects.append(.look(effect)) }
        }
    }

    private func addMigrations(_ index: Int, _ decision: EnvironmentDecision, _ turn: inout Turn) {
        for (place, order) in decision.migrations {
            let state = environments[index].services[place]
            guard let rollout = state.rollout else { continue }
            let key = MigrationKey(
                environment: environments[index].id, service: state.service, deployment: rollout.deployment,
                attempt: order.attempt)
            turn.effects.append(
                .migrate(
                    MigrationEffect(key: key, release: rollout.to.number, action: order.action, fence: fence)))
        }
    }

    private func look(_ index: Int, _ place: Int, _ order: LookOrder) -> LookEffect? {
        let state = environments[index].services[place]
        if state.rollout == nil { return lookAfter(state, in: environments[index].id, order) }
        guard let rollout = state.rollout, let gate = rollout.plan.gate(order.gate) else { return nil }
        let key = LookKey(
            environment: environments[index].id, service: state.service, deployment: rollout.deployment,
            run: order.run, look: order.look)
        // After a migration it is stable that is asked.
        if rollout.currentStage == .verifyStable, rollout.gate?.id == order.run, let from = rollout.from {
            return LookEffect(key: key, gate: gate, release: from.number, stable: nil, since: order.since)
        }
        let stable = gate.question.needsBaseline ? rollout.from?.number.baseline : rollout.from?.number
        return LookEffect(key: key, gate: gate, release: rollout.to.number, stable: stable, since: order.since)
    }

    /// A look at a release that was promoted: what stood before it is what a gate may know as stable.
    private func lookAfter(_ state: ServiceState, in environment: EnvironmentID, _ order: LookOrder) -> LookEffect? {
        guard let watch = state.watch, let gate = watch.gate(order.gate) else { return nil }
        let key = LookKey(
            environment: environment, service: state.service, deployment: watch.deployment, run: order.run,
            look: order.look)
        return LookEffect(
            key: key, gate: gate, release: watch.release.number, stable: watch.from, since: order.since)
    }
}
