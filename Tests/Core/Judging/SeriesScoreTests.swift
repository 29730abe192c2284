import Domain
import Testing

@testable import Judging

@Suite struct SeriesScoreTests {
    private let low = (0..<30).map { 100 + Double($0) }
    private let high = (0..<30).map { 200 + Double($0) }

    private func metric(_ name: String, _ groups: [String], critical: Bool = false, must: Bool = false) -> SeriesMetric
    {
        SeriesMetric(name: name, groups: groups, isCritical: critical, mustHaveData: must)
    }

    private func good(_ name: String) -> SeriesPair { SeriesPair(name, canary: low, baseline: low) }
    private func bad(_ name: String) -> SeriesPair { SeriesPair(name, canary: high, baseline: low) }
    private func none(_ name: String) -> SeriesPair { SeriesPair(name, canary: [], baseline: low) }

    private func look(
        _ metrics: [SeriesMetric], _ pairs: [SeriesPair], _ weights: [GroupWeight] = []
    ) -> SeriesVerdict {
        SeriesJudge(SeriesSpec(metrics: metrics, groupWeights: weights)).look(pairs)
    }

    @Test func groupsAreWeighted() {
        let metrics = [metric("a", ["x"]), metric("b", ["x"]), metric("c", ["y"]), metric("d", ["z"])]
        let pairs = [good("a"), bad("b"), good("c"), good("d")]
        // x: 50 of 100 at 60 %; y and z share the rest.
        let answer = look(metrics, pairs, [GroupWeight("x", 60)])
        #expect(answer.score == 70)
        #expect(answer.verdict == .fail)
        #expect(answer.groups.map(\.weight) == [60, 20, 20])
        #expect(answer.groups.map(\.score) == [50, 100, 100])
        #expect(answer.evidence.summary == "score 70 of 100, failed: b; 95 pass, 75 are marginal")
    }

    @Test func marksDecide() {
        let metrics = (0..<20).map { metric("m\($0)", ["g"]) }
        func verdict(_ failing: Int) -> Verdict {
            look(metrics, (0..<20).map { $0 < failing ? bad("m\($0)") : good("m\($0)") }).verdict
        }
        #expect([0, 1, 2, 5, 6].map(verdict) == [.pass, .pass, .inconclusive, .inconclusive, .fail])
    }

    @Test func aCriticalFailureFailsEverything() {
        let metrics = [metric("a", ["g"], critical: true)] + (0..<30).map { metric("m\($0)", ["g"]) }
        let rest = (0..<30).map { good("m\($0)") }
        let answer = look(metrics, rest + [bad("a")])
        #expect(answer.verdict == .fail && answer.score == 0)
        #expect(look(metrics, rest + [good("a")]).verdict == .pass)
        #expect(look(metrics, rest + [none("a")]).verdict == .inconclusive)
        var mild = metrics
        mild[0].criticalIncrease = 3
        #expect(look(mild, rest + [bad("a")]).verdict == .pass)
    }

    @Test func errorsNeverScore() {
        let metrics = [metric("a", ["g"]), metric("b", ["g"])]
        let failed = SeriesPair("b", error: "the source is down")
        #expect(look(metrics, [good("a"), failed]).verdict == .error)
        #expect(look(metrics, [SeriesPair("a", error: "down"), failed]).score == nil)
        #expect(look(metrics, [good("a")]).verdict == .error)
        #expect(look(metrics, [good("a"), failed]).evidence.summary == "b: the source is down")
    }

    @Test func noDataIsNoPass() {
        let metrics = [metric("a", ["x"]), metric("b", ["x"]), metric("c", ["y"])]
        #expect(look(metrics, [good("a"), good("b"), none("c")]).verdict == .inconclusive)
        #expect(look(metrics, [good("a"), none("b"), good("c")]).verdict == .pass)
        #expect(look(metrics, [none("a"), none("b"), good("c")]).verdict == .inconclusive)
        // Half of them in one group: the group has data, and still it is too little.
        #expect(look(Array(metrics[..<2]), [good("a"), none("b")]).verdict == .inconclusive)
        let needed = [metric("a", ["x"]), metric("b", ["x"], must: true), metric("c", ["y"])]
        #expect(look(needed, [good("a"), none("b"), good("c")]).score == 75)
    }

    @Test func impossibleSettingsAreErrors() {
        let one = [metric("a", ["g"])]
        #expect(look([], []).verdict == .error)
        #expect(look(one + one, [good("a")]).verdict == .error)
        #expect(look(one, [good("a")], [GroupWeight("g", 50)]).verdict == .error)
        #expect(look(one, [good("a")], [GroupWeight("h", 50)]).verdict == .error)
        #expect(look(one, [good("a")], [GroupWeight("g", .nan)]).verdict == .error)
        #expect(look(one, [good("a"), good("a")]).verdict == .error)
        #expect(look(one, [good("a"), good("b")]).verdict == .error)
        #expect(look([metric("a", [])], [good("a")]).verdict == .error)
        #expect(look(one, [good("a")], [GroupWeight("g", 100)]).verdict == .pass)
    }

    /// Series from one distribution: the interval misses zero no more often than its confidence says.
    @Test func falseAlarmsAreAsRareAsTheConfidenceSays() throws {
        let classifier = SeriesClassifier(confidence: 0.98, tolerance: 0)
        let metric = SeriesMetric(name: "m", groups: ["g"])
        var alarms = 0
        for seed in 1...UInt64(200) {
            var random = SeededGenerator(state: seed &* 0x9e37)
            let values = (0..<30).map { _ in -RealFunctions.log(1 - random.unit()) }
            let pair = SeriesPair("m", canary: Array(values[..<15]), baseline: Array(values[15...]))
            if classifier.result(metric, pair).label != .pass { alarms += 1 }
        }
        let found = try #require(ClopperPearson(hits: alarms, trials: 200, confidence: 0.99))
        #expect(found.low <= 0.02 && alarms > 0, "\(alarms)")
    }
}
