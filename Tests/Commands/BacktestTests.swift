import Deployments
import Domain
import FoundationEssentials
import Judging
import Rollouts
import Testing

@testable import Commands

/// A changed gate on past rollouts: what is counted as what, and what is not used.
@Suite struct BacktestTests {
    private func gate(_ errors: Int) -> GateSpec {
        GateSpec(
            name: GateName("good"), question: .analysis(AnalysisSpec(errors: .absolute(errors))),
            schedule: GateSchedule(interval: .seconds(2), patience: .minutes(10)))
    }

    private func rollout(
        _ number: Int, _ release: ReleaseQuality, gates: [GateSpec], isFirst: Bool = false
    ) -> PastRollout {
        func facts(_ number: Int) -> ReleaseFacts {
            ReleaseFacts(
                number: ReleaseNumber(number), digest: ContentDigest(words: (UInt64(number), 0, 0, 0)), replicas: 2,
                isRouted: true, drain: .zero)
        }
        let plan = RolloutPlan(
            strategy: StrategySpec(kind: .canary(CanarySpec(steps: [])), background: gates.map(\.name)), gates: gates,
            isFirst: isFirst, isRouted: true)
        let item = DeploymentItem(
            service: ServiceName("api"), wave: 0, from: isFirst ? nil : facts(number - 1), to: facts(number),
            plan: plan)
        return PastRollout(
            deployment: DeploymentNumber(number), started: 0, item: item, release: release, why: "as the test wants it")
    }

    /// Looks two seconds apart, each with 200 requests on either side.
    private func recorded(
        _ number: Int, by asked: GateSpec, failing: Int, looks: Int, said last: String
    ) throws -> RecordedRuns.Run {
        var run = try #require(RecordedRuns.Run(key: "api#\(number)/\(asked.name)/1"))
        let bytes = Data(asked.recorded(version: 1)).base64EncodedString()
        var lines = [
            "{\"recording\": 1, \"service\": \"api\", \"canary\": \(number), \"stable\": \(number - 1),"
                + " \"deployment\": \(number), \"gate\": \"\(asked.name)\", \"asked\": \"\(bytes)\"}",
            "{\"at\": 0, \"source\": \"a\"}",
        ]
        for look in 1...looks {
            let said = look == looks ? last : "inconclusive"
            lines.append(
                "{\"at\": \(look * 2000), \"look\": \(look), \"said\": \"\(said)\", \"splits\": [{\"split\": 1, \"releases\": ["
                    + "{\"release\": \(number - 1), \"weight\": 50, \"requests\": 200, \"errors\": 1},"
                    + "{\"release\": \(number), \"weight\": 50, \"requests\": 200, \"errors\": \(failing)}]}]}")
        }
        run.text = lines.joined(separator: "\n") + "\n"
        return run
    }

    private let api = [ServiceName("api")]

    @Test func alarmsAndMissesAreThoseOfGoodAndBadReleases() async throws {
        let strict = gate(5_000)
        let rollouts = [
            rollout(2, .bad, gates: [strict]), rollout(3, .good, gates: [strict]), rollout(4, .good, gates: [strict]),
        ]
        let kept = RecordedRuns(runs: [
            try recorded(2, by: strict, failing: 24, looks: 5, said: "fail"),
            try recorded(3, by: strict, failing: 1, looks: 40, said: "pass"),
            // It was good, and failed by chance: more than stable's, yet tolerable.
            try recorded(4, by: strict, failing: 9, looks: 30, said: "fail"),
        ])
        let loose = await GateBacktest(gate(400_000), usedBy: api, rollouts, kept)
        #expect(loose.isChanged)
        #expect(loose.before == strict)
        #expect(loose.cases.map(\.now.decision.word) == ["pass", "pass", "pass"])
        #expect(loose.cases.map { $0.then?.decision.word } == ["fail", "pass", "fail"])
        #expect(loose.now.misses == 1)
        #expect(loose.then.misses == 0)
        #expect(loose.now.alarms == 0)
        #expect(loose.then.alarms == 1)
        #expect(loose.isWorse, "a bad release would be passed")
        let looser = await GateBacktest(gate(80_000), usedBy: api, rollouts, kept)
        #expect(looser.cases.first?.now.decision.word == "fail")
        #expect(looser.cases.last?.now.decision.word == "pass")
        #expect(!looser.isWorse)
        #expect(looser.then.looks == 30)
    }

    @Test func whatCannotBeUsedIsListedWithTheReason() async throws {
        let strict = gate(5_000)
        var broken = try recorded(5, by: strict, failing: 1, looks: 3, said: "pass")
        broken.text = broken.text.replacing("\"split\"", with: "\"spilt\"")
        let test = await GateBacktest(
            gate(10_000), usedBy: api,
            [
                rollout(1, .good, gates: [], isFirst: true), rollout(2, .good, gates: []),
                rollout(3, .good, gates: [strict]), rollout(5, .good, gates: [strict]),
            ], RecordedRuns(runs: [broken]))
        #expect(test.cases.isEmpty)
        #expect(
            test.unused.map(\.rollout) == ["#1 api@1", "#2 api@2", "#3 api@3", "#5 api@5"], "nothing is left out")
        #expect(test.unused[0].why.contains("nothing stood before it"))
        #expect(test.unused[1].why.contains("no gate of it judged traffic"))
        #expect(test.unused[2].why.contains("not kept"))
        #expect(test.unused[3].why.contains("`spilt` means nothing here"))
    }

    @Test func aNewGateIsTriedOnWhatAnotherRecorded() async throws {
        let other = GateSpec(
            name: GateName("errors"), question: .threshold(ThresholdSpec(errorRate: 100_000)),
            schedule: GateSchedule(interval: .seconds(2)))
        let kept = RecordedRuns(runs: [try recorded(2, by: other, failing: 24, looks: 5, said: "fail")])
        let test = await GateBacktest(gate(5_000), usedBy: api, [rollout(2, .bad, gates: [other])], kept)
        #expect(test.before == nil)
        #expect(test.cases.map(\.recorded.text) == ["errors"])
        #expect(test.cases.first?.then == nil)
        #expect(test.cases.first?.now.decision.word == "fail")
        #expect(!test.isWorse)
        let lines = BacktestView(style: .plain).lines([test], notes: [])
        #expect(lines.first == "gate good  new")
        #expect(lines.contains { $0.contains("by what gate errors recorded") })
        #expect(lines.contains { $0.contains("misses: 0 of 1 bad release") })
    }
}
