import Domain
import Ports
import Synchronization
import Testing

@testable import Gates

/// What gates were told comes back as it was: counts, looks and answers.
@Suite("Recordings")
struct RecordingTests {
    /// A router that counts seeded traffic, a gate before it, and what is kept of its looks.
    final class Rollout: Sendable {
        struct State {
            var counts = TrafficCounts(source: "a", releases: [])
            var now: Int64 = 1000
            var lines = ""
            var results: [LookResult] = []
            var told: [TrafficCounts] = []
            var look = 0
            var isDown = false
        }

        /// What closures share with the test.
        final class Shared: Sendable {
            let state = Mutex(State())
        }

        let shared = Shared()
        let spec: AnalysisSpec
        let gate: AnalysisGate
        let request: @Sendable (Int, Int) -> LookRequest

        init(_ spec: AnalysisSpec = AnalysisSpec(errors: .absolute(5_000)), interval: Span = .seconds(2)) {
            self.spec = spec
            let shared = shared
            let recorder = TrafficRecorder(wall: { 1_700_000_000_000 }) { _, _, lines in
                shared.state.withLock { $0.lines += lines }
            }
            gate = AnalysisGate(now: { shared.state.withLock { $0.now } }, recorder: recorder) { _, _ in
                try shared.state.withLock { state in
                    if state.isDown { throw PortError(.unavailable, "the router is away") }
                    return state.counts
                }
            }
            request = { look, instances in Self.request(spec, look, interval, instances: instances) }
        }

        private static func request(_ spec: AnalysisSpec, _ look: Int, _ interval: Span, instances: Int) -> LookRequest
        {
            let environment = EnvironmentID(project: "shop", name: "staging")
            func release(_ number: Int) -> Release {
                Release(
                    environment: environment, number: ReleaseNumber(number),
                    digest: ContentDigest(words: (UInt64(number), 0, 0, 0)),
                    parts: ReleaseParts(
                        artifact: nil, spec: ServiceSpec(service: ServiceName("api"), command: ["./serve"], port: 1)),
                    createdAt: 0, createdBy: "the suite")
            }
            return LookRequest(
                key: LookKey(
                    environment: environment, service: ServiceName("api"), deployment: DeploymentNumber(37), run: 1,
                    look: look),
                gate: GateSpec(
                    name: GateName("good"), question: .analysis(spec),
                    schedule: GateSchedule(interval: interval, patience: .minutes(10))),
                release: release(15), stable: release(14), instances: [],
                all: (0..<instances).map {
                    InstanceView(id: InstanceID(UInt64($0 + 1)), release: ReleaseNumber(15), phase: .ready)
                }, since: 0)
        }

        func change(_ change: (inout State) -> Void) { shared.state.withLock { change(&$0) } }

        func mark() async { await gate.mark(request(0, 2).key, release: ReleaseNumber(15)) }

        /// Time passes, and the gate looks.
        @discardableResult
        func look(after milliseconds: Int64 = 2000, instances: Int = 2) async -> LookResult {
            let number = shared.state.withLock { state in
                state.now += milliseconds
                state.look += 1
                return state.look
            }
            let result = await gate.look(spec, request(number, instances))
            shared.state.withLock {
                $0.results.append(result)
                $0.told.append($0.counts)
            }
            return result
        }

        var lines: String { shared.state.withLock { $0.lines } }
        var results: [LookResult] { shared.state.withLock { $0.results } }
    }

    /// Whole numbers that look drawn, the same in every run.
    struct Draws {
        var state: UInt64
        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
    }

