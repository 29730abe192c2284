import Domain
import Ports
import Synchronization
import Testing

@testable import Gates

/// What an analysis makes of the router's counts; what the judge makes of them is the judge's.
@Suite("Analyses")
struct AnalysisGateTests {
    /// Counts that a test says, and a clock that it moves.
    private final class Router: Sendable {
        private struct State {
            var counts: TrafficCounts? = TrafficCounts(source: "a", releases: [])
            var now: Int64 = 0
        }

        private let state = Mutex(State())

        var gate: AnalysisGate {
            AnalysisGate(
                now: { self.state.withLock { $0.now } }, counter: { _, _ in self.state.withLock { $0.counts } })
        }

        func say(_ counts: TrafficCounts?, after seconds: Int64 = 2) {
            state.withLock {
                $0.counts = counts
                $0.now += seconds * 1000
            }
        }

        func say(_ epochs: [EpochTraffic], source: String = "a", stableBefore: [LatencyBucket] = []) {
            let stable = ReleaseTraffic(
                release: ReleaseNumber(14), requests: 0, errors: 0, inFlight: 0, latency: stableBefore)
            say(TrafficCounts(source: source, releases: [stable], epochs: epochs))
        }
    }

    private let router = Router()
    private let spec = AnalysisSpec(errors: .absolute(5_000))

    private static func release(_ number: Int) -> Release {
        Release(
            environment: EnvironmentID(project: "shop", name: "staging"), number: ReleaseNumber(number),
            digest: ContentDigest(words: (UInt64(number), 0, 0, 0)),
            parts: ReleaseParts(
                artifact: nil, spec: ServiceSpec(service: ServiceName("api"), command: ["./serve"], port: 8080)),
            createdAt: 0, createdBy: "the suite")
    }

    private func request(
        _ look: Int, _ spec: AnalysisSpec, stable: Bool = true, within: Span = .minutes(10), standing: [UInt64] = [],
        delay: Span = .zero
    ) -> LookRequest {
        let gate = GateSpec(
            name: GateName("better"), question: .analysis(spec),
            schedule: GateSchedule(initialDelay: delay, patience: within))
        return LookRequest(
            key: key(look), gate: gate, release: Self.release(15), stable: stable ? Self.release(14) : nil,
            instances: [],
            all: standing.map {
                InstanceView(
                    id: InstanceID($0), release: ReleaseNumber(15), phase: .ready,
                    backend: .address(host: "127.0.0.1", port: 1))
            }, since: 0)
    }

    private func key(_ look: Int) -> LookKey {
        LookKey(
            environment: EnvironmentID(project: "shop", name: "staging"), service: ServiceName("api"),
            deployment: DeploymentNumber(37), run: 1, look: look)
    }

    /// A split: requests and errors of stable (api@14) and of the canary (api@15).
    private func split(
        epoch: Int = 1, canary weight: Int = 10, _ canary: (Int, Int), stable: (Int, Int), isSticky: Bool = false,
        canaryLatency: [LatencyBucket] = [], stableLatency: [LatencyBucket] = [],
        canaryInstances: [InstanceOutcome] = []
    ) -> EpochTraffic {
        EpochTraffic(
            epoch: epoch, isSticky: isSticky,
            releases: [
                EpochRelease(
                    release: ReleaseNumber(14), weight: Weight(clamping: 100 - weight), requests: stable.0,
                    errors: stable.1, latency: stableLatency),
                EpochRelease(
                    release: ReleaseNumber(15), weight: Weight(clamping: weight), requests: canary.0,
                    errors: canary.1, latency: canaryLatency, instances: canaryInstances),
            ])
    }

    private func finding(_ asked: String, _ result: LookResult) -> String {
        result.evidence.findings.first { $0.asked == asked }?.got ?? ""
    }

    @Test func aWorseCanaryFailsAndTheEvidenceSaysAfterHowMany() async {
        let gate = router.gate
        await gate.mark(key(0), release: ReleaseNumber(15))
        router.say([split((1000, 100), stable: (9000, 90))])
        let result = await gate.look(spec, request(1, spec))
        #expect(result.verdict == .fail, "\(result.evidence)")
        #expect(result.evidence.summary.contains("100 of 1000"), "\(result.evidence.summary)")
        #expect(result.evidence.summary.contains("90 of 9000"), "\(result.evidence.summary)")
        #expect(finding("budget", result) == "1000 requests of the canary so far")
        #expect(finding("unit", result).contains("10%"))
        #expect(!result.isLast)
    }

