import Domain
import Rollouts
import Testing

/// What is told of a rollout that does not go on.
@Suite struct LatenessTests {
    private func lateness(instance: String = "", trouble: String) -> String? {
        let now = Moment(wall: 1_000_000, boot: 1_000, bootID: 1)
        let (old, new) = (ReleaseNumber(1), ReleaseNumber(2))
        func facts(_ number: ReleaseNumber) -> ReleaseFacts {
            ReleaseFacts(
                number: number, digest: ContentDigest(words: (UInt64(number.value), 0, 0, 0)), replicas: 1,
                isRouted: true, drain: .zero)
        }
        var state = ServiceState(service: ServiceName("api"))
        state.stable = facts(old)
        state.sets = [SetWish(release: old, count: 1)]
        state.weights = [WeightShare(release: old, weight: .all)]
        let strategy = StrategySpec(kind: .rolling(RollingSpec()), progressDeadline: .minutes(5))
        state.queue(
            RolloutState(
                deployment: DeploymentNumber(7), from: facts(old), to: facts(new),
                plan: RolloutPlan(strategy: strategy, gates: [], isFirst: false, isReturn: false, isRouted: true),
                now: now))
        var events: [Event] = []
        state.begin(now: now, events: &events)
        var runtime = RuntimeView(version: 1)
        runtime.instances = [
            InstanceView(id: InstanceID(1), release: old, phase: .ready, readyFor: .hours(1)),
            InstanceView(id: InstanceID(2), release: new, phase: .starting, trouble: instance),
        ]
        for span in [Span.zero, .minutes(6)] {
            var decision = ServiceDecision()
            state.step(
                ServiceObservation(
                    now: now.advanced(by: span), runtime: runtime, router: RouterView(version: 1),
                    isRuntimeCaughtUp: true, isRouterCaughtUp: false, fence: 1, trouble: trouble), into: &decision)
            events += decision.events
        }
        return state.rollout?.failure?.text
    }

    @Test func itSaysWhatStandsInTheWay() {
        let text = "no progress for 5m at: replace instances"
        #expect(lateness(trouble: "") == text)
        #expect(lateness(trouble: "the cluster does not answer") == "\(text); the cluster does not answer")
        #expect(lateness(instance: "no node has room", trouble: "x") == "\(text); instance 2: no node has room")
    }
}
