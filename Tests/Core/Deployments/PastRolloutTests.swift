import Deployments
import Domain
import Judging
import Rollouts
import Testing

/// What came of the releases of the past.
@Suite struct PastRolloutTests {
    private func facts(_ number: Int) -> ReleaseFacts {
        ReleaseFacts(
            number: ReleaseNumber(number), digest: ContentDigest(words: (UInt64(number), 0, 0, 0)), replicas: 1,
            isRouted: true, drain: .zero)
    }

    private func deployment(
        _ number: Int, _ kind: DeploymentKind = .deploy, _ phase: DeploymentPhase = .committed,
        of services: [String] = ["api"],
        from: Int, to: Int, failure: RolloutFailure? = nil
    ) -> DeploymentState {
        let strategy = StrategySpec(kind: .rolling(RollingSpec()))
        var state = DeploymentState(
            number: DeploymentNumber(number), kind: kind, by: "ann", reason: "",
            started: Moment(wall: Int64(number), boot: 0, bootID: 1),
            items: services.map { service in
                DeploymentItem(
                    service: ServiceName(service), wave: 0, from: facts(from), to: facts(to),
                    plan: RolloutPlan(strategy: strategy, gates: [], isFirst: false, isRouted: true))
            })
        state.phase = phase
        state.failure = failure
        if failure != nil { state.failedService = ServiceName("api") }
        return state
    }

    private func told(_ deployments: [DeploymentState], good: [Int] = [], bad: [Int] = []) -> [String] {
        PastRollout.all(of: deployments, good: good, bad: bad)
            .map { "\($0.label) \($0.release.rawValue): \($0.why)" }
    }

    @Test func whatStandsIsGoodAndWhatWasTakenBackIsBad() {
        var back = deployment(4, .revert, from: 3, to: 2)
        back.takesBack = DeploymentNumber(3)
        // The order in which they are read does not matter.
        let past = told([
            back, deployment(3, from: 2, to: 3), deployment(1, from: 0, to: 1), deployment(2, from: 1, to: 2),
        ])
        #expect(past.count == 4)
        #expect(past[0] == "#1 api@1 good: stands, or a later release took its place")
        #expect(past[1].hasPrefix("#2 api@2 good"))
        #expect(past[2] == "#3 api@3 bad: taken back by #4")
    }

    @Test func whatAPersonWentBackFromIsBad() {
        let past = told([
            deployment(1, from: 0, to: 1), deployment(2, from: 1, to: 2), deployment(3, .rollback, from: 2, to: 1),
        ])
        #expect(past[1] == "#2 api@2 bad: rolled back by #3")
        // Going back from a later one says nothing of it.
        let later = told([
            deployment(1, from: 0, to: 1), deployment(2, from: 1, to: 2), deployment(3, from: 2, to: 3),
            deployment(4, .rollback, from: 3, to: 1),
        ])
        #expect(later[1].hasPrefix("#2 api@2 good") && later[2] == "#3 api@3 bad: rolled back by #4")
    }

    @Test func aFailureIsTheFailedServicesAlone() {
        let gate = deployment(
            1, .deploy, .reverted, of: ["api", "web"], from: 1, to: 2,
            failure: RolloutFailure(.gate, "gate good: worse\nmore"))
        #expect(
            told([gate]) == [
                "#1 api@2 bad: reverted: gate good: worse", "#1 web@2 unknown: went back for another service's sake",
            ])
        let person = deployment(
            2, .deploy, .reverted, from: 1, to: 2, failure: RolloutFailure(.aborted, "aborted by ann"))
        #expect(told([person]) == ["#2 api@2 unknown: reverted: aborted by ann"])
    }

    @Test func aPersonKnowsBetter() {
        let past = [deployment(1, from: 0, to: 1), deployment(2, from: 1, to: 2)]
        #expect(told(past, good: [1], bad: [2]) == ["#1 api@1 good: said to be good", "#2 api@2 bad: said to be bad"])
    }

    @Test func whatIsUnderWayIsNoPast() {
        #expect(told([deployment(1, .deploy, .advancing, from: 0, to: 1)]).isEmpty)
    }
}
