import Domain
import Testing

@testable import Judging

/// One instance is not the release.
@Suite struct InstanceTests {
    /// Errors and requests of each instance.
    private func release(_ instances: [(Int, Int)], _ prefix: String) -> ReleaseSample {
        ReleaseSample(
            requests: instances.reduce(0) { $0 + $1.1 }, errors: EventCount(instances.reduce(0) { $0 + $1.0 }),
            instances: instances.enumerated().map {
                InstanceSample(name: "\(prefix)\($0)", requests: $1.1, errors: EventCount($1.0))
            })
    }

    private func look(canary: [(Int, Int)], stable: [(Int, Int)]) -> SequentialVerdict {
        let sample = TrafficSample(weight: 0.1, canary: release(canary, "c"), stable: release(stable, "s"))
        return SequentialJudge(SequentialSpec(errors: Tolerance(absolute: 0.005))).look([sample])
    }

    private let healthy = [(30, 3000), (29, 3000), (31, 3000)]

    @Test func oneBadInstanceIsNamed() {
        let answer = look(canary: [(5, 500), (60, 500)], stable: healthy)
        #expect(answer.verdict == .inconclusive)
        #expect(answer.reason == .oneInstance("c1"))
        #expect(answer.evidence.summary.hasPrefix("one instance differs: c1 has more than its siblings"))
        #expect(answer.evidence.findings.contains { $0.got == "the canary's c1 differs from its siblings" })
    }

    @Test func aBadReleaseFailsWithEachLeftOut() {
        let answer = look(canary: [(40, 500), (42, 500)], stable: healthy)
        #expect(answer.verdict == .fail)
        #expect(answer.reason == .worse)
    }

    /// Enough for the whole, not yet for each half.
    @Test func aBadReleaseWaitsForTheOthers() {
        let answer = look(canary: [(7, 100), (8, 100)], stable: [(6, 600), (6, 600), (6, 600)])
        #expect(answer.verdict == .inconclusive)
        #expect(answer.reason == .perhapsOneInstance("c1"))
    }

    @Test func aSingleInstanceCannotBeToldApart() {
        let answer = look(canary: [(65, 1000)], stable: healthy)
        #expect(answer.verdict == .fail)
        #expect(answer.reason == .worseOrInstance)
        #expect(answer.evidence.summary.hasSuffix("whether it is the release or the instance cannot be told"))
    }

