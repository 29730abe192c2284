import Domain
import Rollouts

extension EnvironmentState {
    /// Takes an order: gives numbers, sets up the rollouts, begins the first wave. What stands already is left alone.
    mutating func deploy(
        _ order: DeployOrder, by: String, now: Moment, into decision: inout EnvironmentDecision
    ) -> CommandOutcome {
        if let deployment { return .refused(busy(deployment)) }
        if let specs = order.notify { notify = channels(specs, now) }
        if order.items.isEmpty, order.removals.isEmpty { return .nothingToDo("there is nothing to deploy") }
        for item in order.items {
            if let entry = isQuarantined(item.release.facts.digest) {
                return .refused(
                    Refusal(
                        .quarantined,
                        "this release of \(item.service) (\(entry.digest.short)) is in quarantine: \(entry.headline)",
                        hint: entry.remedy(in: id)))
            }
        }
        if let refusal = crossing(order) { return .refused(refusal) }
        let number = DeploymentNumber(nextDeployment)
        var items: [DeploymentItem] = []
        for item in order.items {
            if services.allSatisfy({ $0.service != item.service }) {
                let place = services.firstIndex { $0.service > item.service } ?? services.count
                services.insert(ServiceState(service: item.service), at: place)
            }
            guard let index = index(of: item.service), !stands(item, in: services[index]) else { continue }
            items.append(prepare(item, at: index, order, by: by, now: now, into: &decision))
        }
        let removals = order.removals.filter { name in
            items.allSatisfy { $0.service != name } && services.contains { $0.service == name && $0.isRemovable }
        }
        if items.isEmpty, removals.isEmpty { return .nothingToDo("every service runs the release that was asked for") }
        items.sort { ($0.wave, $0.service) < ($1.wave, $1.service) }
        items = withDenseWaves(items)
        var deployment = DeploymentState(
            number: number, kind: order.kind, by: by, reason: order.reason, started: now, items: items,
            removals: removals, origin: order.origin)
        deployment.takesBack = order.takesBack
        leaveWatches(for: order, number, by: by, now: now, into: &decision)
        nextDeployment += 1
        retention = order.retention ?? retention
        decision.events.append(
            Event(.deploymentStarted, at: now.wall, deployment: number, number: items.count, text: order.reason, by: by)
        )
        if !order.skipPreflight.isEmpty {
            decision.events.append(
                Event(.preflightSkipped, at: now.wall, deployment: number, text: order.skipPreflight, by: by))
        }
        for item in items {
            guard let index = index(of: item.service) else { continue }
            services[index].queue(
                RolloutState(deployment: number, from: item.from, to: item.to, plan: item.plan, now: now))
        }
        self.deployment = deployment
        begin(wave: 0, of: deployment, now: now, into: &decision)
        return .accepted(number)
    }

    /// A channel that stays is told on from where it is; a new one from now on.
    private func channels(_ specs: [NotifySpec], _ now: Moment) -> [NotifyChannel] {
        specs.map { spec in
            NotifyChannel(spec: spec, since: notify.first { $0.spec.name == spec.name }?.since ?? now.wall)
        }
    }

    func stands(_ item: OrderItem, in state: ServiceState) -> Bool {
        guard let stable = state.stable, !state.isDown else { return false }
        switch item.release {
        case .new(let facts, _): return facts.digest == stable.digest
        case .existing(let facts): return facts.number == stable.number
        }
    }

    private mutating func prepare(
        _ item: OrderItem, at index: Int, _ order: DeployOrder, by: String, now: Moment,
        into decision: inout EnvironmentDecision
    ) -> DeploymentItem {
        let state = services[index]
        let from = state.isDown ? nil : state.stable
        var to = item.release.facts
        if case .new(_, let parts) = item.release {
            // After `down`, what stood is brought back under its own number.
            if let stable = state.stable, stable.digest == to.digest {
                to = stable
            } else {
                to.number = ReleaseNumber(state.nextRelease)
                services[index].nextRelease += 1
                decision.releases.append(ReleaseRecord(facts: to, createdAt: now.wall, createdBy: by, parts: parts))
            }
        }
        to.replicas = state.replicasAtStart(of: to)
        let isReturn: Bool
        switch order.kind {
        case .rollback, .revert: isReturn = from != nil
        case .deploy, .retry: isReturn = false
        }
        let plan = RolloutPlan(
            strategy: item.strategy, gates: item.gates, isFirst: from == nil, isReturn: isReturn,
            isRouted: to.isRouted, migration: to.migration.flatMap { state.hasApplied($0.schema) ? nil : $0 })
        return DeploymentItem(service: item.service, wave: item.wave, from: from, to: to, plan: plan)
    }

    /// Waves without a service that changes are left out.
    private func withDenseWaves(_ items: [DeploymentItem]) -> [DeploymentItem] {
        var waves: [Int] = []
        for item in items where waves.last != item.wave { waves.append(item.wave) }
        return items.map { item in
            DeploymentItem(
                service: item.service, wave: waves.firstIndex(of: item.wave) ?? 0, from: item.from, to: item.to,
                plan: item.plan)
        }
    }
}