    @Test func aGoodCanaryPasses() async {
        let gate = router.gate
        await gate.mark(key(0), release: ReleaseNumber(15))
        router.say([split((10_000, 50), stable: (90_000, 450))])
        let result = await gate.look(spec, request(1, spec))
        #expect(result.verdict == .pass, "\(result.evidence)")
    }

    @Test func whatWasCountedBeforeTheRunNeverEnters() async {
        let gate = router.gate
        router.say([split((1000, 900), stable: (9000, 9))])
        await gate.mark(key(0), release: ReleaseNumber(15))
        // A second mark of the same run changes nothing.
        router.say([split((1010, 900), stable: (9090, 9))])
        await gate.mark(key(0), release: ReleaseNumber(15))
        router.say([split((11_000, 900), stable: (99_000, 9))])
        let result = await gate.look(spec, request(1, spec))
        #expect(result.verdict == .pass, "\(result.evidence)")
        #expect(result.evidence.summary.contains("of 10000"), "\(result.evidence.summary)")
    }

    @Test func theInitialDelayIsWarmUp() async {
        let gate = router.gate
        await gate.mark(key(0), release: ReleaseNumber(15))
        router.say([split((1000, 900), stable: (9000, 9))])
        let first = await gate.look(spec, request(1, spec, delay: .seconds(10)))
        #expect(first.verdict == .inconclusive)
        #expect(first.evidence.summary.contains("as the initial delay is over"), "\(first.evidence.summary)")
        router.say([split((11_000, 900), stable: (99_000, 9))])
        let next = await gate.look(spec, request(2, spec, delay: .seconds(10)))
        #expect(next.verdict == .pass && next.evidence.summary.contains("of 10000"), "\(next.evidence)")
    }

    @Test func everyWeightIsJudgedByItself() async {
        let gate = router.gate
        await gate.mark(key(0), release: ReleaseNumber(15))
        let first = split(epoch: 1, canary: 10, (1000, 10), stable: (9000, 90))
        router.say([first])
        #expect(await gate.look(spec, request(1, spec)).verdict != .fail)
        // Ten times the errors on both, and half of the traffic: only who adds all up sees a difference.
        router.say([first, split(epoch: 2, canary: 50, (5000, 500), stable: (5000, 500))], source: "a")
        let result = await gate.look(spec, request(2, spec))
        #expect(result.verdict != .fail, "\(result.evidence)")
        #expect(finding("unit", result).contains("10%, 50%"), "\(finding("unit", result))")
    }

    @Test func aSpentBudgetIsTheLastLook() async {
        let gate = router.gate
        let bounded = AnalysisSpec(errors: .absolute(5_000), requests: 500)
        await gate.mark(key(0), release: ReleaseNumber(15))
        router.say([split((499, 1), stable: (4500, 9))])
        let before = await gate.look(bounded, request(1, bounded))
        #expect(before.verdict == .inconclusive && !before.isLast)
        #expect(finding("budget", before) == "499 of 500 requests of the canary spent")
        router.say([split((500, 1), stable: (4500, 9))])
        let after = await gate.look(bounded, request(2, bounded))
        #expect(after.verdict == .inconclusive && after.isLast)
        #expect(after.evidence.summary.contains("budget is spent"), "\(after.evidence.summary)")
    }

    @Test func withoutAComparisonNothingPasses() async {
        let gate = router.gate
        let alone = await gate.look(spec, request(1, spec, stable: false))
        #expect(alone.verdict == .error)
        #expect(alone.evidence.summary.contains("no stable release that api@15 could be compared with"))
        #expect(await gate.look(spec, request(1, spec)).verdict == .inconclusive)
        // All traffic on the canary: nothing was split.
        router.say([split(canary: 100, (1000, 0), stable: (0, 0))])
        let unsplit = await gate.look(spec, request(2, spec))
        #expect(unsplit.verdict == .inconclusive)
        #expect(unsplit.evidence.summary == "no request has been split between api@15 and api@14 yet")
        router.say(nil)
        #expect(await gate.look(spec, request(3, spec)).verdict == .error)
    }

