import Domain
import Judging
import Rollouts
import Testing

/// What a fresh baseline is in a rollout; the whole way is told by the traces.
@Suite struct BaselineTests {
    private static let fresh = GateSpec(
        name: GateName("fresh"), question: .analysis(AnalysisSpec(errors: .absolute(5_000), baseline: .fresh)))
    private static let later = GateSpec(
        name: GateName("later"), question: .command(CommandSpec(command: ["./check"], env: [])))
    private static let now = Moment(wall: 1_000_000, boot: 1_000, bootID: 1)
    private static let young = ReleaseNumber(1).baseline

    private static func weight(_ percent: Int) -> Weight { Weight(clamping: percent) }

    private func plan(
        _ steps: [CanaryStep], background: [GateName] = [], isFirst: Bool = false, isReturn: Bool = false
    ) -> RolloutPlan {
        RolloutPlan(
            strategy: StrategySpec(kind: .canary(CanarySpec(steps: steps)), background: background),
            gates: [Self.fresh, Self.later], isFirst: isFirst, isReturn: isReturn, isRouted: true)
    }

    private func facts(_ number: Int) -> ReleaseFacts {
        ReleaseFacts(
            number: ReleaseNumber(number), digest: ContentDigest(words: (UInt64(number), 0, 0, 0)), replicas: 4,
            isRouted: true, drain: .seconds(10))
    }

    /// A rollout from release 1 to release 2 that has begun, and its first step.
    private func begun(_ steps: [CanaryStep], background: [GateName] = []) -> ServiceState {
        var state = ServiceState(service: ServiceName("api"))
        state.stable = facts(1)
        state.sets = [SetWish(release: ReleaseNumber(1), count: 4)]
        state.weights = [WeightShare(release: ReleaseNumber(1), weight: .all)]
        state.queue(
            RolloutState(
                deployment: DeploymentNumber(7), from: facts(1), to: facts(2),
                plan: plan(steps, background: background), now: Self.now))
        var events: [Event] = []
        state.begin(now: Self.now, events: &events)
        return state
    }

    /// What is wished for is there; `ready` says how many of a release are.
    private func look(
        _ state: inout ServiceState, after span: Span = .zero, ready: [ReleaseNumber: Int] = [:],
        failed: ReleaseNumber? = nil, saying verdicts: [GateName: Verdict] = [:]
    ) {
        var runtime = RuntimeView(version: 1)
        var id: UInt64 = 0
        for set in state.sets {
            for place in 0..<set.count {
                id += 1
                let isReady = place < ready[set.release] ?? set.count
                runtime.instances.append(
                    InstanceView(
                        id: InstanceID(id), release: set.release,
                        phase: set.release == failed ? .failed : isReady ? .ready : .starting,
                        readyFor: isReady ? .hours(1) : .zero, trouble: set.release == failed ? "exit code 1" : ""))
            }
        }
        var router = RouterView(version: 1)
        router.targets = state.weights.map { TargetView(release: $0.release, weight: $0.weight, instances: []) }
        let asked = (state.rollout?.background ?? []) + [state.rollout?.gate].compactMap(\.self)
        let looks = asked.compactMap { run in
            verdicts[run.gate].map { LookView(run: run.id, look: run.look, result: LookResult($0, Evidence("seen"))) }
        }
        var decision = ServiceDecision()
        state.step(
            ServiceObservation(
                now: Self.now.advanced(by: span), runtime: runtime, router: router, looks: looks,
                isRuntimeCaughtUp: true, isRouterCaughtUp: true, fence: 1), into: &decision)
    }

    @Test func theBaselineStandsUntilTheLastGateThatComparesWithIt() {
        let steps: [CanaryStep] = [
            .weight(Self.weight(10)), .gate(Self.fresh.name), .weight(Self.weight(40)), .gate(Self.fresh.name),
            .weight(Self.weight(80)),
        ]
        #expect(plan(steps).lastBaselineStage == 3)
        #expect(plan(steps).gatesWithoutBaseline.isEmpty)
        #expect(plan(steps, isFirst: true).lastBaselineStage == nil)
        #expect(plan(steps, isReturn: true).lastBaselineStage == nil)
        let heavy: [CanaryStep] = [.weight(Self.weight(60)), .gate(Self.fresh.name)]
        #expect(plan(heavy).lastBaselineStage == nil)
        #expect(plan(heavy).gatesWithoutBaseline == [Self.fresh.name])
        #expect(plan([.gate(Self.fresh.name)]).gatesWithoutBaseline == [Self.fresh.name])
    }

    @Test func inTheBackgroundItsAnswerIsAwaitedBeforeTheCanaryGetsMoreThanHalf() {
        let steps: [CanaryStep] = [.weight(Self.weight(50)), .hold(.seconds(1))]
        let stages = plan(steps, background: [Self.fresh.name]).stages
        #expect(stages == [.shift(.half), .hold(.seconds(1)), .settle, .shift(.all), .settle])
        #expect(plan(steps, background: [Self.fresh.name]).lastBaselineStage == 2)
    }

