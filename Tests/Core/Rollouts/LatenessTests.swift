import Domain
import Rollouts
import Testing

/// What is told of a rollout that does not go on.
@Suite struct LatenessTests {
    private func lateness(instance: String = "", trouble: String = "", missing: String? = nil) -> String? {
        story(instance: instance, trouble: trouble, missing: missing).rollout?.failure?.text
    }

    private func story(
        instance: String = "", trouble: String = "", missing: String? = nil
    ) -> (rollout: RolloutState?, events: [Event]) {
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
        for span in [Span.zero, .minutes(6), .minutes(12), .minutes(18)] {
            var decision = ServiceDecision()
            state.step(
                ServiceObservation(
                    now: now.advanced(by: span), runtime: runtime, router: RouterView(version: 1, missing: missing),
                    isRuntimeCaughtUp: true, isRouterCaughtUp: false, fence: 1, trouble: trouble), into: &decision)
            events += decision.events
            // As its deployment does.
            guard state.rollout?.phase == .failing, let failure = state.rollout?.failure else { continue }
            state.beginRevert(failure, now: now.advanced(by: span), events: &events)
        }
        return (state.rollout, events)
    }

    @Test func itSaysWhatStandsInTheWay() {
        let text = "no progress for 5m at: replace instances"
        #expect(lateness(trouble: "") == text)
        #expect(lateness(trouble: "the cluster does not answer") == "\(text); the cluster does not answer")
        #expect(lateness(missing: "an endpoint is missing") == "\(text); an endpoint is missing")
        #expect(lateness(instance: "no node has room", trouble: "x") == "\(text); instance 2: no node has room")
    }

    @Test func itSaysWhatKeepsStableFromComingBack() {
        let texts = story(missing: "a proxy does not follow").events.filter { $0.kind == .needsPerson }.map(\.text)
        #expect(texts == ["cannot get api@1 back for 5m; a proxy does not follow"])
    }
}
