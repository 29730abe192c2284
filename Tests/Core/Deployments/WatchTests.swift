import Deployments
import Domain
import Judging
import Rollouts
import Testing

@Suite struct WatchTests {
    private let now = Moment(wall: 1_000_000, boot: 1_000, bootID: 1)

    private func facts(_ number: Int) -> ReleaseFacts {
        ReleaseFacts(
            number: ReleaseNumber(number), digest: ContentDigest(words: (UInt64(number), 0, 0, 0)), replicas: 1,
            isRouted: true, drain: .zero)
    }

    /// One service that stands at @2, watched since it took over from @1, with an instance that has failed.
    private func failing(from: Int?) -> EnvironmentState {
        var state = EnvironmentState(id: EnvironmentID(project: "p", name: "e"))
        var api = ServiceState(service: ServiceName("api"))
        let spec = WatchSpec(span: .minutes(10))
        api.stable = facts(2)
        api.sets = [SetWish(release: ReleaseNumber(2), count: 1)]
        api.watch = WatchState(
            deployment: DeploymentNumber(7), release: facts(2), from: from.map { ReleaseNumber($0) }, spec: spec,
            gates: [], since: now, lastRun: 0)
        state.services = [api]
        state.nextDeployment = 8
        let strategy = StrategySpec(kind: .rolling(RollingSpec()), watch: spec)
        var deployment = DeploymentState(
            number: DeploymentNumber(7), kind: .deploy, by: "ann", reason: "", started: now,
            items: [
                DeploymentItem(
                    service: api.service, wave: 0, from: from.map { facts($0) }, to: facts(2),
                    plan: RolloutPlan(strategy: strategy, gates: [], isFirst: from == nil, isRouted: true))
            ])
        deployment.phase = .committed
        state.watched = deployment
        return state
    }

    private func step(_ state: inout EnvironmentState, _ phase: InstancePhase) -> EnvironmentDecision {
        var decision = EnvironmentDecision()
        let instance = InstanceView(
            id: InstanceID(3), release: ReleaseNumber(2), phase: phase, trouble: "exit code 1")
        let seen = ServiceObservation(now: now, runtime: RuntimeView(version: 1, instances: [instance]), fence: 1)
        state.step(state.services.map { _ in seen }, now: now, into: &decision)
        return decision
    }

    @Test func aFailureStartsADeploymentThatTakesItBack() {
        var state = failing(from: 1)
        #expect(step(&state, .ready).events.isEmpty && state.watched != nil)
        let decision = step(&state, .failed)
        #expect(state.deployment?.kind == .revert && state.deployment?.takesBack == DeploymentNumber(7))
        #expect(state.deployment?.items.map(\.to.number) == [ReleaseNumber(1)])
        #expect(state.deployment?.by == "slipway")
        #expect(state.isQuarantined(facts(2).digest)?.reason == "instance 3: exit code 1")
        #expect(
            decision.events.map(\.kind) == [
                .watchFailed, .deploymentFailed, .deploymentStarted, .rolloutStarted, .quarantined,
            ])
        // The same once more brings no second one.
        #expect(step(&state, .failed).events.isEmpty && state.nextDeployment == 9)
    }

    @Test func aQuarantinedReleaseIsNotGoneBackTo() {
        var state = failing(from: 1)
        state.quarantine.append(
            QuarantineEntry(
                service: ServiceName("api"), release: ReleaseNumber(1), digest: facts(1).digest, at: 0, reason: "old"))
        let decision = step(&state, .failed)
        #expect(state.deployment == nil && state.services[0].watch?.phase == .waiting)
        let asked = decision.events.last
        #expect(asked?.kind == .needsPerson && asked?.text.contains("is in quarantine") == true)
        #expect(state.isQuarantined(facts(2).digest) == nil)
    }

    @Test func whereNothingStoodBeforeAPersonIsAsked() {
        var state = failing(from: nil)
        let decision = step(&state, .failed)
        #expect(state.deployment == nil && state.services[0].watch?.phase == .waiting)
        #expect(decision.events.last?.text.contains("slipway down e") == true)
        var answer = EnvironmentDecision()
        state.take(
            CommandEnvelope(id: 1, by: "ann", command: .promote(nil, skipGate: nil)), now: now, into: &answer)
        #expect(state.services[0].watch == nil && state.watched == nil)
        #expect(answer.events.map(\.kind) == [.watchEnded] && answer.events[0].by == "ann")
    }

    @Test func recordsComeBack() throws {
        var watch = WatchState(
            deployment: DeploymentNumber(7), release: facts(2), from: ReleaseNumber(1),
            spec: WatchSpec(span: .minutes(5), gates: [GateName("a"), GateName("b")], onFailure: .hold),
            gates: [GateSpec(name: GateName("a"), question: .health)], since: now, lastRun: 4)
        watch.runs = [GateRun(id: 4, gate: GateName("a"), started: now)]
        watch.phase = .waiting
        watch.failure = RolloutFailure(.undecided, "too little")
        watch.waitsSince = now
        watch.reminders = 2
        watch.question = "what now?"
        var service = ServiceState(service: ServiceName("api"))
        service.watch = watch
        let version = ServiceState.recordVersion
        #expect(try ServiceState(recorded: service.recorded(version: version), known: version) == service)
        let strategy = StrategySpec(kind: .recreate(RecreateSpec()), watch: watch.spec)
        #expect(try StrategySpec(recorded: strategy.recorded(version: 1), known: 1) == strategy)
        var deployment = failing(from: 1).watched
        deployment?.takesBack = DeploymentNumber(3)
        deployment?.tookDown = [ServiceName("old")]
        let bytes = try #require(deployment).recorded(version: DeploymentState.recordVersion)
        #expect(try DeploymentState(recorded: bytes, known: DeploymentState.recordVersion) == deployment)
        #expect(watch.remaining(now.advanced(by: .minutes(2))) == .minutes(3))
        #expect(watch.remaining(now.advanced(by: .hours(2))) == .zero)
    }
}
