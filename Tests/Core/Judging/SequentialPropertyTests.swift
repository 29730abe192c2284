import Domain
import Testing

@testable import Judging

/// What must hold for any counts.
@Suite struct SequentialPropertyTests {
    private func strata(_ seed: UInt64) -> [Stratum] {
        var random = SeededGenerator(state: seed)
        return (0..<3).map { _ in
            let events = (Int(random.next() % 20), Int(random.next() % 40))
            return Stratum(
                share: 0.02 + 0.9 * random.unit(), canaryEvents: events.0, stableEvents: events.1,
                exposure: .trials(events.0 + events.1 + Int(random.next() % 5000)))
        }
    }

    private func swapped(_ strata: [Stratum]) -> [Stratum] {
        strata.map {
            Stratum(
                share: 1 - $0.share, canaryEvents: $0.stableEvents, stableEvents: $0.canaryEvents, exposure: $0.exposure
            )
        }
    }

    /// The test for passing is the test for failing with the roles swapped, and the tolerance turned round.
    @Test(arguments: UInt64(1)...20) func swappedRolesSwapTheTests(_ seed: UInt64) {
        let strata = strata(seed)
        for absolute in [-0.01, 0, 0.005, 0.02] {
            let own = Wealth(null: .tolerable, bets: .against).logarithm(strata, Tolerance(absolute: absolute))
            let other = Wealth(null: .intolerable, bets: .against).logarithm(
                swapped(strata), Tolerance(absolute: -absolute))
            #expect(isNear(own, other), "\(own) \(other)")
        }
        let own = Wealth(null: .tolerable, bets: .against).logarithm(strata, Tolerance(relative: 0.25))
        let other = Wealth(null: .intolerable, bets: .against).logarithm(swapped(strata), Tolerance(relative: -0.2))
        #expect(isNear(own, other), "\(own) \(other)")
    }

    @Test(arguments: UInt64(1)...20) func orderDoesNotMatter(_ seed: UInt64) {
        let strata = strata(seed)
        for null in [Wealth.Null.tolerable, .intolerable] {
            let wealth = Wealth(null: null, bets: .against)
            let tolerance = Tolerance(absolute: 0.003)
            #expect(isNear(wealth.logarithm(strata, tolerance), wealth.logarithm(strata.reversed(), tolerance)))
        }
    }

    /// More tolerated, less evidence against; another error on the canary, more of it.
    @Test(arguments: UInt64(1)...20) func evidenceMovesTheRightWay(_ seed: UInt64) {
        var strata = strata(seed)
        let against = Wealth(null: .tolerable, bets: .against)
        let favour = Wealth(null: .intolerable, bets: .favour)
        let little = Tolerance(absolute: 0.002)
        let much = Tolerance(absolute: 0.01)
        #expect(against.logarithm(strata, little) > against.logarithm(strata, much))
        #expect(favour.logarithm(strata, little) < favour.logarithm(strata, much))
        let before = (against.logarithm(strata, little), favour.logarithm(strata, little))
        strata[0].canaryEvents += 1
        #expect(against.logarithm(strata, little) > before.0)
        #expect(favour.logarithm(strata, little) < before.1)
    }

    /// The same errors on both sides, in proportion to the traffic, are evidence for nobody's being worse.
    @Test func equalNoiseIsNoEvidence() {
        let wealth = Wealth(null: .tolerable, bets: .against)
        var last = 1e-12
        for noise in [0, 1, 10, 100, 1000] {
            let stratum = Stratum(
                share: 0.1, canaryEvents: noise, stableEvents: 9 * noise, exposure: .trials(100_000))
            let found = wealth.logarithm([stratum], .none)
            #expect(found <= last, "\(noise): \(found)")
            last = found
        }
    }

    /// At the edge of the null one more request leaves the expected wealth as it was: the gamble is fair.
    @Test func theGambleIsFair() {
        for (weight, rate, absolute, relative) in [(0.1, 0.02, 0.005, 0.0), (0.5, 0.1, 0, 0.5), (0.02, 0.3, 0.02, 0.2)]
        {
            let tolerance = Tolerance(absolute: absolute, relative: relative)
            let canary = rate * (1 + relative) + absolute
            for null in [Wealth.Null.tolerable, .intolerable] {
                for gain in [0.1, 2, 50] {
                    func factor(_ own: Int, _ other: Int) -> Double {
                        let stratum = Stratum(
                            share: weight, canaryEvents: own, stableEvents: other, exposure: .trials(1))
                        return RealFunctions.exp(
                            Bet(stratum, tolerance, null).logarithm(gain, RealFunctions.log1p(gain)))
                    }
                    let expected =
                        weight * canary * factor(1, 0) + (1 - weight) * rate * factor(0, 1)
                        + (1 - weight * canary - (1 - weight) * rate) * factor(0, 0)
                    #expect(isNear(expected, 1, 1e-12))
                }
            }
        }
    }

    /// With a hundred looks each, healthy rollouts fail no more often than asked for, bursts or not.
    @Test(arguments: [1.0, 10.0]) func falseAlarmsStayBelowTheLevel(_ burst: Double) throws {
        let judge = Wealth(null: .tolerable, bets: .against)
        var alarms = 0
        let rollouts = 400
        for seed in 1...UInt64(rollouts) {
            var traffic = SeededTraffic(canary: 0.02, stable: 0.02, burst: burst, seed: seed)
            for _ in 0..<100 {
                traffic.draw(30)
                let stratum = Stratum(
                    share: 0.1, canaryEvents: traffic.canary.errors.surely,
                    stableEvents: traffic.stable.errors.surely, exposure: .trials(0))
                if judge.logarithm([stratum], .none) >= -RealFunctions.log(0.05) {
                    alarms += 1
                    break
                }
            }
        }
        let found = try #require(ClopperPearson(hits: alarms, trials: rollouts, confidence: 0.99))
        #expect(found.low <= 0.05, "\(alarms) of \(rollouts)")
    }

    /// Canaries with five times the errors are caught, and soon.
    @Test func badCanariesAreCaught() {
        let judge = SequentialJudge(SequentialSpec(errors: Tolerance.none))
        var needed: [Int] = []
        for seed in 1...UInt64(60) {
            var traffic = SeededTraffic(canary: 0.05, stable: 0.01, seed: seed)
            for _ in 0..<80 {
                traffic.draw(250)
                if judge.look([traffic.sample]).verdict == .fail { break }
            }
            if judge.look([traffic.sample]).verdict == .fail { needed.append(traffic.canary.requests) }
        }
        #expect(needed.count == 60)
        // Wald's test with known rates needs about 110.
        #expect(needed.sorted()[30] < 330, "\(needed.sorted())")
    }
}