    /// A window of requests under a split: a tenth of stable's fail as often as the canary's twentieth part.
    static func serve(
        _ counts: inout TrafficCounts, epoch: Int, weight: Int, isSticky: Bool, requests: Int, failing: Int,
        _ draws: inout Draws
    ) {
        if !counts.epochs.contains(where: { $0.epoch == epoch }) {
            counts.epochs.append(
                EpochTraffic(
                    epoch: epoch, isSticky: isSticky,
                    releases: [
                        EpochRelease(release: ReleaseNumber(14), weight: Weight(clamping: 100 - weight)),
                        EpochRelease(release: ReleaseNumber(15), weight: Weight(clamping: weight)),
                    ]))
        }
        guard let place = counts.epochs.firstIndex(where: { $0.epoch == epoch }) else { return }
        for _ in 0..<requests {
            let cohort = draws.next(10_000)
            let isCanary = isSticky ? cohort < weight * 100 : draws.next(100) < weight
            let hasFailed = draws.next(100) < (isCanary ? failing : 1)
            let took = [900, 5_000, 20_000, 90_000][draws.next(4)]
            var release = counts.epochs[place].releases[isCanary ? 1 : 0]
            release.requests += 1
            release.errors += hasFailed ? 1 : 0
            release.latency =
                [LatencyCell](adding: release.latency, [LatencyBucket(microseconds: took, count: 1)]).buckets
            let instance = InstanceID(UInt64(1 + draws.next(2)) + (isCanary ? 0 : 10))
            if !release.instances.contains(where: { $0.instance == instance }) {
                release.instances.append(InstanceOutcome(instance: instance, requests: 0, errors: 0))
                release.instances.sort { $0.instance < $1.instance }
            }
            let index = release.instances.firstIndex { $0.instance == instance } ?? 0
            release.instances[index].requests += 1
            release.instances[index].errors += hasFailed ? 1 : 0
            if isSticky {
                release.seen.insert(cohort)
                if hasFailed, !release.failed.contains(cohort) { release.instances[index].failedCohorts += 1 }
                if hasFailed { release.failed.insert(cohort) }
                release.slowest.apply([(cohort, took)])
            }
            counts.epochs[place].releases[isCanary ? 1 : 0] = release
        }
        sum(&counts)
    }

    /// What each release served: the splits, and seven requests that a header sent there.
    private static func sum(_ counts: inout TrafficCounts) {
        counts.releases = [14, 15].map { number in
            let parts = counts.epochs.flatMap(\.releases).filter { $0.release.value == number }
            let extra = [LatencyBucket(microseconds: 700, count: 7)]
            return ReleaseTraffic(
                release: ReleaseNumber(number), requests: 7 + parts.reduce(0) { $0 + $1.requests },
                errors: parts.reduce(0) { $0 + $1.errors }, inFlight: 0,
                latency: [LatencyCell](adding: extra, parts.flatMap(\.latency)).buckets)
        }
    }

    /// The counts that a recording leads to, look by look.
    private func played(_ recording: TrafficRecording) throws -> [TrafficCounts] {
        let playback = Playback()
        return try recording.parts.flatMap(\.readings).compactMap { reading in
            playback.play(reading)
            return reading.look == nil ? nil : try playback.counts()
        }
    }

    @Test(arguments: [false, true])
    func countsAndAnswersComeBackAsTheyWere(isSticky: Bool) async throws {
        let spec = AnalysisSpec(
            errors: .absolute(5_000), latencies: [LatencyAllowance(percentile: 90_000, more: 200_000)])
        let rollout = Rollout(spec)
        var draws = Draws(state: 7)
        rollout.change {
            Self.serve(&$0.counts, epoch: 1, weight: 10, isSticky: isSticky, requests: 300, failing: 1, &draws)
        }
        await rollout.mark()
        for window in 0..<12 {
            rollout.change {
                Self.serve(
                    &$0.counts, epoch: window < 6 ? 1 : 3, weight: window < 6 ? 10 : 50, isSticky: isSticky,
                    requests: 150, failing: 3, &draws)
            }
            await rollout.look()
        }
        let recordings = try TrafficRecording.read(rollout.lines)
        let recording = try #require(recordings.first)
        #expect(recordings.count == 1)
        #expect(recording.looks == 12)
        #expect(try played(recording) == rollout.shared.state.withLock { $0.told })
        let asked = try #require(recording.head.asked)
        let replayed = await GateReplay(asked)?.run(recording)
        #expect(replayed?.looks.map(\.result) == rollout.results)
        #expect(recording.title == "api@15 beside api@14, deployment #37, gate good")
    }

