import Domain
import Rollouts
import Testing

@Suite struct PlanTests {
    private func plan(_ kind: StrategyKind, isFirst: Bool = false, isReturn: Bool = false) -> [Stage] {
        let gates = [
            GateSpec(name: GateName("g"), question: .health),
            GateSpec(name: GateName("t"), question: .threshold(ThresholdSpec())),
        ]
        return RolloutPlan(
            strategy: StrategySpec(kind: kind), gates: gates, isFirst: isFirst, isReturn: isReturn, isRouted: true
        ).stages
    }

    @Test func aCanaryEndsWithAllTraffic() {
        let spec = CanarySpec(steps: [.weight(Weight(clamping: 5)), .gate(GateName("g")), .holdUntilPromoted])
        #expect(
            plan(.canary(spec)) == [
                .shift(Weight(clamping: 5)), .gate(GateName("g")), .holdUntilPromoted, .shift(.all),
            ])
    }

    @Test func aGateBeforeTheFirstWeightLooksAtOneInstance() {
        let spec = CanarySpec(steps: [.gate(GateName("g")), .weight(.all)])
        #expect(plan(.canary(spec)) == [.shift(.none), .gate(GateName("g")), .shift(.all)])
    }

    @Test func theFirstReleaseIsNotJudgedByTraffic() {
        let spec = CanarySpec(steps: [.weight(Weight(clamping: 5)), .gate(GateName("t")), .gate(GateName("g"))])
        #expect(plan(.canary(spec), isFirst: true) == [.bringUp, .gate(GateName("g")), .shift(.all)])
    }

    @Test func goingBackHasNoGates() {
        let spec = BlueGreenSpec(before: [GateName("g")], autoPromote: false)
        #expect(plan(.blueGreen(spec), isReturn: true) == [.bringUp, .shift(.all)])
    }

    @Test func whatRunsAloneWaitsForNothingElseEvenTheFirstTime() {
        #expect(plan(.recreate(RecreateSpec()), isFirst: true).first == .stopOld)
        #expect(
            plan(.recreate(RecreateSpec(gates: [GateName("g")]))) == [
                .holdRequests, .stopOld, .bringUp, .gate(GateName("g")), .shift(.all),
            ])
    }
}
