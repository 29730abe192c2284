import Domain
import Testing

@testable import Judging

/// When routing sticks, users are what was assigned, and what one of them meets again and again is one piece of
/// evidence.
@Suite struct CohortTests {
    private func sample(
        _ canary: CohortCount, _ stable: CohortCount, requests: (Int, Int) = (1000, 9000)
    ) -> TrafficSample {
        TrafficSample(
            weight: 0.1,
            canary: ReleaseSample(requests: requests.0, errors: EventCount(canary.failed, cohorts: canary)),
            stable: ReleaseSample(requests: requests.1, errors: EventCount(stable.failed, cohorts: stable)))
    }

    private func judge(_ tolerance: Tolerance) -> SequentialJudge {
        SequentialJudge(SequentialSpec(errors: tolerance, unit: .cohort))
    }

    @Test func aBadCanaryFails() {
        let bad = [
            sample(
                CohortCount(atRisk: 1000, failed: 20, observed: 0), CohortCount(atRisk: 9000, failed: 30, observed: 0))
        ]
        #expect(judge(.none).look(bad).verdict == .fail)
        let summary = judge(.none).look(bad).evidence.summary
        #expect(summary.contains("error rate 2% (20 of 1000) on the canary, 0.333% (30 of 9000) on stable"))
        #expect(summary.contains("; in 20 of the canary's 1000 cohorts, 30 of stable's 9000"))
        let answer = judge(.none).look(bad).evidence.findings.last?.got ?? ""
        #expect(answer.hasPrefix("cohorts of users, assigned at random; the first event of each counts"))
    }

    /// What people read is the rate of their requests, however many cohorts there are.
    @Test func requestsAreSaidAndCohortsBeside() {
        let few = [
            sample(
                CohortCount(atRisk: 500, failed: 28, observed: 0), CohortCount(atRisk: 4500, failed: 0, observed: 0),
                requests: (160, 1440))
        ]
        let evidence = judge(Tolerance(absolute: 0.01)).look(few).evidence
        #expect(evidence.summary.contains("error rate 17.5% (28 of 160) on the canary, 0% (0 of 1440) on stable"))
        #expect(evidence.findings.first?.got.contains("of the cohorts") == true, "\(evidence.findings)")
    }

    @Test func asManyAsItsPartIsNoEvidence() {
        let even = [
            sample(
                CohortCount(atRisk: 1000, failed: 20, observed: 0), CohortCount(atRisk: 9000, failed: 180, observed: 0))
        ]
        #expect(judge(.none).look(even).verdict == .inconclusive)
    }

    /// Five in a thousand requests may bring an error more: as many cohorts may fail more.
    @Test func anAbsoluteToleranceIsForRequests() {
        func answer(_ requests: Int) -> Verdict {
            judge(Tolerance(absolute: 0.005)).look([
                sample(
                    CohortCount(atRisk: 1000, failed: 25, observed: 0),
                    CohortCount(atRisk: 9000, failed: 45, observed: 0), requests: (requests, 9 * requests))
            ]).verdict
        }
        #expect(answer(500) == .fail)
        #expect(answer(5000) == .inconclusive)
    }

    /// A pass takes cohorts that had their time to fail.
    @Test func aGoodCanaryPassesOnceEnoughCohortsWereSeen() {
        func answer(_ observed: Int) -> SequentialVerdict {
            judge(Tolerance(absolute: 0.01)).look([
                sample(
                    CohortCount(atRisk: 2500, failed: 2, observed: observed),
                    CohortCount(atRisk: 7500, failed: 6, observed: 0))
            ])
        }
        #expect(answer(2000).verdict == .pass)
        #expect(answer(100).verdict == .inconclusive)
        #expect(answer(100).comparisons.first?.needed?.verdict == .pass)
    }

    /// Those that failed are no longer at risk: without that, the smaller side looks bad once the larger is used up.
    @Test func theOrderOfFailuresWithinAWindowIsTakenAtItsWorst() {
        let reading = StrataReading(
            [
                sample(
                    CohortCount(atRisk: 100, failed: 40, observed: 0),
                    CohortCount(atRisk: 300, failed: 200, observed: 0))
            ], unit: .cohort)
        #expect(reading.strata(.errors, .tolerable).first?.share == 0.5)
        #expect(isNear(reading.strata(.errors, .intolerable).first?.share ?? 0, 60.0 / 360))
        let last = StrataReading(
            [sample(CohortCount(atRisk: 5, failed: 5, observed: 0), CohortCount(atRisk: 7, failed: 7, observed: 0))],
            unit: .cohort)
        let wealth = Wealth(null: .tolerable, bets: .against).logarithm(last.strata(.errors, .tolerable), .none)
        #expect(wealth <= 0 && wealth > -100)
        let other = Wealth(null: .intolerable, bets: .favour).logarithm(last.strata(.errors, .intolerable), .none)
        #expect(other <= 0 && other > -100)
    }

