import Domain
import Judging
import Ports
import Synchronization
import Testing

@testable import Gates

/// What sources of metrics said comes back as it was, and gates that ask them can be asked again.
@Suite("Recordings of metrics")
struct MetricReplayTests {
    /// A gate before a source that says what it is told, half a minute from look to look, and what is kept.
    final class Run: Sendable {
        private struct State {
            var lines = ""
            var now: Int64 = 0
            var results: [LookResult] = []
        }

        private let state = Mutex(State())
        let gate: GateSpec

        init(_ question: GateQuestion, _ schedule: GateSchedule = GateSchedule(interval: .seconds(30), count: 100)) {
            gate = GateSpec(name: GateName("lag"), question: question, schedule: schedule)
        }

        private func looking(_ look: Int) -> LookRequest {
            var stable = release()
            stable.number = ReleaseNumber(14)
            var looked = request(gate.question, look: look, stable: stable)
            looked.gate = gate
            return looked
        }

        /// - Parameter answer: to a question, by the number of the look.
        func take(_ looks: Int, _ answer: @escaping @Sendable (Int, MetricQuestion, MetricRange?) -> MetricAnswer) async
        {
            let recorder = TrafficRecorder(wall: { 1_700_000_000_000 }) { [self] _, _, lines in
                state.withLock { $0.lines += lines }
            }
            let source = SaidSource { [self] question, range in
                answer(Int(state.withLock { $0.now } / 30_000), question, range)
            }
            let metrics = MetricLooks(
                source, clock: { [self] in state.withLock { $0.now } }, recorder: recorder,
                now: { [self] in 1_700_000_000_123 + state.withLock { $0.now } })
            let (metric, comparison) = (MetricGate(metrics), ComparisonGate(metrics))
            switch gate.question {
            case .metric(let spec): await metric.mark(looking(0).key, spec)
            case .comparison(let spec): await comparison.mark(looking(0).key, spec)
            case .health, .smoke, .command, .threshold, .analysis, .approval, .webhook, .load: return
            }
            for look in 1...looks {
                state.withLock { $0.now += 30_000 }
                let result =
                    switch gate.question {
                    case .metric(let spec): await metric.look(spec, looking(look))
                    case .comparison(let spec): await comparison.look(spec, looking(look))
                    case .health, .smoke, .command, .threshold, .analysis, .approval, .webhook, .load:
                        LookResult(.error, Evidence("not asked here"))
                    }
                state.withLock { $0.results.append(result) }
            }
        }

        var lines: String { state.withLock { $0.lines } }
        var results: [LookResult] { state.withLock { $0.results } }

        func recording() throws -> TrafficRecording {
            let all = try TrafficRecording.read(lines)
            return try #require(all.first)
        }
    }

    private static let prom = MetricSource(name: "prom", way: .prometheus(PrometheusSpec(url: "http://prom:9090")))

    private func metric(pass: String, query: String = "lag{r=\"${release}\"}[${window}] ${start}") -> GateQuestion {
        .metric(MetricSpec(source: Self.prom, query: query, pass: MetricCondition(pass), fail: nil))
    }

    private func comparison(increase: Int = 0, range: Span = .minutes(5)) -> ComparisonSpec {
        var lag = ComparedMetric(name: "lag", query: "lag{r=\"${release}\"}")
        lag.increase = increase
        return ComparisonSpec(source: Self.prom, metrics: [lag], range: range, step: .seconds(10))
    }

    /// Values around a level, other ones at each look.
    private static func series(_ level: Double, _ look: Int, _ range: MetricRange?) -> MetricAnswer {
        let count = range?.count ?? 1
        let values = (0..<count).map { index in
            level + level * Double((index + 31 * look) * 7919 % 101 - 50) / 5000
        }
        return .series([MetricSeries(labels: "{}", values: values)])
    }

    @Test func theSameQuestionGetsTheSameAnswers() async throws {
        let patient = GateSchedule(
            interval: .seconds(30), count: 100, failureLimit: 10, errorLimit: 10, inconclusiveLimit: 10)
        let run = Run(metric(pass: "< 0.3"), patient)
        await run.take(6) { look, _, _ in
            switch look {
            case 2: .trouble("Connection refused")
            case 3: .series([MetricSeries(labels: "{}", values: [.nan])])
            case 4: .series([MetricSeries(labels: "{}", values: [.infinity])], notes: ["might not be a counter"])
            case 5: .series([])
            default: .series([MetricSeries(labels: "{}", values: [0.1 + Double(look) / 30])])
            }
        }
        let recording = try run.recording()
        #expect(recording.holdsAnswers && recording.looks == 6)
        #expect(recording.head.asked == run.gate)
        let replay = try #require(await GateReplay(run.gate)?.run(recording))
        #expect(replay.obstacle == nil)
        #expect(replay.looks.map(\.result) == run.results)
        #expect(replay.looks.map(\.said) == run.results.map(\.verdict))
        #expect(replay.looks.map(\.at) == (1...6).map { Span.seconds(30 * $0) })
        #expect(replay.outcome.requests == nil)
    }

    @Test func anotherConditionGetsAnotherAnswer() async throws {
        let once = GateSchedule(interval: .seconds(30), count: 3)
        let run = Run(metric(pass: "< 0.3"), once)
        await run.take(3) { look, _, _ in .series([MetricSeries(labels: "{}", values: [Double(look) / 10])]) }
        let recording = try run.recording()
        #expect(recording.then?.decision == .fail("fail"))
        let looser = GateSpec(name: GateName("lag"), question: metric(pass: "< 0.5"), schedule: once)
        #expect(await GateReplay(looser)?.run(recording).decision == .pass)
        var stricter = GateSpec(name: GateName("lag"), question: metric(pass: "< 0.05"), schedule: once)
        let failed = try #require(await GateReplay(stricter)?.run(recording))
        #expect(failed.decision.word == "fail" && failed.decidedAt == 1 && !failed.isDryRun)
        // What a dry run says is told, though it stops nothing.
        stricter.schedule.isDryRun = true
        let dry = try #require(await GateReplay(stricter)?.run(recording))
        #expect(dry.decision.word == "fail" && dry.isDryRun)
    }

