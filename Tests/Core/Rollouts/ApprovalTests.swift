import Domain
import Rollouts
import Testing

@Suite struct ApprovalTests {
    static let now = Moment(wall: 1_000_000, boot: 1_000, bootID: 1)

    /// A rollout that waits for its only gate.
    private func waiting(
        _ spec: ApprovalSpec = ApprovalSpec(by: .other, within: .hours(1)), _ onInconclusive: OnInconclusive = .revert
    ) -> ServiceState {
        let gate = GateSpec(
            name: GateName("ok"), question: .approval(spec),
            schedule: GateSchedule(onInconclusive: onInconclusive, extendLimit: .minutes(30)))
        let facts = ReleaseFacts(
            number: ReleaseNumber(1), digest: ContentDigest(words: (1, 0, 0, 0)), replicas: 1, isRouted: false,
            drain: .zero)
        let plan = RolloutPlan(
            strategy: StrategySpec(kind: .rolling(RollingSpec(gates: [gate.name]))), gates: [gate], isFirst: true,
            isRouted: false)
        var rollout = RolloutState(deployment: DeploymentNumber(7), from: nil, to: facts, plan: plan, now: Self.now)
        rollout.phase = .advancing
        rollout.stage = plan.stages.firstIndex(of: .gate(gate.name)) ?? 0
        var state = ServiceState(service: ServiceName("api"))
        state.queue(rollout)
        var decision = ServiceDecision()
        state.step(ServiceObservation(now: Self.now, fence: 1), into: &decision)
        return state
    }

    private func say(_ state: inout ServiceState, by: String, yes: Bool = true, gate: String? = nil) -> String? {
        var events: [Event] = []
        let word = ApprovalWord(
            gate: gate.map { GateName($0) }, isApproved: yes, reason: "read", by: by, requester: "ann")
        return state.hear(word, now: Self.now, events: &events)
    }

    private func wait(_ state: inout ServiceState, _ span: Span) -> ServiceDecision {
        var decision = ServiceDecision()
        state.step(ServiceObservation(now: Self.now.advanced(by: span), fence: 1), into: &decision)
        return decision
    }

    @Test func waitsForAPersonAndSaysSo() {
        let state = waiting()
        #expect(state.rollout?.waitsSince == Self.now)
        #expect(state.rollout?.approval?.gate == GateName("ok"))
    }

    @Test func anotherUserIsAnother() {
        var state = waiting()
        #expect(say(&state, by: "ann")?.contains("another user than ann") == true)
        #expect(state.rollout?.approval != nil)
        #expect(say(&state, by: "bob") == nil)
        #expect(state.rollout?.approval == nil)
    }

    @Test func anyoneMayBeTheSame() {
        var state = waiting(ApprovalSpec())
        #expect(say(&state, by: "ann") == nil)
    }

    @Test func anotherGateIsNotAnswered() {
        var state = waiting()
        #expect(say(&state, by: "bob", gate: "other")?.contains("not for other") == true)
        #expect(state.rollout?.approval != nil)
    }

    @Test func aNoGoesBackAndBlamesTheRelease() {
        var state = waiting()
        #expect(say(&state, by: "ann", yes: false) == nil)
        #expect(state.rollout?.failure == RolloutFailure(.rejected, "gate ok: rejected by ann: read"))
        #expect(state.rollout?.failure?.code.blamesRelease == true)
    }

    @Test func nobodyIsNoYes() {
        var state = waiting()
        #expect(wait(&state, .minutes(59)).wake == .minutes(1))
        #expect(state.rollout?.phase == .advancing)
        #expect(wait(&state, .hours(1)).events.map(\.kind) == [.approvalExpired])
        #expect(state.rollout?.phase == .failing)
        #expect(state.rollout?.failure?.code.blamesRelease == false)
    }

    @Test func nobodyCanBeWaitedForLonger() {
        var extended = waiting(ApprovalSpec(within: .hours(1)), .extend)
        _ = wait(&extended, .minutes(89))
        #expect(extended.rollout?.phase == .advancing)
        _ = wait(&extended, .minutes(90))
        #expect(extended.rollout?.failure?.code == .unapproved)
        var held = waiting(ApprovalSpec(by: .other, within: .hours(1)), .hold)
        _ = wait(&held, .hours(1))
        #expect(held.rollout?.isGateHeld == true)
        #expect(say(&held, by: "bob") == nil)
    }

    @Test func whoAskedCannotSkipIt() {
        var state = waiting()
        var events: [Event] = []
        let first = state.promote(skipGate: "hurry", requester: "ann", now: Self.now, by: "ann", events: &events)
        #expect(first?.contains("another user") == true)
        #expect(state.promote(skipGate: nil, requester: "ann", now: Self.now, by: "bob", events: &events) != nil)
        #expect(state.promote(skipGate: "hurry", requester: "ann", now: Self.now, by: "bob", events: &events) == nil)
        #expect(events.map(\.kind) == [.gateSkipped])
    }
}