    /// Windows are joined while few cohorts fail in them, and with the same weight only.
    @Test func busyWindowsStayApart() {
        func window(_ failed: Int) -> TrafficSample {
            sample(
                CohortCount(atRisk: 1000, failed: failed, observed: 0),
                CohortCount(atRisk: 9000, failed: 9, observed: 0))
        }
        func count(_ windows: [TrafficSample]) -> Int { StrataReading(windows, unit: .cohort).samples.count }
        #expect(count([window(1), window(1), window(1)]) == 1)
        #expect(count([window(15), window(15), window(1)]) == 2)
        var other = window(1)
        other.weight = 0.2
        #expect(count([window(1), other, window(1)]) == 3)
    }

    @Test func withoutCohortsItIsAnError() {
        let bare = TrafficSample(
            weight: 0.1, canary: ReleaseSample(requests: 100, errors: EventCount(1)),
            stable: ReleaseSample(requests: 900, errors: EventCount(9)))
        #expect(judge(.none).look([bare]).verdict == .error)
        let impossible = sample(
            CohortCount(atRisk: 10, failed: 11, observed: 0), CohortCount(atRisk: 900, failed: 11, observed: 0))
        #expect(judge(.none).look([impossible]).verdict == .error)
    }

    /// A thousand users in a thousand cohorts, a few of whom always fail and come often; the weight rises on the way.
    /// Requests as the unit raise false alarms, cohorts do not.
    @Test func usersWhoAlwaysFailRaiseNoAlarms() throws {
        let rollouts = 150
        var alarms = (cohorts: 0, requests: 0)
        for seed in 1...UInt64(rollouts) {
            let found = StickyWorld(seed: seed).play(canaryRate: 0.002)
            if found.cohorts { alarms.cohorts += 1 }
            if found.requests { alarms.requests += 1 }
        }
        let found = try #require(ClopperPearson(hits: alarms.cohorts, trials: rollouts, confidence: 0.99))
        #expect(found.low <= 0.05, "\(alarms)")
        let naive = try #require(ClopperPearson(hits: alarms.requests, trials: rollouts, confidence: 0.99))
        #expect(naive.low > 0.05, "\(alarms)")
    }

    @Test func badCanariesAreCaughtBesideUsersWhoAlwaysFail() {
        let caught = (1...UInt64(40)).filter { StickyWorld(seed: $0).play(canaryRate: 0.05).cohorts }.count
        #expect(caught == 40)
    }
}

/// Sticky traffic: a canary at 5 %, then at 20 %.
private struct StickyWorld {
    private static let cohorts = 1000
    private var random: SeededGenerator
    private let rate = 0.002

    init(seed: UInt64) { random = SeededGenerator(state: seed &* 0xd134_2543_de82_ef95) }

    /// Whether each unit ever raises an alarm at 5 %.
    func play(canaryRate: Double) -> (cohorts: Bool, requests: Bool) {
        var random = random
        let always = Set((0..<8).map { _ in Int(random.next() % UInt64(Self.cohorts)) })
        let regulars = always.sorted()
        var failed = Set<Int>()
        var windows: [TrafficSample] = []
        // The wealth alone: whole looks would spend the test's time on intervals.
        func isAlarmed(_ unit: SequentialSpec.Unit) -> Bool {
            let strata = StrataReading(windows, unit: unit).strata(.errors, .tolerable)
            return Wealth(null: .tolerable, bets: .against).logarithm(strata, .none) >= -RealFunctions.log(0.05)
        }
        var found = (cohorts: false, requests: false)
        for window in 0..<16 {
            let edge = window < 8 ? 50 : 200
            let low = failed.filter { $0 < edge }.count
            let atRisk = (edge - low, Self.cohorts - edge - failed.count + low)
            var requests = (0, 0)
            var errors = (0, 0)
            var first = (0, 0)
            for _ in 0..<400 {
                // Who always fails tries again more often.
                let user =
                    random.isHit(0.05)
                    ? regulars[Int(random.next() % UInt64(regulars.count))] : Int(random.next() % UInt64(Self.cohorts))
                let isCanary = user < edge
                let isError = always.contains(user) || random.isHit(isCanary ? canaryRate : rate)
                if isCanary { requests.0 += 1 } else { requests.1 += 1 }
                guard isError else { continue }
                if isCanary { errors.0 += 1 } else { errors.1 += 1 }
                if failed.insert(user).inserted {
                    if isCanary { first.0 += 1 } else { first.1 += 1 }
                }
            }
            let canary = CohortCount(atRisk: atRisk.0, failed: first.0, observed: 0)
            let stable = CohortCount(atRisk: atRisk.1, failed: first.1, observed: 0)
            let sample = TrafficSample(
                weight: Double(edge) / Double(Self.cohorts),
                canary: ReleaseSample(requests: requests.0, errors: EventCount(errors.0, cohorts: canary)),
                stable: ReleaseSample(requests: requests.1, errors: EventCount(errors.1, cohorts: stable)))
            windows.append(sample)
            if isAlarmed(.cohort) { found.cohorts = true }
            if isAlarmed(.request) { found.requests = true }
        }
        return found
    }
}
