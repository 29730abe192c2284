import Domain
import Testing

@testable import Judging

@Suite struct LatencyTests {
    private let tolerance = LatencyTolerance(percentile: 95_000, tolerance: 0.2)

    @Test func limitsComeFromBeforeTheWindow() throws {
        let before = [
            LatencyCount(microseconds: 1000, count: 90), LatencyCount(microseconds: 2000, count: 5),
            LatencyCount(microseconds: 5000, count: 5),
        ]
        let limits = try #require(LatencyLimits(tolerance, before: before))
        #expect(limits.stable == 2000)
        #expect(limits.canary == 2400)
        #expect(tolerance.name == "p95" && LatencyTolerance(percentile: 99_900, tolerance: 0).name == "p99.9")
        // Five above the percentile: 99 requests are one too few.
        #expect(LatencyLimits(tolerance, before: [LatencyCount(microseconds: 1000, count: 99)]) == nil)
        #expect(LatencyLimits(tolerance, before: []) == nil)
    }

    @Test func bucketsAcrossTheLimitAreNotCertain() throws {
        let limits = try #require(
            LatencyLimits(tolerance, before: [LatencyCount(microseconds: 2000, count: 1000)]))
        let counts = [
            LatencyCount(microseconds: 2000, count: 1), LatencyCount(microseconds: 2010, count: 2),
            LatencyCount(microseconds: 2400, count: 4), LatencyCount(microseconds: 2410, count: 8),
            LatencyCount(microseconds: 2430, count: 16),
        ]
        #expect(limits.stable(counts) == EventCount(30))
        #expect(limits.canary(counts) == EventCount(surely: 16, possibly: 24))
    }

    /// The same in other units: ten times the latencies, the same counts.
    @Test func unitsDoNotMatter() throws {
        var random = SeededGenerator(state: 7)
        let before = (0..<200).map { LatencyCount(microseconds: 10_000 + 100 * $0, count: Int(random.next() % 9)) }
        let window = (0..<200).map { LatencyCount(microseconds: 10_050 + 120 * $0, count: Int(random.next() % 9)) }
        func scaled(_ counts: [LatencyCount]) -> [LatencyCount] {
            counts.map { LatencyCount(microseconds: $0.microseconds * 10, count: $0.count) }
        }
        let own = try #require(LatencyLimits(tolerance, before: before))
        let other = try #require(LatencyLimits(tolerance, before: scaled(before)))
        #expect(own.stable(window) == other.stable(scaled(window)))
        #expect(own.canary(window) == other.canary(scaled(window)))
    }

    /// Heavy tails, and a load that comes and goes for both releases.
    @Test(arguments: [1.0, 1.5]) func latencyIsComparedAlsoWhenItIsCorrelated(_ slower: Double) {
        let spec = SequentialSpec(errors: nil, latencies: [tolerance], falseAlarms: 0.05)
        let judge = SequentialJudge(spec)
        var failed = 0
        var passed = 0
        for seed in 1...UInt64(12) {
            var world = SlowWorld(seed: seed, slower: slower)
            var samples: [TrafficSample] = []
            for _ in 0..<20 {
                if let sample = world.window(tolerance, requests: 1000) { samples.append(sample) }
                let verdict = judge.look(samples).verdict
                if verdict == .fail { failed += 1 }
                if verdict == .pass { passed += 1 }
                if verdict != .inconclusive { break }
            }
        }
        if slower == 1 {
            #expect(failed <= 2 && passed >= 8, "\(failed) failed, \(passed) passed")
        } else {
            #expect(failed >= 11 && passed == 0, "\(failed) failed, \(passed) passed")
        }
    }

    @Test func whatIsNotCountedCannotBeJudged() {
        let sample = TrafficSample(
            weight: 0.1, canary: ReleaseSample(requests: 10, errors: EventCount(0)),
            stable: ReleaseSample(requests: 90, errors: EventCount(0)))
        let judge = SequentialJudge(SequentialSpec(errors: nil, latencies: [tolerance]))
        #expect(judge.look([sample]).verdict == .error)
        #expect(judge.look([]).reason == .tooFew)
    }

    /// Errors and latency share the false alarms, and both have to pass.
    @Test func severalMeasuresShareTheLevel() throws {
        let sample = TrafficSample(
            weight: 0.1,
            canary: ReleaseSample(
                requests: 5000, errors: EventCount(25), slow: [EventCount(surely: 240, possibly: 250)]),
            stable: ReleaseSample(requests: 45_000, errors: EventCount(225), slow: [EventCount(2250)]))
        let both = SequentialSpec(errors: Tolerance(absolute: 0.005), latencies: [tolerance])
        let answer = SequentialJudge(both).look([sample])
        #expect(answer.verdict == .inconclusive)
        #expect(answer.comparisons.map(\.verdict) == [.pass, .inconclusive])
        #expect(answer.comparisons.map(\.name) == ["error rate", "p95"])
        #expect(answer.comparisons.last?.needed?.verdict == .pass)
        #expect(answer.evidence.summary.contains("requests slower than stable's p95 allows 4.8% (240 of 5000)"))
        #expect(isNear(try #require(answer.comparisons.first).againstNeeded, 2.3010299956639813))
        var good = sample
        good.canary.slow = [EventCount(surely: 100, possibly: 120)]
        #expect(SequentialJudge(both).look([good]).verdict == .pass)
        var bad = sample
        bad.canary.slow = [EventCount(surely: 500, possibly: 510)]
        #expect(SequentialJudge(both).look([bad]).verdict == .fail)
    }
}

/// Latencies with a Pareto tail, times a load that is correlated in time and common to both releases.
private struct SlowWorld {
    private var random: SeededGenerator
    private var load = 0.0
    private var stableBefore: [Int: Int] = [:]
    private let slower: Double

    init(seed: UInt64, slower: Double) {
        random = SeededGenerator(state: seed &* 0xa076_1d64_78bd_642f)
        self.slower = slower
    }

    /// Nil for the first window, before which nothing is known.
    mutating func window(_ tolerance: LatencyTolerance, requests: Int) -> TrafficSample? {
        let limits = LatencyLimits(tolerance, before: Self.counts(stableBefore))
        var own: [Int: Int] = [:]
        var other: [Int: Int] = [:]
        for _ in 0..<requests {
            load = 0.99 * load + 0.1 * (random.unit() - 0.5)
            let tail = 1 / (1 - random.unit()).squareRoot()
            let isCanary = random.isHit(0.2)
            let value = 10_000 * RealFunctions.exp(load) * tail * (isCanary ? slower : 1)
            // Buckets 0.5 % wide.
            let bucket = Int(RealFunctions.exp((RealFunctions.log(value) / 0.005).rounded(.up) * 0.005))
            if isCanary { own[bucket, default: 0] += 1 } else { other[bucket, default: 0] += 1 }
        }
        stableBefore = other
        guard let limits else { return nil }
        let (canary, stable) = (Self.counts(own), Self.counts(other))
        return TrafficSample(
            weight: 0.2,
            canary: ReleaseSample(
                requests: canary.reduce(0) { $0 + $1.count }, errors: EventCount(0), slow: [limits.canary(canary)]),
            stable: ReleaseSample(
                requests: stable.reduce(0) { $0 + $1.count }, errors: EventCount(0), slow: [limits.stable(stable)]))
    }

    private static func counts(_ buckets: [Int: Int]) -> [LatencyCount] {
        buckets.sorted { $0.key < $1.key }.map { LatencyCount(microseconds: $0.key, count: $0.value) }
    }
}
