import Domain
import Testing

@testable import Judging

@Suite struct LastLookTests {
    private func sample(canary: (Int, Int), stable: (Int, Int)) -> TrafficSample {
        TrafficSample(
            weight: 0.25, canary: ReleaseSample(requests: canary.1, errors: EventCount(canary.0)),
            stable: ReleaseSample(requests: stable.1, errors: EventCount(stable.0)))
    }

    private let spec = SequentialSpec(errors: Tolerance(absolute: 0.005))

    @Test func itPassesWhatTheLooksBeforeCouldNot() {
        let good = [sample(canary: (22, 2500), stable: (75, 7500))]
        let judge = SequentialJudge(spec)
        #expect(judge.look(good).verdict == .inconclusive)
        let last = judge.look(good, isLast: true)
        #expect(last.verdict == .pass)
        #expect(last.comparisons.first?.isPassedAtLast == true)
        #expect(last.evidence.summary.hasPrefix("no worse than tolerated, by the test of the last look: "))
        var without = spec
        without.keptForLast = 0
        #expect(SequentialJudge(without).look(good, isLast: true).reason == .notShown)
    }

    @Test func nothingAtAllTakesThreeOrFourTimesTheMargin() {
        let test = LastLook(tolerance: Tolerance(absolute: 0.005), level: 0.025)
        func passes(_ requests: Int) -> Bool {
            test.passes([
                Stratum(share: 0.25, canaryEvents: 0, stableEvents: 0, exposure: .trials(requests * 4))
            ])
        }
        // The exact test: (1 - 0.005)^n < 0.025 from 736 on.
        #expect(!passes(736))
        #expect(passes(800))
        #expect(!test.passes([]))
    }

    /// Canaries at the edge pass no more often than asked for, looks and last look together.
    @Test(arguments: [0.001, 0.02]) func missesStayBelowTheLevel(_ rate: Double) throws {
        var passed = 0
        let rollouts = 300
        for seed in 1...UInt64(rollouts) {
            var traffic = SeededTraffic(weight: 0.25, canary: rate + 0.03, stable: rate, seed: seed)
            var test: MeasureTest.Outcome?
            for look in 1...8 {
                traffic.draw(150)
                let reading = StrataReading([traffic.sample], unit: .request)
                test = MeasureTest(
                    reading: reading, measure: .errors, tolerance: Tolerance(absolute: 0.03), falseAlarms: 0.01,
                    missed: 0.025, missedAtLast: 0.025
                ).outcome(isLast: look == 8)
                if test?.verdict == .pass { break }
            }
            if test?.verdict == .pass { passed += 1 }
        }
        let found = try #require(ClopperPearson(hits: passed, trials: rollouts, confidence: 0.99))
        #expect(found.low <= 0.05 && passed > 0, "\(passed)")
    }
}
