import Domain
import Rollouts
import Testing

/// A canary where instances share the requests.
@Suite struct ReplicaShareTests {
    private static let now = Moment(wall: 1_000_000, boot: 1_000, bootID: 1)
    private static let (old, new) = (ReleaseNumber(1), ReleaseNumber(2))

    private func facts(_ number: ReleaseNumber) -> ReleaseFacts {
        ReleaseFacts(
            number: number, digest: ContentDigest(words: (UInt64(number.value), 0, 0, 0)), replicas: 4, isRouted: true,
            drain: .seconds(10))
    }

    private func begun(_ weights: [Int]) -> ServiceState {
        let canary = CanarySpec(
            steps: weights.map { .weight(Weight(clamping: $0)) }, sticky: false, sharesReplicas: true)
        var state = ServiceState(service: ServiceName("api"))
        state.stable = facts(Self.old)
        state.sets = [SetWish(release: Self.old, count: 4)]
        state.weights = [WeightShare(release: Self.old, weight: .all)]
        state.queue(
            RolloutState(
                deployment: DeploymentNumber(7), from: facts(Self.old), to: facts(Self.new),
                plan: RolloutPlan(
                    strategy: StrategySpec(kind: .canary(canary)), gates: [], isFirst: false, isRouted: true),
                now: Self.now))
        var events: [Event] = []
        state.begin(now: Self.now, events: &events)
        return state
    }

    private func step(_ state: inout ServiceState, failing: Bool = false) {
        var runtime = RuntimeView(version: 1)
        for set in state.sets {
            for place in 0..<set.count {
                let isBad = failing && set.release == Self.new
                runtime.instances.append(
                    InstanceView(
                        id: InstanceID(UInt64(set.release.value * 100 + place)), release: set.release,
                        phase: isBad ? .failed : .ready, readyFor: .hours(1), trouble: isBad ? "exit code 1" : ""))
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

    /// Counts of the old and of the new release, as they follow each other.
    private func counts(_ state: inout ServiceState, steps: Int) -> [[Int]] {
        var seen: [[Int]] = []
        for _ in 0..<steps {
            step(&state)
            let counts = [Self.old, Self.new].map { release in
                state.sets.first { $0.release == release }?.count ?? 0
            }
            if seen.last != counts { seen.append(counts) }
        }
        return seen
    }

    @Test func numbersFollowTheWeightsAndTogetherNeverFallBelowWhatIsNeeded() {
        var state = begun([20, 50, 80])
        #expect(counts(&state, steps: 30) == [[4, 1], [4, 4], [1, 4]])
        #expect(state.rollout?.phase == .arrived)
    }

    /// Stable is whole before it has all requests again.
    @Test func goingBackMakesStableWholeFirst() {
        var state = begun([80, 90])
        while state.sets.first(where: { $0.release == Self.old })?.count == 4 { step(&state) }
        var events: [Event] = []
        state.beginRevert(RolloutFailure(.gate, "a gate failed"), now: Self.now, events: &events)
        let weights = state.weights
        step(&state)
        #expect(state.sets.first { $0.release == Self.old }?.count == 4 && state.weights == weights)
        for _ in 0..<10 { step(&state) }
        #expect(state.sets == [SetWish(release: Self.old, count: 4)])
        #expect(state.rollout?.phase == .reverted)
    }
}
