import Domain
import FoundationEssentials
import Testing

@testable import Judging

@Suite struct SequentialJudgeTests {
    private func sample(
        _ weight: Double = 0.1, canary: (Int, Int), stable: (Int, Int), slow: [EventCount] = []
    ) -> TrafficSample {
        TrafficSample(
            weight: weight,
            canary: ReleaseSample(requests: canary.1, errors: EventCount(canary.0), slow: slow),
            stable: ReleaseSample(requests: stable.1, errors: EventCount(stable.0), slow: slow))
    }

    private let judge = SequentialJudge(SequentialSpec(errors: Tolerance(absolute: 0.005)))

    @Test func aBadCanaryFails() throws {
        let answer = judge.look([sample(canary: (25, 500), stable: (45, 4500))])
        #expect(answer.verdict == .fail)
        #expect(answer.reason == .worseOrInstance)
        let found = try #require(answer.comparisons.first)
        let interval = try #require(found.differenceInterval)
        #expect(interval.low > 0.005 && interval.low < 0.04 && interval.high > 0.04 && interval.high < 0.2)
        #expect(found.canaryRate == 0.05 && found.stableRate == 0.01)
        #expect(isNear(try #require(found.ratio), 5))
        #expect(
            answer.evidence.summary
                == "the canary is worse than tolerated: error rate 5% (25 of 500) on the canary, 1% (45 of 4500) on"
                + " stable; with one canary instance, whether it is the release or the instance cannot be told")
    }

    @Test func aGoodCanaryPasses() throws {
        let answer = judge.look([sample(canary: (40, 8000), stable: (360, 72_000))])
        #expect(answer.verdict == .pass)
        #expect(answer.reason == .noWorse)
        let interval = try #require(answer.comparisons.first?.differenceInterval)
        #expect(interval.low < 0 && interval.high > 0 && interval.high < 0.006)
    }

    @Test func tooLittleIsNoAnswer() throws {
        let answer = judge.look([sample(canary: (1, 200), stable: (9, 1800))])
        #expect(answer.verdict == .inconclusive)
        #expect(answer.reason == .tooFew)
        let needed = try #require(answer.comparisons.first?.needed)
        #expect(needed.verdict == .pass && needed.count > 2000 && needed.count < 60_000)
        #expect(answer.evidence.summary.contains("more requests are likely to be needed for a pass"))
        #expect(judge.look([], isLast: true).reason == .notShown)
        #expect(judge.look([]).verdict == .inconclusive)
    }

    /// With as many more as it says at the same rates, it is decided.
    @Test(arguments: [(0.01, 0.01), (0.001, 0.001), (0.03, 0.01)])
    func theOutlookIsAboutRight(_ rates: (Double, Double)) throws {
        func at(_ requests: Double) -> SequentialVerdict {
            let (own, other) = (requests * 0.1, requests * 0.9)
            return judge.look([
                sample(
                    canary: (Int(own * rates.0), Int(own)), stable: (Int(other * rates.1), Int(other)))
            ])
        }
        let first = at(1000)
        let needed = try #require(first.comparisons.first?.needed)
        #expect(at(1000 + Double(needed.count) * 1.2).verdict == needed.verdict)
        #expect(at(1000 + Double(needed.count) * 0.3).verdict == .inconclusive)
    }

    @Test func withNothingToleratedOnlyFailuresAndBetterOnesAreShown() {
        let strict = SequentialJudge(SequentialSpec(errors: Tolerance.none))
        #expect(strict.look([sample(canary: (400, 40_000), stable: (3600, 360_000))], isLast: true).reason == .notShown)
        #expect(strict.look([sample(canary: (25, 500), stable: (45, 4500))]).verdict == .fail)
        #expect(strict.look([sample(canary: (10, 10_000), stable: (900, 90_000))]).verdict == .pass)
    }

    @Test func aRelativeToleranceIsRelative() {
        let twice = SequentialJudge(SequentialSpec(errors: Tolerance(relative: 1)))
        #expect(twice.look([sample(canary: (180, 10_000), stable: (900, 90_000))]).verdict == .inconclusive)
        #expect(twice.look([sample(canary: (400, 10_000), stable: (900, 90_000))]).verdict == .fail)
        #expect(twice.look([sample(canary: (100, 10_000), stable: (900, 90_000))]).verdict == .pass)
    }

    /// Rates that rise for both together with the weight look like a difference to a comparison of totals.
    @Test func theWeightAtTheTimeOfEachRequestEnters() {
        let early = sample(0.05, canary: (5, 5000), stable: (95, 95_000))
        let late = sample(0.5, canary: (2500, 50_000), stable: (2500, 50_000))
        let answer = judge.look([early, late])
        #expect(answer.verdict == .pass)
        #expect(abs(answer.comparisons.first?.difference ?? 1) < 1e-12)
        let total = sample(0.275, canary: (2505, 55_000), stable: (2595, 145_000))
        #expect(judge.look([total]).verdict == .fail)
    }

    @Test func windowsOfOneWeightAddUp() {
        let parts = [
            sample(canary: (2, 100), stable: (9, 900)), sample(0.2, canary: (1, 50), stable: (2, 200)),
            sample(canary: (3, 110), stable: (7, 890)),
        ]
        let whole = [
            sample(canary: (5, 210), stable: (16, 1790)), sample(0.2, canary: (1, 50), stable: (2, 200)),
        ]
        #expect(judge.look(parts) == judge.look(whole))
        #expect(judge.look(parts.reversed()).verdict == judge.look(whole).verdict)
    }

    /// What cannot be true is an error, never a pass.
    @Test func impossibleCountsAreErrors() {
        let good = sample(canary: (40, 8000), stable: (360, 72_000))
        var bad: [TrafficSample] = []
        for weight in [0, 1, -0.1, 1.5, .nan, .infinity] {
            bad.append(sample(weight, canary: (40, 8000), stable: (360, 72_000)))
        }
        bad.append(sample(canary: (-1, 8000), stable: (360, 72_000)))
        bad.append(sample(canary: (40, -8000), stable: (360, 72_000)))
        bad.append(sample(canary: (8001, 8000), stable: (360, 72_000)))
        bad.append(sample(canary: (40, 8000), stable: (360, 72_000), slow: [EventCount(1)]))
        bad.append(sample(canary: (40, 8000), stable: (360, .max)))
        for one in bad {
            let answer = judge.look([good, one])
            #expect(answer.verdict == .error && answer.reason == .invalid, "\(one)")
            #expect(answer.evidence.summary.hasPrefix("cannot be judged: "))
        }
        #expect(judge.look([good]).verdict == .pass)
    }

    @Test func impossibleSpecsAreErrors() {
        let good = [sample(canary: (40, 8000), stable: (360, 72_000))]
        let none = Tolerance(absolute: 0.01)
        let bad = [
            SequentialSpec(errors: nil), SequentialSpec(errors: Tolerance(absolute: .nan)),
            SequentialSpec(errors: Tolerance(absolute: -0.1)), SequentialSpec(errors: Tolerance(relative: -0.1)),
            SequentialSpec(errors: none, falseAlarms: 0), SequentialSpec(errors: none, missed: 1),
            SequentialSpec(errors: none, confidence: .nan),
            SequentialSpec(errors: none, latencies: [LatencyTolerance(percentile: 0, tolerance: 0.1)]),
        ]
        for spec in bad { #expect(SequentialJudge(spec).look(good).verdict == .error, "\(spec)") }
        #expect(SequentialJudge(SequentialSpec(errors: none)).look(good).verdict == .pass)
    }

    /// What is kept in records has to be writable, unknown ends and all.
    @Test func comparisonsSurviveJSON() throws {
        for sample in [sample(canary: (0, 10), stable: (0, 90)), sample(canary: (25, 500), stable: (45, 4500))] {
            let found = judge.look([sample]).comparisons
            let data = try JSONEncoder().encode(found)
            #expect(try JSONDecoder().decode([Comparison].self, from: data) == found)
        }
        #expect(judge.look([sample(canary: (0, 10), stable: (0, 90))]).comparisons.first?.ratioInterval?.high == nil)
    }

    /// The split that the test rests on is checked, too.
    @Test func aWrongSplitIsNoticed() {
        let tooMany = judge.look([sample(0.1, canary: (300, 20_000), stable: (400, 80_000))])
        #expect(tooMany.verdict == .error && tooMany.reason == .misrouted)
        let hanging = judge.look([sample(0.1, canary: (5, 5000), stable: (475, 95_000))])
        #expect(hanging.verdict == .inconclusive && hanging.reason == .misrouted)
        // What still ended on it is bad enough.
        #expect(judge.look([sample(0.1, canary: (500, 5000), stable: (475, 95_000))]).verdict == .fail)
        // Chance alone: six standard deviations are beyond it, three are not.
        #expect(judge.look([sample(0.1, canary: (9, 9715), stable: (90, 90_285))]).verdict == .pass)
    }
}
