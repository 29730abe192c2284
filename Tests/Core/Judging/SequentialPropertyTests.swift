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

    /// Cohorts are drawn without replacement; over every way in which those that fail can lie on the sides, the
    /// expected wealth is at most one, although a window shows only how many failed.
    @Test(arguments: [(2, 3), (4, 20), (30, 6)]) func drawingCohortsIsNoGain(_ atRisk: (Int, Int)) {
        func choices(_ all: Int, _ some: Int) -> Double {
            (0..<some).reduce(1) { $0 * Double(all - $1) / Double($1 + 1) }
        }
        for failing in 1...5 {
            for null in [Wealth.Null.tolerable, .intolerable] {
                for tolerance in [Tolerance.none, Tolerance(absolute: 0.01)] {
                    var expected = 0.0
                    for own in max(0, failing - atRisk.1)...min(failing, atRisk.0) {
                        let canary = CohortCount(atRisk: atRisk.0, failed: own, observed: 0)
                        let stable = CohortCount(atRisk: atRisk.1, failed: failing - own, observed: 0)
                        let sample = TrafficSample(
                            weight: 0.5, canary: ReleaseSample(requests: 40, errors: EventCount(own, cohorts: canary)),
                            stable: ReleaseSample(requests: 40, errors: EventCount(failing - own, cohorts: stable)))
                        let strata = StrataReading([sample], unit: .cohort).strata(.errors, null)
                        let wealth = Wealth(null: null, bets: .against).logarithm(strata, tolerance)
                        let chance =
                            choices(atRisk.0, own) * choices(atRisk.1, failing - own)
                            / choices(atRisk.0 + atRisk.1, failing)
                        expected += chance * RealFunctions.exp(wealth)
                    }
                    #expect(expected <= 1 + 1e-9, "\(failing) failing: \(expected)")
                    // Worth betting at all, where nothing was added for safety.
                    #expect(expected > 0.05)
                }
            }
        }
    }

    /// Windows that are joined never bring wealth.
    @Test(arguments: UInt64(1)...20) func joiningWindowsCostsOnly(_ seed: UInt64) {
        var random = SeededGenerator(state: seed)
        var atRisk = (1000, 9000)
        let windows = (0..<12).map { _ in
            let failed = (Int(random.next() % 3), Int(random.next() % 12))
            defer { atRisk = (atRisk.0 - failed.0, atRisk.1 - failed.1) }
            return TrafficSample(
                weight: 0.1,
                canary: ReleaseSample(
                    requests: 100,
                    errors: EventCount(3, cohorts: CohortCount(atRisk: atRisk.0, failed: failed.0, observed: 20))),
                stable: ReleaseSample(
                    requests: 900,
                    errors: EventCount(12, cohorts: CohortCount(atRisk: atRisk.1, failed: failed.1, observed: 180))))
        }
        let joined = StrataReading(windows, unit: .cohort)
        #expect(joined.samples.count < windows.count)
        for null in [Wealth.Null.tolerable, .intolerable] {
            for tolerance in [Tolerance.none, Tolerance(absolute: 0.004)] {
                let wealth = Wealth(null: null, bets: .favour)
                let single = windows.flatMap { StrataReading([$0], unit: .cohort).strata(.errors, null) }
                let whole = wealth.logarithm(joined.strata(.errors, null), tolerance)
                #expect(whole <= wealth.logarithm(single, tolerance) + 1e-12)
            }
        }
    }

    /// The intervals of all looks together miss the truth as seldom as the confidence says.
    @Test func intervalsHoldOverAllLooks() throws {
        var misses = (difference: 0, ratio: 0)
        let rollouts = 80
        for seed in 1...UInt64(rollouts) {
            var traffic = SeededTraffic(weight: 0.3, canary: 0.06, stable: 0.03, seed: seed)
            var missed = (difference: false, ratio: false)
            for _ in 0..<6 {
                traffic.draw(500)
                let stratum = Stratum(
                    share: 0.3, canaryEvents: traffic.canary.errors.surely, stableEvents: traffic.stable.errors.surely,
                    exposure: .trials(traffic.canary.requests + traffic.stable.requests))
                let counts = UnitCounts(StrataReading([traffic.sample], unit: .request), .errors)
                let intervals = Intervals(confidence: 0.8)
                let difference = intervals.difference(counts.difference ?? 0, against: [stratum], favour: [stratum])
                let ratio = intervals.ratio(counts.ratio ?? 1, against: [stratum], favour: [stratum])
                if !(difference.low...difference.high).contains(0.03) { missed.difference = true }
                if !(ratio.low...(ratio.high ?? .infinity)).contains(2) { missed.ratio = true }
            }
            if missed.difference { misses.difference += 1 }
            if missed.ratio { misses.ratio += 1 }
        }
        for count in [misses.difference, misses.ratio] {
            let found = try #require(ClopperPearson(hits: count, trials: rollouts, confidence: 0.99))
            #expect(found.low <= 0.2 && count > 0, "\(misses)")
        }
    }

    /// The ends of an interval are where the test changes its mind, to a hundredth of their distance.
    @Test(arguments: UInt64(1)...20) func intervalsAreInvertedTests(_ seed: UInt64) {
        let strata = strata(seed)
        let found = Intervals(confidence: 0.95).difference(0, against: strata, favour: strata)
        let needed = -RealFunctions.log(0.025)
        func wealth(_ null: Wealth.Null, _ value: Double) -> Double {
            Wealth(null: null, bets: .interval).logarithm(strata, Tolerance(absolute: value))
        }
        guard found.low > -1, found.high < 1, found.low < 0, found.high > 0 else { return }
        #expect(wealth(.tolerable, found.low) >= needed && wealth(.tolerable, found.low * 0.98) < needed)
        #expect(wealth(.intolerable, found.high) >= needed && wealth(.intolerable, found.high * 0.98) < needed)
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