    @Test func countsThatCannotBeReadAreAnError() async {
        struct Trouble: Error {}
        let gate = AnalysisGate { _, _ in throw Trouble() }
        await gate.mark(key(0), release: ReleaseNumber(15))
        let result = await gate.look(spec, request(1, spec))
        #expect(result.verdict == .error && result.evidence.summary.contains("Trouble"))
    }

    @Test func countsThatBeginAnewAreCountedFromThenOn() async {
        let gate = router.gate
        await gate.mark(key(0), release: ReleaseNumber(15))
        router.say([split((1000, 100), stable: (9000, 90))], source: "b")
        let anew = await gate.look(spec, request(1, spec))
        #expect(anew.verdict == .inconclusive)
        #expect(anew.evidence.summary.contains("since the router was restarted"), "\(anew.evidence.summary)")
        router.say([split((2000, 150), stable: (18_000, 180))], source: "b")
        let after = await gate.look(spec, request(2, spec))
        #expect(after.verdict == .fail && after.evidence.summary.contains("50 of 1000"), "\(after.evidence.summary)")
        #expect(finding("counted since", after) == "the router was restarted")
        // A reading that was overtaken by a later one is left out, and spoils nothing.
        router.say([split((1500, 150), stable: (18_000, 180))], source: "b")
        #expect(await gate.look(spec, request(3, spec)).verdict == .inconclusive)
        router.say([split((2100, 155), stable: (18_900, 189))], source: "b")
        let next = await gate.look(spec, request(4, spec))
        #expect(next.verdict == .fail && next.evidence.summary.contains("55 of 1100"), "\(next.evidence.summary)")
    }

    @Test func aRestartOfSlipwayIsSaid() async {
        let gate = router.gate
        // The mark that a supervisor makes for a run that has looked before.
        await gate.mark(key(7), release: ReleaseNumber(15))
        router.say([split((10, 0), stable: (90, 0))])
        let marked = await gate.look(spec, request(8, spec))
        #expect(finding("counted since", marked) == "Slipway was restarted")
        let other = router.gate
        let words = await other.look(spec, request(8, spec)).evidence.summary
        #expect(words == "counting from now, since Slipway was restarted: no requests to judge by yet")
    }

    @Test func oneBadInstanceIsNotTheReleasesFault() async {
        let gate = router.gate
        await gate.mark(key(0), release: ReleaseNumber(15))
        let instances = [
            InstanceOutcome(instance: InstanceID(1), requests: 1000, errors: 10),
            InstanceOutcome(instance: InstanceID(2), requests: 1000, errors: 300),
        ]
        router.say([split((2000, 310), stable: (18_000, 180), canaryInstances: instances)])
        let result = await gate.look(spec, request(1, spec))
        #expect(result.verdict == .inconclusive, "\(result.evidence)")
        #expect(result.evidence.summary.contains("one instance differs: 2"), "\(result.evidence.summary)")
        let both = [1, 2].map { InstanceOutcome(instance: InstanceID($0), requests: 1000, errors: 155) }
        router.say([split((2000, 310), stable: (18_000, 180), canaryInstances: both)])
        let other = router.gate
        await other.mark(key(0), release: ReleaseNumber(15))
        let more = [1, 2].map { InstanceOutcome(instance: InstanceID($0), requests: 2000, errors: 310) }
        router.say([split((4000, 620), stable: (36_000, 360), canaryInstances: more)])
        #expect(await other.look(spec, request(1, spec)).verdict == .fail)
    }

