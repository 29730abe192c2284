package import Domain
package import Rollouts

/// What a step of an environment brought, besides the changed state.
package struct EnvironmentDecision: Sendable {
    package var events: [Event] = []
    /// Per service, by its place in `services`.
    package var looks: [(service: Int, order: LookOrder)] = []
    package var marks: [(service: Int, order: LookOrder)] = []
    package var migrations: [(service: Int, order: MigrationOrder)] = []
    package var answers: [CommandAnswer] = []
    package var releases: [ReleaseRecord] = []
    /// Deployments that ended in this step: their records are written once more.
    package var ended: [DeploymentState] = []
    package var lifted: [QuarantineEntry] = []
    package var wake: Span?

    package init() {}

    package mutating func wake(in span: Span) { wake = min(wake ?? span, span) }
}

extension EnvironmentState {
    /// Looks at all services and says what follows. `seen` has one entry per service, in their order.
    package mutating func step(
        _ seen: [ServiceObservation], now: Moment, into decision: inout EnvironmentDecision
    ) {
        for index in services.indices {
            var part = ServiceDecision()
            services[index].step(seen[index], into: &part)
            decision.events += part.events
            for order in part.looks { decision.looks.append((index, order)) }
            for order in part.marks { decision.marks.append((index, order)) }
            for order in part.migrations { decision.migrations.append((index, order)) }
            if let wake = part.wake { decision.wake(in: wake) }
        }
        if deployment == nil { followWatches(now: now, into: &decision) }
        guard isDeploymentDue else { return }
        advance(now: now, into: &decision)
    }

    /// Whether anything follows for the deployment under way. In most steps nothing does.
    private var isDeploymentDue: Bool {
        guard let phase = deployment?.phase else { return false }
        if phase != .advancing { return true }
        for state in services where state.rollout?.phase == .failing { return true }
        return hasWaveArrived
    }

    private mutating func advance(now: Moment, into decision: inout EnvironmentDecision) {
        guard var deployment else { return }
        if deployment.phase == .advancing { standAtCrossroads(now: now, into: &decision) }
        if deployment.phase == .advancing {
            let failing = services.filter { $0.rollout?.phase == .failing }
            if let bad = failing.first(where: { $0.rollout?.holdsFailure == false }) {
                deployment.phase = .reverting
                deployment.failure = bad.rollout?.failure
                deployment.failedService = bad.service
                decision.events.append(
                    Event(
                        .deploymentFailed, at: now.wall, deployment: deployment.number, service: bad.service,
                        release: bad.rollout?.to.number, text: deployment.failure?.text ?? ""))
            } else if !failing.isEmpty {
                hold(failing.map(\.service), now: now, into: &decision)
            } else if hasWaveArrived {
                if deployment.wave + 1 < deployment.waves {
                    deployment.wave += 1
                    begin(wave: deployment.wave, of: deployment, now: now, into: &decision)
                } else {
                    commit(&deployment, now: now, into: &decision)
                }
            }
        }
        if deployment.phase == .reverting { revert(&deployment, now: now, into: &decision) }
        if deployment.phase.isOver {
            decision.ended.append(deployment)
            self.deployment = nil
        } else {
            self.deployment = deployment
        }
    }

    /// The deployment goes no further while one of its rollouts is held: it has not arrived.
    private mutating func hold(
        _ failing: [ServiceName], now: Moment, into decision: inout EnvironmentDecision
    ) {
        for service in failing {
            guard let index = index(of: service) else { continue }
            services[index].beginHold(now: now, events: &decision.events)
        }
        decision.wake(in: .zero)
    }

    private var hasWaveArrived: Bool {
        guard let deployment else { return false }
        for item in deployment.items where item.wave <= deployment.wave {
            guard let index = index(of: item.service), services[index].rollout?.phase == .arrived else { return false }
        }
        return true
    }

