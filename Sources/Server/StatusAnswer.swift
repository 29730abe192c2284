import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts
import Scaling
import SupervisorAPI

extension SupervisorDesk {
    /// - Parameter since: waits for a higher revision, at most `patience`.
    func status(_ id: EnvironmentID, since: UInt64?, patience: Span = .seconds(20)) async throws -> StatusReport {
        if let since {
            let start = now()
            // Of many services something always changes: who follows them asks as often as a person can read.
            let services = engine.current.environment(id)?.services.count ?? 0
            let pause = min(Span.milliseconds(25 + Int64(services) * 2), .milliseconds(500))
            repeat {
                try await Task.sleep(for: .milliseconds(pause.milliseconds))
            } while engine.current.revision <= since && now().since(start) < patience
        }
        let frame = try await engine.seen(id)
        guard let state = frame.environment(id) else {
            return StatusReport(
                environment: id, revision: frame.revision, now: now().wall, troubles: frame.troubles.values.sorted(),
                warnings: frame.warnings.values.sorted())
        }
        var report = StatusReport(
            environment: id, revision: frame.revision, now: now().wall, deployment: state.deployment?.report,
            troubles: frame.troubles.values.sorted(), warnings: frame.warnings.values.sorted())
        report.last = try await deployments(id, limit: 2).first { $0.phase.isOver }?.report
        for service in state.services { report.services.append(try await self.report(service, id, frame)) }
        return report
    }

    private func report(
        _ state: ServiceState, _ id: EnvironmentID, _ frame: EngineFrame
    ) async throws -> ServiceReport {
        let view = frame.view(state.service, in: id)
        var report = ServiceReport(
            name: state.service, stable: state.stable?.number, isDown: state.isDown,
            replicas: state.rollout?.to.replicas ?? state.stable?.replicas ?? 0)
        report.weights = view?.router?.targets.map { WeightReport(release: $0.release, weight: $0.weight) } ?? []
        report.instances = view?.runtime?.instances.map(instanceReport) ?? []
        report.isRemoved = state.isPruned && state.rollout == nil
        report.held = view?.router?.held ?? 0
        report.isServing = isServing(state, view)
        report.scale = scaleReport(state, id, frame)
        report.rollout = state.rollout.map { rolloutReport($0, state, id, frame) }
        report.rollout?.missing = view?.router?.missing
        report.watch = state.watch.map { watchReport($0, state.service, id, frame) }
        report.warm = state.warm.map { entry in
            WarmReport(
                release: entry.release.number, instances: state.count(of: entry.release.number),
                until: entry.keep > 0 ? nil : entry.since.wall + entry.delay.milliseconds)
        }
        if let number = state.rollout?.to.number ?? state.stable?.number {
            report.urls = try await urls(state.service, number, id)
        }
        report.traffic = try await traffic(state.service, id)
        return report
    }

    private func isServing(_ state: ServiceState, _ view: ServiceSnapshot?) -> Bool {
        guard !state.isDown else { return true }
        let all = view?.runtime?.instances.filter { $0.phase == .ready } ?? []
        let ready = all.map(\.id)
        let wanted = state.stable.map { state.count(of: $0.number) } ?? 0
        guard all.count(where: { !$0.release.isBaseline }) >= wanted else { return false }
        guard state.isRouted else { return true }
        let routed = view?.router?.targets.flatMap(\.instances) ?? []
        return !routed.isEmpty && routed.allSatisfy { ready.contains($0) }
    }

    private func instanceReport(_ view: InstanceView) -> InstanceReport {
        let address =
            switch view.backend {
            case .none: ""
            case .address(let host, let port): "\(host):\(port)"
            case .name(let name): name
            }
        return InstanceReport(
            id: view.id, release: view.release, phase: view.phase.word, readyFor: view.readyFor,
            restarts: view.restarts, trouble: view.trouble, address: address,
            streak: view.streak > 0 ? view.streak : nil, lastEnd: view.lastEnd.isEmpty ? nil : view.lastEnd,
            cpu: view.usage?.cpu, memory: view.usage?.memory)
    }

    private func scaleReport(_ state: ServiceState, _ id: EnvironmentID, _ frame: EngineFrame) -> ScaleReport? {
        guard let facts = state.rollout?.to ?? state.stable, !state.isDown || state.rollout != nil,
            facts.scale != nil || state.hand != nil
        else { return nil }
        let key = ServiceKey(environment: id, service: state.service)
        return ScaleReport(
            current: facts.replicas, min: facts.scale?.min, max: facts.scale?.max,
            why: frame.advices[key]?.why ?? "", by: state.hand?.by,
            until: state.hand.flatMap { hand in hand.span.map { hand.since.wall + $0.milliseconds } })
    }

    private func urls(
        _ service: ServiceName, _ number: ReleaseNumber, _ id: EnvironmentID
    ) async throws -> [String] {
        let spec = try await releases.release(number, of: service, in: id).parts.spec
        var urls = spec.routes.map { route -> String in
            guard let host = route.host else { return "http://\(route.listen)\(route.path)" }
            let port = route.listen.split(separator: ":").last ?? "80"
            return "http://\(host):\(port)\(route.path)"
        }
        if urls.isEmpty, spec.isRouted, let local = localAddress(service, id) { urls.append("http://\(local)/") }
        return urls
    }