    @Test func aRouterThatStartsAnewAndOneThatIsAwayAreInTheRecordingToo() async throws {
        let rollout = Rollout()
        var draws = Draws(state: 3)
        func serve(_ requests: Int) {
            rollout.change {
                Self.serve(&$0.counts, epoch: 1, weight: 50, isSticky: false, requests: requests, failing: 4, &draws)
            }
        }
        serve(10)
        await rollout.mark()
        serve(100)
        await rollout.look()
        rollout.change { $0.isDown = true }
        await rollout.look()
        rollout.change { state in
            state.isDown = false
            state.counts = TrafficCounts(source: "b", releases: [])
        }
        serve(50)
        await rollout.look()
        serve(60)
        await rollout.look()
        // Lower than before under the same name: a look that is left out.
        rollout.change { $0.counts.epochs[0].releases[0].requests -= 5 }
        await rollout.look()
        let recording = try #require(try TrafficRecording.read(rollout.lines).first)
        let asked = try #require(recording.head.asked)
        let replayed = try #require(await GateReplay(asked)?.run(recording))
        #expect(replayed.looks.map(\.result.verdict) == rollout.results.map(\.verdict))
        #expect(
            replayed.looks.map(\.result.verdict) == [
                .inconclusive, .error, .inconclusive, .inconclusive, .inconclusive,
            ])
        #expect(replayed.looks[2].result.evidence.summary.contains("the router was restarted"))
        #expect(replayed.looks[4].result.evidence.summary.contains("fell"))
    }

    @Test func laterLooksAreThinnedAndAnAnswerIsKeptAlways() async throws {
        let rollout = Rollout(interval: .milliseconds(500))
        var draws = Draws(state: 5)
        await rollout.mark()
        for _ in 0..<2000 {
            rollout.change {
                Self.serve(&$0.counts, epoch: 1, weight: 20, isSticky: false, requests: 4, failing: 1, &draws)
            }
            await rollout.look(after: 500)
        }
        rollout.change {
            Self.serve(&$0.counts, epoch: 1, weight: 20, isSticky: false, requests: 3000, failing: 40, &draws)
        }
        let last = await rollout.look(after: 500)
        #expect(last.verdict == .fail)
        let recording = try #require(try TrafficRecording.read(rollout.lines).first)
        // 60, and one in each sixtieth of the time: 60 · ln(1000 s / 30 s) are 210.
        #expect((200...300).contains(recording.looks), "\(recording.looks)")
        #expect(recording.lastLook == 2001)
        #expect(try played(recording).last == rollout.shared.state.withLock { $0.told.last })
        #expect(rollout.lines.utf8.count < 100_000)
    }

    @Test func aRecordingDoesNotGrowBeyondItsBounds() async throws {
        let rollout = Rollout(interval: .milliseconds(500))
        await rollout.mark()
        var cohorts = CohortSet()
        for window in 0..<300 {
            // Every other cohort: nothing of it can be told as ranges.
            for number in 0..<150 { cohorts.insert((window * 150 + number) * 2 % 10_000) }
            rollout.change { state in
                let slow = CohortLatencies(bounds: (0..<10_000).map { Int32(100 + window * 13 + $0 % 7) })
                state.counts.epochs = [
                    EpochTraffic(
                        epoch: 1, isSticky: true,
                        releases: [
                            EpochRelease(
                                release: ReleaseNumber(14), weight: Weight(clamping: 50), requests: 100 * window,
                                seen: cohorts, slowest: slow),
                            EpochRelease(
                                release: ReleaseNumber(15), weight: Weight(clamping: 50), requests: 100 * window,
                                seen: cohorts),
                        ])
                ]
            }
            await rollout.look(after: 500)
        }
        #expect(rollout.lines.utf8.count < 2 * RecordedRun.bytesKept)
        let recording = try #require(try TrafficRecording.read(rollout.lines).first)
        #expect(recording.isCut)
    }

    @Test func aRestartOfSlipwayBeginsAPartOfItsOwn() async throws {
        var draws = Draws(state: 9)
        let first = Rollout()
        await first.mark()
        first.change { Self.serve(&$0.counts, epoch: 1, weight: 50, isSticky: false, requests: 80, failing: 3, &draws) }
        await first.look()
        let second = Rollout()
        second.change { $0.look = 1 }
        second.change {
            Self.serve(&$0.counts, epoch: 1, weight: 50, isSticky: false, requests: 90, failing: 3, &draws)
        }
        let restarted = await second.look()
        #expect(restarted.evidence.summary.contains("Slipway was restarted"))
        let recordings = try TrafficRecording.read(first.lines + second.lines)
        #expect(recordings.count == 1)
        #expect(recordings.first?.parts.count == 2)
        let recording = try #require(recordings.first)
        let asked = try #require(recording.head.asked)
        let replayed = try #require(await GateReplay(asked)?.run(recording))
        #expect(replayed.looks.count >= 1)
    }

    @Test(arguments: [
        ("{\"at\": 0}", "line 1: a reading before the head"),
        ("[]", "line 1: this is no JSON object"),
        (
            "{\"recording\": 2, \"service\": \"api\", \"canary\": 2, \"stable\": 1}",
            "line 1: this is a recording of version 2"
        ),
        ("{\"recording\": 1, \"service\": \"api\", \"canary\": 1, \"stable\": 1}", "are the same release"),
        ("{\"recording\": 1, \"service\": \"api\", \"canary\": 2}", "`stable` is missing"),
        ("HEAD\n{\"at\": 0, \"split\": []}", "line 2: `split` means nothing here"),
        ("HEAD\n{\"at\": 5}\n{\"at\": 4}", "line 3: `at` is before that of the line above"),
        ("HEAD\n{\"at\": -5}", "`at` is below zero"),
        ("HEAD\n{\"at\": 5, \"said\": \"perhaps\"}", "`said` is no verdict"),
        (
            "HEAD\n{\"at\": 0, \"splits\": [{\"split\": 1, \"releases\": [{\"release\": 2, \"weight\": 101, \"requests\": 1,"
                + " \"errors\": 0}]}]}", "a weight of 101%"
        ),
        (
            "HEAD\n{\"at\": 0, \"splits\": [{\"split\": 1, \"releases\": [{\"release\": 2, \"weight\": 10, \"requests\": 1}]}]}",
            "`errors` is missing in splits[0].releases[0]"
        ),
        (
            "HEAD\n{\"at\": 0, \"splits\": [{\"split\": 1, \"releases\": [{\"release\": 2, \"weight\": 10, \"requests\": 1,"
                + " \"errors\": 2}]}]}", "more errors than requests"
        ),
        (
            "HEAD\n{\"at\": 0, \"splits\": [{\"split\": 1, \"releases\": [{\"release\": 2, \"weight\": 10, \"requests\": 1,"
                + " \"errors\": 0, \"seen\": \"3-1\"}]}]}", "cohorts are written as 0-4,9"
        ),
        ("", "there is no recording in it"),
    ])
    func whatMakesNoSenseIsRefusedWithItsLine(text: String, words: String) {
        let head = "{\"recording\": 1, \"service\": \"api\", \"canary\": 2, \"stable\": 1}"
        #expect {
            _ = try TrafficRecording.read(text.replacing("HEAD", with: head))
        } throws: { error in
            "\(error)".contains(words)
        }
    }

    @Test func cohortsAreWrittenAsRanges() throws {
        #expect(CohortRanges.text([0, 1, 2, 3, 4, 9, 11, 12]) == "0-4,9,11-12")
        #expect(try CohortRanges.read("0-4,9,11-12") == [0, 1, 2, 3, 4, 9, 11, 12])
        #expect(CohortRanges.text([]) == "")
        #expect(throws: RecordingTrouble.self) { try CohortRanges.read("10000") }
    }
}
