import Domain
import Judging
import Ports
import Synchronization
import Testing

@testable import Gates

/// Comparisons with instances of stable that are as young as the canary's.
@Suite struct FreshBaselineTests {
    private final class Router: Sendable {
        let counts = Mutex(TrafficCounts(source: "a", releases: []))
    }

    private let spec = AnalysisSpec(errors: .absolute(5_000), baseline: .fresh)

    private func asked(_ look: Int) -> LookRequest {
        var asked = request(
            .analysis(spec), look: look, stable: release().known(as: ReleaseNumber(14).baseline))
        asked.baseline = [InstanceID(71), InstanceID(72)]
        return asked
    }

    /// Old stable, the canary and its baseline, each with requests and errors.
    private func counts(
        weight: Int = 20, old: (Int, Int), canary: (Int, Int), fresh: (Int, Int), isSticky: Bool = false
    ) -> TrafficCounts {
        let shares = [
            (ReleaseNumber(14), 100 - 2 * weight, old), (ReleaseNumber(14).baseline, weight, fresh),
            (ReleaseNumber(15), weight, canary),
        ]
        return TrafficCounts(
            source: "a", releases: [],
            epochs: [
                EpochTraffic(
                    epoch: 1, isSticky: isSticky,
                    releases: shares.filter { $0.1 > 0 }.map { release, weight, served in
                        EpochRelease(
                            release: release, weight: Weight(clamping: weight), requests: served.0, errors: served.1)
                    })
            ])
    }

    private func look(_ counts: TrafficCounts) async -> LookResult {
        let router = Router()
        let gate = AnalysisGate(now: { 0 }, counter: { _, _ in router.counts.withLock { $0 } })
        await gate.mark(asked(0).key, release: ReleaseNumber(15))
        router.counts.withLock { $0 = counts }
        return await gate.look(spec, asked(1))
    }

    @Test func oldInstancesAreNotLookedAt() async {
        // Beside the old ones the canary looks far better, beside the fresh ones far worse.
        let bad = await look(counts(old: (6000, 1200), canary: (2000, 200), fresh: (2000, 20)))
        #expect(bad.verdict == .fail, "\(bad.evidence)")
        #expect(bad.evidence.summary.contains("20 of 2000"), "\(bad.evidence.summary)")
        #expect(bad.evidence.summary.hasSuffix("beside 2 fresh instances of api@14"), "\(bad.evidence.summary)")
        // And the other way round.
        let good = await look(counts(old: (60_000, 6), canary: (20_000, 100), fresh: (20_000, 100)))
        #expect(good.verdict == .pass, "\(good.evidence)")
        let finding = good.evidence.findings.first { $0.asked == "baseline" }
        #expect(finding?.got == "beside 2 fresh instances of api@14: 1z, 20", "\(String(describing: finding))")
    }

    @Test func halfAndHalfIsEnough() async {
        let good = await look(counts(weight: 50, old: (0, 0), canary: (20_000, 100), fresh: (20_000, 100)))
        #expect(good.verdict == .pass, "\(good.evidence)")
    }

    @Test func withoutABaselineNothingIsCompared() async {
        var alone = counts(old: (8000, 8), canary: (2000, 2), fresh: (0, 0))
        alone.epochs[0].releases.remove(at: 1)
        let result = await look(alone)
        #expect(result.verdict == .inconclusive, "\(result.evidence)")
    }

    @Test func ofCohortsItHasTheHighEnd() {
        func side(_ release: ReleaseNumber, _ failed: CohortSet) -> EpochRelease {
            EpochRelease(release: release, weight: Weight(clamping: 10), failed: failed)
        }
        var memory = CohortMemory(markedAt: TrafficCounts(source: "one", releases: []))
        let split = SplitCounts(
            isSticky: true, canary: side(ReleaseNumber(15), CohortSet([3])),
            stable: side(ReleaseNumber(14).baseline, CohortSet([9_000, 9_999])), before: (nil, nil))
        let sides = memory.note(split, [])
        #expect(sides.canary.errors.atRisk == 1000 && sides.canary.errors.failed == 1)
        #expect(sides.stable.errors.atRisk == 1000 && sides.stable.errors.failed == 2)
    }

    @Test func cohortsOfThreeSidesAreCompared() async {
        var three = counts(weight: 30, old: (4000, 0), canary: (3000, 300), fresh: (3000, 3), isSticky: true)
        three.epochs[0].releases[1].seen = CohortSet(7000..<10_000)
        three.epochs[0].releases[1].failed = CohortSet([7001, 7002, 7003])
        three.epochs[0].releases[2].seen = CohortSet(0..<3000)
        three.epochs[0].releases[2].failed = CohortSet(0..<300)
        let result = await look(three)
        #expect(result.verdict == .fail, "\(result.evidence)")
    }
}