    /// As bad as stable as a whole, five times as bad as what of it is well.
    @Test func oneBadInstanceOfStableHidesNothing() {
        let answer = look(canary: [(25, 500), (26, 500)], stable: [(30, 3000), (30, 3000), (400, 3000)])
        #expect(answer.verdict == .fail)
        #expect(answer.comparisons.first?.instances.contains(.stableDiffers("s2")) == true)
        // Stable as bad as that all over is another matter.
        #expect(
            look(canary: [(25, 500), (26, 500)], stable: [(150, 3000), (150, 3000), (160, 3000)]).verdict != .fail)
    }

    /// Beside the bad one it would look good enough.
    @Test func oneBadInstanceOfStableLetsNothingPass() {
        let bad = [(300, 30_000), (300, 30_000), (900, 30_000)]
        let answer = look(canary: [(76, 5000), (76, 5000)], stable: bad)
        #expect(answer.verdict != .pass)
        #expect(look(canary: [(152, 10_000)], stable: [(1500, 90_000)]).verdict == .pass)
    }

    /// The same for the test of the last look.
    @Test func oneBadInstanceOfStableLetsNothingPassAtLast() {
        let canary = [(45, 3000), (45, 3000)]
        func last(_ stable: [(Int, Int)]) -> Verdict {
            let sample = TrafficSample(weight: 0.1, canary: release(canary, "c"), stable: release(stable, "s"))
            let judge = SequentialJudge(SequentialSpec(errors: Tolerance(absolute: 0.005)))
            return judge.look([sample], isLast: true).verdict
        }
        #expect(last([(180, 18_000), (180, 18_000), (540, 18_000)]) == .inconclusive)
        #expect(last([(900, 54_000)]) == .pass)
    }

    @Test func aGoodReleasePassesBesideABadInstanceOfStable() {
        let answer = look(canary: [(50, 5000), (49, 5000)], stable: [(300, 30_000), (300, 30_000), (900, 30_000)])
        #expect(answer.verdict == .pass)
    }

    /// What a replaced instance served is not judged any more; its successor counts.
    @Test func lookingGoesOnWithoutAReplacedInstance() {
        let judge = SequentialJudge(SequentialSpec(errors: Tolerance(absolute: 0.005)))
        func samples(_ successor: (Int, Int)) -> [TrafficSample] {
            let first = TrafficSample(
                weight: 0.1, canary: release([(5, 500), (60, 500)], "c"), stable: release(healthy, "s"))
            var second = TrafficSample(
                weight: 0.2, canary: release([(50, 5000), successor], "c"),
                stable: release([(200, 20_000), (200, 20_000)], "s"))
            second.canary.instances[1].name = "c2"
            return [first, second]
        }
        #expect(judge.look(samples((50, 5000))).verdict != .fail)
        #expect(judge.look(samples((50, 5000)), replaced: ["c1"]).verdict == .pass)
        #expect(judge.look(samples((50, 5000)), replaced: ["c1"]).evidence.summary.contains(", without c1: "))
        #expect(judge.look(samples((500, 5000)), replaced: ["c1"]).reason == .oneInstance("c2"))
    }

    /// Where one instance got everything, it cannot be compared with its siblings.
    @Test func aWeightWithOneInstanceIsLeftOutOfTheComparison() {
        let first = TrafficSample(
            weight: 0.1, canary: release([(5, 500), (60, 500)], "c"), stable: release(healthy, "s"))
        var second = TrafficSample(weight: 0.05, canary: release([(1, 100)], "c"), stable: release([(19, 1900)], "s"))
        second.canary.instances[0].name = "c1"
        let answer = SequentialJudge(SequentialSpec(errors: Tolerance(absolute: 0.005))).look([first, second])
        #expect(answer.reason == .oneInstance("c1"))
    }

    /// An instance that got no request is no second opinion.
    @Test func anInstanceWithoutRequestsDoesNotCount() {
        let answer = look(canary: [(65, 1000), (0, 0)], stable: healthy)
        #expect(answer.verdict == .fail)
        #expect(answer.reason == .worseOrInstance)
    }

    @Test func instancesThatCountMoreThanTheirReleaseAreAnError() {
        var sample = TrafficSample(weight: 0.1, canary: release([(1, 100)], "c"), stable: release([(1, 900)], "s"))
        sample.canary.requests = 50
        #expect(SequentialJudge(SequentialSpec(errors: Tolerance.none)).look([sample]).verdict == .error)
        sample = TrafficSample(weight: 0.1, canary: release([(1, 50), (1, 50)], "c"), stable: release([(1, 900)], "s"))
        sample.canary.instances[1].name = "c0"
        #expect(SequentialJudge(SequentialSpec(errors: Tolerance.none)).look([sample]).verdict == .error)
    }

    /// Healthy canaries, one of whose two instances stands on a bad host, over many looks.
    @Test func badHostsRaiseNoAlarms() throws {
        let judge = SequentialJudge(SequentialSpec(errors: Tolerance.none, falseAlarms: 0.05))
        var alarms = 0
        var named = 0
        let rollouts = 150
        for seed in 1...UInt64(rollouts) {
            var random = SeededGenerator(state: seed &* 0x9e37_79b9)
            var counts = [[(Int, Int)]](repeating: [], count: 2)
            counts[0] = [(0, 0), (0, 0)]
            counts[1] = [(0, 0), (0, 0), (0, 0)]
            for look in 1...40 {
                for _ in 0..<100 {
                    let side = random.isHit(0.1) ? 0 : 1
                    let instance = Int(random.next() % UInt64(counts[side].count))
                    counts[side][instance].1 += 1
                    let rate = side == 0 && instance == 1 ? 0.3 : 0.02
                    if random.isHit(rate) { counts[side][instance].0 += 1 }
                }
                guard look % 4 == 0 else { continue }
                let sample = TrafficSample(
                    weight: 0.1, canary: release(counts[0], "c"), stable: release(counts[1], "s"))
                let answer = judge.look([sample])
                if answer.verdict == .fail {
                    alarms += 1
                    break
                }
                if look == 40, answer.reason == .oneInstance("c1") { named += 1 }
            }
        }
        let found = try #require(ClopperPearson(hits: alarms, trials: rollouts, confidence: 0.99))
        #expect(found.low <= 0.05, "\(alarms)")
        #expect(named > rollouts * 3 / 4, "\(named)")
    }
}