    mutating func begin(
        wave: Int, of deployment: DeploymentState, now: Moment, into decision: inout EnvironmentDecision
    ) {
        for item in deployment.items where item.wave == wave {
            guard let index = index(of: item.service) else { continue }
            services[index].begin(now: now, events: &decision.events)
        }
        decision.wake(in: .zero)
    }

    private mutating func commit(
        _ deployment: inout DeploymentState, now: Moment, into decision: inout EnvironmentDecision
    ) {
        var watches: [Event] = []
        for item in deployment.items {
            guard let index = index(of: item.service) else { continue }
            services[index].commit(now: now, goesBack: deployment.takesBack != nil, events: &watches)
        }
        for service in deployment.removals {
            guard let index = index(of: service) else { continue }
            if !services[index].isDown { deployment.tookDown.append(service) }
            services[index].prune(deployment.number, now: now, by: deployment.by, events: &decision.events)
        }
        deployment.phase = .committed
        deployment.ended = now
        deployment.standing = services.compactMap { state in
            guard let stable = state.stable, !state.isDown else { return nil }
            return StandingRelease(service: state.service, release: stable)
        }
        decision.events.append(Event(.committed, at: now.wall, deployment: deployment.number, by: deployment.by))
        decision.events += watches
        tellTakenBack(deployment, now: now, into: &decision)
        watched = services.contains { $0.watch != nil } ? deployment : nil
        decision.wake(in: .zero)
    }

    /// Last wave first: a wave goes back when every later one has.
    private mutating func revert(
        _ deployment: inout DeploymentState, now: Moment, into decision: inout EnvironmentDecision
    ) {
        let blamed = deployment.failedService
        let other = RolloutFailure(.deployment, "\(blamed.map { "\($0)" } ?? "the deployment") failed")
        for wave in stride(from: deployment.waves - 1, through: 0, by: -1) {
            var isBack = true
            for item in deployment.items where item.wave == wave {
                guard let index = index(of: item.service), let rollout = services[index].rollout else { continue }
                if rollout.phase != .reverted {
                    // What follows from it is for the next step: nothing seen may bring that.
                    if rollout.phase != .reverting { decision.wake(in: .zero) }
                    services[index].beginRevert(
                        item.service == blamed ? deployment.failure ?? other : other, now: now,
                        events: &decision.events)
                }
                if services[index].rollout?.phase != .reverted { isBack = false }
            }
            guard isBack else { return }
        }
        closeReverted(&deployment, now: now, into: &decision)
    }

    private mutating func closeReverted(
        _ deployment: inout DeploymentState, now: Moment, into decision: inout EnvironmentDecision
    ) {
        for item in deployment.items {
            guard let index = index(of: item.service), let rollout = services[index].rollout else { continue }
            if let failure = rollout.failure {
                quarantine(
                    item.to, of: item.service, because: failure, deployment: deployment.number, now: now,
                    into: &decision)
            }
            services[index].closeReverted()
        }
        deployment.phase = .reverted
        deployment.ended = now
        decision.events.append(
            Event(
                .deploymentReverted, at: now.wall, deployment: deployment.number, service: deployment.failedService,
                text: deployment.failure?.text ?? ""))
        tellNotTakenBack(deployment, now: now, into: &decision)
        decision.wake(in: .zero)
    }

    /// Nothing where the failure says nothing of the release.
    mutating func quarantine(
        _ release: ReleaseFacts, of service: ServiceName, because failure: RolloutFailure,
        deployment: DeploymentNumber, now: Moment, into decision: inout EnvironmentDecision
    ) {
        guard failure.code.blamesRelease, isQuarantined(release.digest) == nil else { return }
        quarantine.append(
            QuarantineEntry(
                service: service, release: release.number, digest: release.digest, at: now.wall, reason: failure.text))
        decision.events.append(
            Event(
                .quarantined, at: now.wall, deployment: deployment, service: service, release: release.number,
                text: failure.text))
    }
}