    private func traffic(_ service: ServiceName, _ id: EnvironmentID) async throws -> [TrafficReport] {
        let counts: TrafficCounts?
        do { counts = try await router.counts(service, in: id) } catch let error as PortError {
            guard error.code == .unavailable else { throw error }
            counts = nil
        }
        return counts?.releases.map { release in
            TrafficReport(
                release: release.release, requests: release.requests, errors: release.errors,
                inFlight: release.inFlight, p50: release.latency.quantile(50_000),
                p95: release.latency.quantile(95_000), p99: release.latency.quantile(99_000))
        } ?? []
    }

    private func rolloutReport(
        _ rollout: RolloutState, _ state: ServiceState, _ id: EnvironmentID, _ frame: EngineFrame
    ) -> RolloutReport {
        let requester = frame.environment(id)?.deployment?.by ?? ""
        func gate(_ run: GateRun) -> GateReport {
            gateReport(run, rollout.plan.gate(run.gate), EvidenceKey(id, state.service, run), frame)
        }
        return RolloutReport(
            from: rollout.from?.number, to: rollout.to.number, strategy: rollout.plan.strategy.kind.name,
            phase: rollout.phase.word, stages: rollout.plan.stages.map(\.text), stage: rollout.stage,
            stageSince: rollout.stageSince.wall, weight: state.weight(of: rollout.to.number),
            gate: rollout.gate.map(gate), background: rollout.background.map(gate),
            pausedSince: rollout.pausedSince?.wall, waitsSince: rollout.waitsSince?.wall,
            waitsFor: rollout.awaited(of: state.service, in: id, requester), failure: rollout.failure?.text,
            baseline: baselineReport(rollout, state))
    }
}

extension SupervisorDesk {
    private func baselineReport(_ rollout: RolloutState, _ state: ServiceState) -> BaselineReport? {
        guard let release = rollout.baseline, state.count(of: release) > 0 else { return nil }
        return BaselineReport(
            release: release, instances: state.count(of: release), weight: state.weight(of: release))
    }

    private func gateReport(_ run: GateRun, _ gate: GateSpec?, _ key: EvidenceKey, _ frame: EngineFrame) -> GateReport {
        GateReport(
            name: run.gate, look: run.look, isLooking: run.isLooking, count: gate?.schedule.count ?? 1,
            passes: run.passes, failures: run.failures, inconclusive: run.inconclusive, hasPassed: run.hasPassed,
            last: frame.evidence[key])
    }

    private func watchReport(
        _ watch: WatchState, _ service: ServiceName, _ id: EnvironmentID, _ frame: EngineFrame
    ) -> WatchReport {
        var report = WatchReport(
            deployment: watch.deployment, release: watch.release.number, phase: watch.phase.word,
            remaining: watch.remaining(now()), onFailure: watch.spec.onFailure.word, failure: watch.failure?.text,
            waitsSince: watch.waitsSince?.wall)
        report.gates = watch.runs.map { run in
            gateReport(run, watch.gate(run.gate), EvidenceKey(id, service, run), frame)
        }
        if watch.phase == .waiting { report.waitsFor = watch.question }
        return report
    }
}

extension EvidenceKey {
    fileprivate init(_ environment: EnvironmentID, _ service: ServiceName, _ run: GateRun) {
        self.init(environment: environment, service: service, run: run.id)
    }
}

extension RolloutState {
    /// What a person is asked for.
    func awaited(of service: ServiceName, in id: EnvironmentID, _ requester: String) -> String? {
        guard waitsSince != nil else { return nil }
        // What is typed without an environment goes to another one.
        let place = id.name == "dev" ? "" : " \(id.name)"
        if crossroads != nil {
            return "it failed after its migration: `slipway retry\(place)` goes forward, "
                + "`slipway abort\(place) --accept` goes back"
        }
        if migration?.phase == .unknown, stuckSince == nil {
            return "nobody knows whether the migration ran: look, then "
                + "`slipway migrate\(place) --done|--failed|--again`"
        }
        if phase == .held, stuckSince == nil {
            return "it failed and stays for inspection, without traffic: `slipway abort\(place)` ends it, "
                + "`slipway retry\(place)` tries it from the start"
        }
        if stuckSince != nil { return "stable does not come back: look at its instances, then `slipway retry\(place)`" }
        if let approval, pausedSince == nil {
            let what = "\(place) \(service) \(approval.gate)`"
            let words = "`slipway approve\(what), or `slipway reject\(what)"
            return switch approval.spec.by {
            case .anyone: words
            case .other: "\(words), by another user than \(requester)"
            }
        }
        if isGateHeld {
            return "a gate is inconclusive: `slipway promote\(place)` lets it look on, or `slipway abort\(place)`"
        }
        if pausedSince != nil { return "`slipway resume\(place)`" }
        return "`slipway promote\(place)`"
    }
}

extension [LatencyBucket] {
    /// The upper bound below which the given share lies.
    /// - Parameter percentile: in thousandths of a percent.
    package func quantile(_ percentile: Int) -> Int {
        let total = reduce(0) { $0 + $1.count }
        guard total > 0 else { return 0 }
        var seen = 0
        for bucket in self {
            seen += bucket.count
            if seen * 100_000 >= total * percentile { return bucket.microseconds }
        }
        return last?.microseconds ?? 0
    }
}
