import Domain
import Rollouts
import Testing

/// Between how many instances a cluster's autoscaler may move.
@Suite struct ScalingBoundsTests {
    private static let now = Moment(wall: 1_000_000, boot: 1_000, bootID: 1)

    private func facts(_ number: Int, replicas: Int) -> ReleaseFacts {
        ReleaseFacts(
            number: ReleaseNumber(number), digest: ContentDigest(words: (UInt64(number), 0, 0, 0)), replicas: replicas,
            isRouted: true, drain: .seconds(10), declared: 2,
            scale: ScaleSpec(min: 2, max: 8, targets: [ScaleTarget(metric: .cpu, perInstance: 500, share: 50)]))
    }

    private func state(_ kind: StrategyKind? = nil) -> ServiceState {
        var state = ServiceState(service: ServiceName("api"))
        state.stable = facts(1, replicas: 4)
        state.sets = [SetWish(release: ReleaseNumber(1), count: 4)]
        state.weights = [WeightShare(release: ReleaseNumber(1), weight: .all)]
        guard let kind else { return state }
        state.queue(
            RolloutState(
                deployment: DeploymentNumber(7), from: facts(1, replicas: 4), to: facts(2, replicas: 4),
                plan: RolloutPlan(
                    strategy: StrategySpec(kind: kind), gates: [], isFirst: false, isReturn: false, isRouted: true),
                now: Self.now))
        var events: [Event] = []
        state.begin(now: Self.now, events: &events)
        return state
    }

    private func look(_ state: inout ServiceState) {
        var runtime = RuntimeView(version: 1)
        for (index, set) in state.sets.enumerated() {
            for place in 0..<set.count {
                runtime.instances.append(
                    InstanceView(
                        id: InstanceID(UInt64(index * 100 + place)), release: set.release, phase: .ready,
                        readyFor: .hours(1)))
            }
        }
        var router = RouterView(version: 1)
        router.targets = state.weights.map { TargetView(release: $0.release, weight: $0.weight, instances: []) }
        var decision = ServiceDecision()
        state.step(
            ServiceObservation(
                now: Self.now, runtime: runtime, router: router, isRuntimeCaughtUp: true, isRouterCaughtUp: true,
                fence: 1), into: &decision)
    }

    private func bounds(_ state: ServiceState) -> [Int: ScaleBounds?] {
        Dictionary(uniqueKeysWithValues: state.wishedSets.map { ($0.release.value, $0.bounds) })
    }

    @Test func aReleaseThatStandsAloneMovesAsItsManifestSays() {
        #expect(bounds(state()) == [1: ScaleBounds(min: 2, max: 8)])
    }

    @Test func aTrialKeepsWhatEachHasAsItsFloor() {
        var state = state(.canary(CanarySpec(steps: [.weight(Weight(clamping: 50)), .hold(.minutes(1))])))
        look(&state)
        #expect(bounds(state) == [1: ScaleBounds(min: 4, max: 8), 2: ScaleBounds(min: 2, max: 8)])
    }

    @Test func aRollTakesTheOldOneDownWhateverItsLoad() {
        var state = state(.rolling(RollingSpec()))
        look(&state)
        let found = bounds(state)
        #expect(found[1] == .some(nil) && found[2]??.min == state.count(of: ReleaseNumber(2)), "\(found)")
    }

    @Test func aCountByHandIsFixed() {
        var state = state()
        state.hand = HandCount(count: 4, since: Self.now, span: nil, by: "root")
        #expect(bounds(state) == [1: nil])
    }
}