    @Test func anInstanceThatWasReplacedIsNotJudgedAnyMore() async {
        let gate = router.gate
        await gate.mark(key(0), release: ReleaseNumber(15))
        let bad = InstanceOutcome(instance: InstanceID(2), requests: 1000, errors: 300)
        let first = InstanceOutcome(instance: InstanceID(1), requests: 1000, errors: 10)
        router.say([split((2000, 310), stable: (18_000, 180), canaryInstances: [first, bad])])
        let found = await gate.look(spec, request(1, spec, standing: [1, 2]))
        #expect(found.evidence.summary.contains("one instance differs: 2"), "\(found.evidence.summary)")
        let more = [1, 3].map { InstanceOutcome(instance: InstanceID($0), requests: 10_000, errors: 100) }
        router.say([split((21_000, 500), stable: (189_000, 1890), canaryInstances: [more[0], bad, more[1]])])
        let still = await gate.look(spec, request(2, spec, standing: [1, 2, 3]))
        #expect(still.verdict == .inconclusive, "\(still.evidence)")
        // Where the runtime shows nothing, nobody was replaced.
        #expect(await gate.look(spec, request(3, spec)).verdict == .inconclusive)
        let after = await gate.look(spec, request(4, spec, standing: [1, 3]))
        #expect(after.verdict == .pass, "\(after.evidence)")
    }

    // MARK: Latency

    private func latency(_ counts: [Int: Int]) -> [LatencyBucket] {
        counts.keys.sorted().map { LatencyBucket(microseconds: $0, count: counts[$0] ?? 0) }
    }

    @Test func whatIsSlowIsFixedByStableBeforeTheWindow() async {
        let slow = AnalysisSpec(latencies: [LatencyAllowance(percentile: 95_000, more: 200_000)])
        let gate = router.gate
        let before = latency([10_000: 950, 50_000: 50])
        router.say([], stableBefore: before)
        await gate.mark(key(0), release: ReleaseNumber(15))
        // Of the canary's requests a third take longer than stable's p95 and a fifth, of stable's a twentieth.
        let splits = [
            split(
                canary: 50, (3000, 0), stable: (3000, 0), canaryLatency: latency([9_000: 2000, 13_000: 1000]),
                stableLatency: latency([9_000: 2850, 50_000: 150]))
        ]
        router.say(splits, stableBefore: latency([9_000: 2850, 10_000: 950, 50_000: 200]))
        let result = await gate.look(slow, request(1, slow))
        #expect(result.verdict == .fail, "\(result.evidence)")
        #expect(result.evidence.summary.contains("p95"), "\(result.evidence.summary)")
        // The same latencies are no slower than tolerated when 40 % are.
        let patient = AnalysisSpec(latencies: [LatencyAllowance(percentile: 95_000, more: 400_000)])
        let other = router.gate
        router.say([], stableBefore: before)
        await other.mark(key(0), release: ReleaseNumber(15))
        router.say(splits, stableBefore: latency([9_000: 2850, 10_000: 950, 50_000: 200]))
        #expect(await other.look(patient, request(1, patient)).verdict == .pass)
    }

    @Test func withoutAnEarlierStableAWindowBeginsWhenThereIsOne() async {
        let slow = AnalysisSpec(latencies: [LatencyAllowance(percentile: 95_000, more: 200_000)])
        let gate = router.gate
        await gate.mark(key(0), release: ReleaseNumber(15))
        func say(_ rounds: Int) {
            let stable = latency([9_000: 2850 * rounds, 50_000: 150 * rounds])
            router.say(
                [
                    split(
                        canary: 50, (3000 * rounds, 0), stable: (3000 * rounds, 0),
                        canaryLatency: latency([9_000: 2000 * rounds, 13_000: 1000 * rounds]), stableLatency: stable)
                ], stableBefore: stable)
        }
        say(1)
        // Nothing is known yet to call anything slow by.
        #expect(await gate.look(slow, request(1, slow)).verdict == .inconclusive)
        say(2)
        #expect(await gate.look(slow, request(2, slow)).verdict == .fail)
    }

    // MARK: Warm-up