    @Test func whatWasNotAskedThenIsNoAnswer() async throws {
        let run = Run(metric(pass: "< 0.3"))
        await run.take(2) { _, _, _ in .series([MetricSeries(labels: "{}", values: [0.1])]) }
        let recording = try run.recording()
        let other = GateSpec(name: GateName("lag"), question: metric(pass: "< 0.3", query: "other"))
        let replay = try #require(await GateReplay(other)?.run(recording))
        #expect(replay.obstacle?.contains("was not asked then") == true && replay.obstacle?.contains("other") == true)
        #expect(replay.decision == .undecided && replay.looks.isEmpty)
        let analysis = GateSpec(name: GateName("a"), question: .analysis(AnalysisSpec(errors: .absolute(1000))))
        let judged = try #require(await GateReplay(analysis)?.run(recording))
        #expect(judged.obstacle?.contains("an analysis judges by requests") == true)
        let traffic = try TrafficRecording.read(
            "{\"recording\": 1, \"service\": \"api\", \"canary\": 15, \"stable\": 14}\n{\"at\": 0}\n")
        #expect(GateReplay(run.gate)?.objection(to: traffic[0])?.contains("what sources say") == true)
    }

    @Test func bothSidesOfAComparisonAreKept() async throws {
        let run = Run(.comparison(comparison()))
        await run.take(4) { look, question, range in
            if look == 2, question.subject.release == ReleaseNumber(14) { return .trouble("gone") }
            return Self.series(question.subject.release == ReleaseNumber(15) ? 0.3 : 0.2, look, range)
        }
        #expect(run.results.map(\.verdict) == [.fail, .error, .fail, .fail])
        let recording = try run.recording()
        var patient = run.gate
        patient.schedule.failureLimit = 10
        let replay = try #require(await GateReplay(patient)?.run(recording))
        #expect(replay.looks.map(\.result) == run.results)
        // A larger effect is tolerated, and the end of the same series is enough.
        for range in [Span.minutes(5), .minutes(3)] {
            let question = GateQuestion.comparison(comparison(increase: 600_000, range: range))
            let looser = GateSpec(name: GateName("lag"), question: question, schedule: patient.schedule)
            let passed = try #require(await GateReplay(looser)?.run(recording))
            #expect(passed.obstacle == nil)
            #expect(passed.looks.map(\.result.verdict) == [.pass, .error, .pass, .pass], "\(passed.looks)")
        }
        let longer = GateSpec(name: GateName("lag"), question: .comparison(comparison(range: .minutes(9))))
        #expect(await GateReplay(longer)?.run(recording).obstacle != nil)
    }

    @Test func linesThatMakeNoSenseAreRefused() throws {
        let head = "{\"recording\": 1, \"service\": \"api\", \"canary\": 15, \"stable\": 14}\n"
        let wrong: [(String, String)] = [
            ("{\"at\": 0, \"answers\": []}", "belong together"),
            ("{\"at\": 0, \"time\": 5}", "belong together"),
            (
                "{\"at\": 0, \"time\": 5, \"answers\": [{\"source\": \"p\", \"release\": 15, \"series\": [], \"start\": 1}]}",
                "all three"
            ),
            (
                "{\"at\": 0, \"time\": 5, \"answers\": [{\"source\": \"p\", \"release\": 15, \"series\": [{\"values\": [\"many\"]}]}]}",
                "not many"
            ),
            ("{\"at\": 0, \"time\": 5, \"answers\": [{\"source\": \"p\", \"release\": 15}]}", "`series` is missing"),
            (
                "{\"at\": 0, \"time\": 5, \"answers\": [{\"source\": \"p\", \"release\": 15, \"series\": [], \"query \": \"\"}]}",
                "means nothing here"
            ),
        ]
        for (line, words) in wrong {
            #expect {
                _ = try TrafficRecording.read(head + line + "\n")
            } throws: { "\($0)".contains(words) }
        }
    }

    /// Of a long run only some looks are kept; a row of passes counts those between them too.
    @Test func rowsOfPassesCountLooksThatWereNotKept() throws {
        var head = RecordingHead(service: ServiceName("api"), canary: ReleaseNumber(15), stable: ReleaseNumber(14))
        head.asked = GateSpec(
            name: GateName("lag"), question: metric(pass: "< 1"),
            schedule: GateSchedule(interval: .seconds(30), failureLimit: 5, successLimit: 8))
        func reading(_ look: Int, _ said: Verdict) -> RecordedReading {
            RecordedReading(at: Int64(look) * 30_000, look: look, said: said, time: 0, answers: [])
        }
        let part = TrafficRecording.Part(
            head: head,
            readings: [
                RecordedReading(at: 0, time: 0, answers: []), reading(1, .pass), reading(5, .fail), reading(6, .pass),
                reading(10, .pass), reading(20, .pass),
            ])
        let then = try #require(TrafficRecording(part).then)
        // Passes 1 to 4 are no row of eight; 6 to 13 are.
        #expect(then.decision == .pass && then.decidedAt == 13, "\(String(describing: then.decidedAt))")
        #expect(then.deciding?.at == .seconds(13 * 30))
    }
}