    @Test func itStartsWithTheCanaryAndGetsAsMuchWhenBothAreReady() {
        var state = begun([.weight(Self.weight(30)), .gate(Self.fresh.name)])
        look(&state)
        #expect(state.count(of: ReleaseNumber(2)) == 2 && state.count(of: Self.young) == 2)
        look(&state, ready: [Self.young: 1])
        #expect(state.weight(of: ReleaseNumber(2)) == .none, "the baseline is not ready yet")
        look(&state)
        #expect(state.weights.map(\.weight.percent) == [40, 30, 30])
        #expect(state.weights.map(\.release) == [ReleaseNumber(1), ReleaseNumber(2), Self.young])
        #expect(state.count(of: ReleaseNumber(1)) == 4, "stable stays whole")
    }

    @Test func itLeavesWhenNothingComparesWithItAnyMore() {
        var state = begun([.weight(Self.weight(50)), .gate(Self.fresh.name)])
        look(&state)
        look(&state)
        #expect(state.weights.map(\.release) == [ReleaseNumber(2), Self.young])
        look(&state)
        #expect(state.rollout?.currentStage == .gate(Self.fresh.name))
        var events: [Event] = []
        _ = state.promote(skipGate: "seen", requester: "ann", now: Self.now, by: "ann", events: &events)
        look(&state)
        #expect(state.count(of: Self.young) == 2, "it has traffic until the router says otherwise")
        look(&state)
        #expect(state.weights.map(\.release) == [ReleaseNumber(2)])
        #expect(state.count(of: Self.young) == 2)
        look(&state)
        #expect(state.count(of: Self.young) == 0)
        look(&state)
        #expect(state.rollout?.phase == .arrived)
    }

    /// A background gate cannot be asked anew when its baseline has left: what it said stands.
    @Test func aPersonGoesOnFromACrossroadsBehindTheBaseline() {
        var state = begun(
            [.weight(Self.weight(30)), .weight(Self.weight(60)), .gate(Self.later.name)], background: [Self.fresh.name])
        var seconds: Int64 = 0
        while state.rollout?.phase == .advancing, seconds < 40 {
            look(&state, after: .seconds(seconds), saying: [Self.fresh.name: .pass, Self.later.name: .fail])
            seconds += 1
        }
        #expect(state.rollout?.failure?.code == .gate && state.count(of: Self.young) == 0)
        var events: [Event] = []
        state.standAtCrossroads(now: Self.now, events: &events)
        let objection = state.promote(
            skipGate: "seen", requester: "ann", now: Self.now.advanced(by: .seconds(seconds)), by: "ann",
            events: &events)
        #expect(objection == nil)
        while state.rollout?.phase == .advancing, seconds < 80 {
            look(&state, after: .seconds(seconds))
            seconds += 1
        }
        #expect(state.rollout?.phase == .arrived)
    }

    @Test func aBaselineThatDoesNotRunIsNotTheCanarysFault() {
        var state = begun([.weight(Self.weight(30)), .gate(Self.fresh.name)])
        look(&state)
        look(&state, failed: Self.young)
        #expect(state.rollout?.failure?.code == .baseline)
        #expect(state.rollout?.failure?.code.blamesRelease == false)
        #expect(state.rollout?.failure?.text.contains("the fresh baseline, api@1, does not run") == true)
        var late = begun([.weight(Self.weight(30)), .gate(Self.fresh.name)])
        look(&late)
        look(&late, after: .minutes(11), ready: [Self.young: 0])
        look(&late, after: .minutes(30), ready: [Self.young: 0])
        #expect(late.rollout?.failure?.code == .baseline, "\(String(describing: late.rollout?.failure))")
        var slow = begun([.weight(Self.weight(30)), .gate(Self.fresh.name)])
        look(&slow)
        look(&slow, after: .minutes(30), ready: [Self.young: 0, ReleaseNumber(2): 0])
        #expect(slow.rollout?.failure?.code == .progressDeadline, "the canary is not there either")
    }

    @Test func goingBackLeavesNothingOfIt() {
        var state = begun([.weight(Self.weight(30)), .gate(Self.fresh.name)])
        look(&state)
        look(&state)
        var events: [Event] = []
        state.beginRevert(RolloutFailure(.aborted, "enough"), now: Self.now, events: &events)
        look(&state)
        #expect(state.weights == [WeightShare(release: ReleaseNumber(1), weight: .all)])
        #expect(state.count(of: Self.young) == 2, "its requests end first")
        look(&state)
        #expect(state.count(of: Self.young) == 0)
        look(&state)
        look(&state)
        #expect(state.rollout?.phase == .reverted)
        #expect(state.sets == [SetWish(release: ReleaseNumber(1), count: 4)])
    }

    @Test(arguments: [30, 50]) func recordsKeepItApart(_ percent: Int) throws {
        var state = begun([.weight(Self.weight(percent)), .gate(Self.fresh.name)])
        look(&state)
        look(&state)
        #expect(state.weight(of: Self.young).percent == percent)
        var read = try ServiceState(
            recorded: state.recorded(version: ServiceState.recordVersion), known: ServiceState.recordVersion)
        #expect(read.sets == state.sets && read.weights == state.weights)
        // A rollout comes back without its plan.
        if let plan = state.rollout?.plan { read.rollout?.plan = plan }
        #expect(read == state)
    }
}