    /// Cold instances fail at first: with `warmUp` that is not judged, and after another change of the weights neither.
    @Test func whatComesInTheWarmUpIsLeftOut() async {
        let warm = AnalysisSpec(errors: .absolute(5_000), warmUp: .seconds(10))
        let gate = router.gate
        await gate.mark(key(0), release: ReleaseNumber(15))
        // The split is seen first; then its ten seconds pass.
        router.say([split((500, 400), stable: (4500, 0))])
        let first = await gate.look(warm, request(1, warm))
        #expect(first.verdict == .inconclusive, "\(first.evidence)")
        router.say(TrafficCounts(source: "a", releases: [], epochs: [split((600, 500), stable: (5400, 0))]), after: 12)
        let second = await gate.look(warm, request(2, warm))
        #expect(second.verdict == .inconclusive, "\(second.evidence)")
        #expect(finding("left out as warm-up", second) == "600 requests of the canary, in the first 10s of each weight")
        // Another weight is cold again; the first goes on.
        let other = split(epoch: 2, canary: 50, (300, 200), stable: (300, 0))
        router.say([split((650, 500), stable: (5850, 0)), other])
        let third = await gate.look(warm, request(3, warm))
        #expect(third.verdict == .inconclusive, "\(third.evidence)")
        #expect(finding("left out as warm-up", third).hasPrefix("900 requests"))
        #expect(finding("error rate", third).contains("0% (0 of 50) on the canary"), "\(third.evidence)")
        // What fails when it is warm counts.
        router.say([split((1650, 600), stable: (14_850, 0)), other])
        #expect(await gate.look(warm, request(4, warm)).verdict == .fail)
        // Without it the cold start alone fails the release.
        let cold = router.gate
        router.say([])
        await cold.mark(key(0), release: ReleaseNumber(15))
        router.say([split((500, 400), stable: (4500, 0))])
        #expect(await cold.look(spec, request(1, spec)).verdict == .fail)
    }

    /// Cohorts that failed while it was cold are not at risk any more: their next failure would not be seen.
    @Test func cohortsThatFailedInTheWarmUpAreNoNews() async {
        let warm = AnalysisSpec(errors: .absolute(5_000), warmUp: .seconds(1))
        let gate = router.gate
        await gate.mark(key(0), release: ReleaseNumber(15))
        let cold = visits(canary: 50, seen: 0..<10_000, failed: Array(0..<800), errors: 1)
        router.say([cold])
        _ = await gate.look(warm, request(1, warm))
        router.say([cold])
        _ = await gate.look(warm, request(2, warm))
        router.say([visits(canary: 50, seen: 0..<10_000, failed: Array(0..<800), errors: 3)])
        let result = await gate.look(warm, request(3, warm))
        #expect(result.verdict == .inconclusive, "\(result.evidence)")
        let rate = finding("error rate", result)
        #expect(rate.contains("in 0 of the canary's 4200 cohorts"), "\(rate)")
        router.say([visits(canary: 50, seen: 0..<10_000, failed: Array(0..<1900), errors: 3)])
        #expect(await gate.look(warm, request(4, warm)).verdict == .fail)
    }

    // MARK: Cohorts

    private func visits(
        epoch: Int = 1, canary weight: Int, seen: Range<Int>, failed: [Int], errors: Int
    ) -> EpochTraffic {
        let border = weight * 100
        func side(_ release: Int, _ weight: Int, _ cohorts: Range<Int>) -> EpochRelease {
            let failing = failed.filter { cohorts.contains($0) }
            return EpochRelease(
                release: ReleaseNumber(release), weight: Weight(clamping: weight),
                requests: 10 * errors * cohorts.clamped(to: seen).count, errors: failing.count * errors,
                seen: CohortSet(cohorts.clamped(to: seen)), failed: CohortSet(failing))
        }
        return EpochTraffic(
            epoch: epoch, isSticky: true,
            releases: [side(14, 100 - weight, border..<10_000), side(15, weight, 0..<border)])
    }

    /// Five users who always fail are five pieces of evidence, however often they come.
    @Test func withStickyVisitorsOnlyACohortsFirstFailureCounts() async {
        let few = router.gate
        await few.mark(key(0), release: ReleaseNumber(15))
        router.say([visits(canary: 50, seen: 0..<10_000, failed: [1, 2, 3, 6000], errors: 10)])
        let result = await few.look(spec, request(1, spec))
        #expect(result.verdict == .inconclusive, "\(result.evidence)")
        #expect(finding("unit", result).contains("cohorts"), "\(finding("unit", result))")
        let many = router.gate
        router.say([])
        await many.mark(key(0), release: ReleaseNumber(15))
        router.say([visits(canary: 50, seen: 0..<10_000, failed: Array(0..<800) + Array(6000..<6100), errors: 1)])
        #expect(await many.look(spec, request(1, spec)).verdict == .fail)
        // Those who had failed before the mark are no news.
        let late = router.gate
        await late.mark(key(0), release: ReleaseNumber(15))
        router.say([visits(canary: 50, seen: 0..<10_000, failed: Array(0..<800) + Array(6000..<6100), errors: 9)])
        #expect(await late.look(spec, request(1, spec)).verdict == .inconclusive)
    }

    @Test func aBadInstanceIsFoundByItsCohortsToo() async {
        let gate = router.gate
        await gate.mark(key(0), release: ReleaseNumber(15))
        var bad = visits(canary: 50, seen: 0..<10_000, failed: Array(0..<400) + Array(6000..<6040), errors: 1)
        bad.releases[1].instances = [
            InstanceOutcome(instance: InstanceID(1), requests: 25_000, errors: 10, failedCohorts: 10),
            InstanceOutcome(instance: InstanceID(2), requests: 25_000, errors: 390, failedCohorts: 390),
        ]
        router.say([bad])
        let result = await gate.look(spec, request(1, spec, standing: [1, 2]))
        #expect(result.verdict == .inconclusive, "\(result.evidence)")
        #expect(result.evidence.summary.contains("one instance differs: 2"), "\(result.evidence.summary)")
        let spent = "after 50000 requests of the canary, 400 of them failed"
        #expect(result.evidence.summary.hasSuffix(spent), "\(result.evidence.summary)")
    }

    /// Of a cohort that was slow once nothing more is learned, and of one that was slow before the window neither.
    @Test func slowCohortsCountOnce() async {
        let slow = AnalysisSpec(latencies: [LatencyAllowance(percentile: 95_000, more: 200_000)])
        let before = latency([10_000: 950, 50_000: 50])
        func visit(_ canary: Int32, _ share: Range<Int>) -> EpochTraffic {
            var epoch = visits(canary: 50, seen: 0..<10_000, failed: [], errors: 1)
            // Stable's low end is slow now and then; so is a part of the canary's.
            let bounds = (0..<10_000).map { cohort -> Int32 in
                cohort < 5000 ? (share.contains(cohort) ? canary : 9_000) : (cohort < 5100 ? 50_000 : 9_000)
            }
            epoch.releases[1].slowest = CohortLatencies(bounds: Array(bounds[..<5000]))
            epoch.releases[0].slowest = CohortLatencies(bounds: Array(repeating: 0, count: 5000) + bounds[5000...])
            for index in epoch.releases.indices { epoch.releases[index].latency = latency([9_000: 50_000]) }
            return epoch
        }
        let gate = router.gate
        router.say([], stableBefore: before)
        await gate.mark(key(0), release: ReleaseNumber(15))
        router.say([visit(13_000, 0..<600)], stableBefore: before)
        let result = await gate.look(slow, request(1, slow))
        #expect(result.verdict == .fail, "\(result.evidence)")
        // A fifth more than stable's 10 ms is tolerated.
        let near = router.gate
        router.say([], stableBefore: before)
        await near.mark(key(0), release: ReleaseNumber(15))
        router.say([visit(11_900, 0..<600)], stableBefore: before)
        #expect(await near.look(slow, request(1, slow)).verdict != .fail)
        // Slow before the run began, under the same split.
        let late = router.gate
        router.say([visit(13_000, 0..<600)], stableBefore: before)
        await late.mark(key(0), release: ReleaseNumber(15))
        var again = visit(13_000, 0..<600)
        for index in again.releases.indices { again.releases[index].requests *= 2 }
        router.say([again], stableBefore: before)
        #expect(await late.look(slow, request(1, slow)).verdict == .inconclusive)
    }

    @Test func rangesOfCohortsAreCounted() {
        let set = CohortSet([0, 63, 64, 127, 128, 9_999])
        #expect(set.count(in: 0..<10_000) == 6)
        #expect(set.count(in: 1..<64) == 1)
        #expect(set.count(in: 63..<65) == 2)
        #expect(set.count(in: 64..<64) == 0)
        #expect(set.count(in: 129..<9_999) == 0)
        for _ in 0..<200 {
            let members = (0..<40).map { _ in Int.random(in: 0..<500) }
            let low = Int.random(in: 0..<500)
            let range = low..<Int.random(in: low..<501)
            #expect(CohortSet(members).count(in: range) == Set(members).filter { range.contains($0) }.count)
        }
    }
}
