import ArgumentParser
import Domain
import Judging
import SupervisorAPI
import Testing

@testable import Commands

/// What replays ask, and how comparisons are told.
@Suite struct JudgeTests {
    private let then = GateSpec(
        name: GateName("good"),
        question: .analysis(
            AnalysisSpec(errors: .absolute(5_000), latencies: [LatencyAllowance(percentile: 95_000, more: 200_000)])),
        schedule: GateSchedule(interval: .seconds(2), onInconclusive: .hold, patience: .minutes(10)))

    private func asked(_ words: [String], then: GateSpec?, manifest: [GateSpec] = []) throws -> GateSpec {
        try JudgeParameters.parse(words).asked(insteadOf: then) { manifest }
    }

    @Test func withoutWordsItIsWhatWasAskedThen() throws {
        #expect(try asked([], then: then) == then)
    }

    @Test func wordsChangeWhatTheyName() throws {
        let gate = try asked(
            ["--errors", "+1pp", "--p99", "+50%", "--false-alarms", "5%", "--within", "5m", "--warm-up", "30s"],
            then: then)
        #expect(
            gate.question
                == .analysis(
                    AnalysisSpec(
                        errors: .absolute(10_000),
                        latencies: [
                            LatencyAllowance(percentile: 95_000, more: 200_000),
                            LatencyAllowance(percentile: 99_000, more: 500_000),
                        ], falseAlarms: 50_000, warmUp: .seconds(30))))
        #expect(gate.schedule.patience == .minutes(5))
        #expect(gate.schedule.interval == .seconds(2))
        #expect(gate.schedule.onInconclusive == .hold)
    }

    /// A rollout's recording may hold several gates.
    @Test func optionsOfAnAnalysisAreAboutAnalysesAlone() throws {
        let lag = GateSpec(name: GateName("lag"), question: .threshold(ThresholdSpec(errorRate: 10_000)))
        let tolerant = try JudgeParameters.parse(["--errors", "+1pp"])
        #expect(tolerant.suit(then) && tolerant.suit(nil) && !tolerant.suit(lag))
        #expect(try JudgeParameters.parse(["--interval", "1m"]).suit(lag))
        #expect(try JudgeParameters.parse(["--errors", "+1pp", "--gate", "lag"]).suit(lag))
    }

    @Test func aGateOfTheManifestAndOneInItsWords() throws {
        let other = GateSpec(name: GateName("slow"), question: .threshold(ThresholdSpec(errorRate: 10_000)))
        #expect(try asked(["--gate", "slow"], then: then, manifest: [other]) == other)
        let threshold = try asked(["--as", "{ threshold: { p95: \"<= 1s\" }, count: 3 }"], then: nil)
        #expect(
            threshold.question
                == .threshold(ThresholdSpec(latencies: [LatencyLimit(percentile: 95_000, limit: .seconds(1))])))
        #expect(threshold.schedule.count == 3)
        let slower = try asked(["--gate", "slow", "--interval", "1m"], then: nil, manifest: [other])
        #expect(slower.schedule.interval == .minutes(1))
        #expect(slower.question == other.question)
    }

    @Test(arguments: [
        ([], "nothing says what to ask"),
        (["--errors", "1pp"], "`errors`"),
        (["--errors", "+1pp", "--false-alarms", "60%"], "--false-alarms"),
        (["--gate", "goof"], "the manifest has no gate `goof`"),
        (["--gate", "good", "--as", "{ health: true }"], "name two gates"),
        (["--as", "{ threshold: { p95: 1 } }"], "--as: "),
        (["--as", "{ treshold: {} }"], "`treshold` is not a key of a gate"),
        (["--missed", "1%"], "compares nothing"),
    ])
    func whatMakesNoSenseIsAUsageError(words: [String], message: String) {
        #expect {
            _ = try asked(words, then: nil, manifest: [then])
        } throws: { error in
            guard let error = error as? SupervisorError else { return false }
            return error.code == "usage" && error.message.contains(message)
        }
    }

    @Test func aGateIsToldInAFewWords() {
        #expect(then.words == "errors +0.5pp, p95 +20%; false alarms 1%, missed 5%, within 10m, every 2s")
        let threshold = GateSpec(
            name: GateName("slow"),
            question: .threshold(
                ThresholdSpec(errorRate: 10_000, latencies: [LatencyLimit(percentile: 99_900, limit: .seconds(1))])))
        #expect(threshold.words == "error rate <= 1%, p99.9 <= 1s, requests >= 100; 1 look, every 10s")
    }

    @Test func seriesAreAskedByName() throws {
        let parameters = try SeriesParameters.parse(["--metric", "latency:increase:critical", "--pass", "90"])
        let spec = try parameters.spec(["errors", "latency"])
        #expect(spec.metrics.map(\.name) == ["latency"])
        #expect(spec.metrics.first?.isCritical == true)
        #expect(spec.pass == 90)
        #expect(try SeriesParameters.parse([]).spec(["errors", "latency"]).metrics.count == 2)
        #expect(throws: SupervisorError.self) { try SeriesParameters.parse(["--metric", "late"]).spec(["latency"]) }
        #expect(throws: SupervisorError.self) { try SeriesParameters.parse(["--metric", "a:up"]).spec(["a"]) }
    }

    // MARK: Verdicts in stories

    private func evidence(_ summary: String, _ verdict: Verdict) -> LookResult {
        let figures = ComparedFigures(
            unit: "request", canaryEvents: 37, canaryUnits: 377, stableEvents: 8, stableUnits: 391, confidence: 950_000,
            worse: 2_100_000, worseNeeded: 2_000_000, noWorse: 0, noWorseNeeded: 1_300_000)
        return LookResult(
            verdict,
            Evidence(
                summary,
                findings: [
                    Finding(
                        asked: "error rate", got: "9.8% (37 of 377) on the canary, ratio 4.8",
                        wanted: "at most +0.5pp over stable's", verdict: verdict, figures: figures),
                    Finding(asked: "error rate by instance", got: "one canary instance", verdict: .inconclusive),
                    Finding(asked: "unit", got: "requests, at 50%", wanted: "false alarms at most 1%", verdict: .pass),
                ]))
    }

    private func report(_ kind: EventKind, _ text: String, look: Int = 0) -> EventReport {
        EventReport(
            sequence: 7, kind: "\(kind)",
            event: Event(
                kind, at: 0, deployment: DeploymentNumber(2), service: ServiceName("api"), release: ReleaseNumber(2),
                number: look, text: text))
    }

    @Test(arguments: [EventKind.gatePassed, .gateFailed])
    func theStoryHasValuesAndUnitOfEveryAnswer(kind: EventKind) throws {
        let verdict: Verdict = kind == .gatePassed ? .pass : .fail
        let look = try #require(
            GateEvidence(key: "api#2/good/3", sequence: 6, result: evidence("so it is", verdict)))
        let lines = EventLines(style: .plain).story([report(kind, "good: so it is")], [look])
        #expect(lines.count == 3)
        #expect(lines[1].contains("error rate: 9.8% (37 of 377) on the canary, ratio 4.8; wanted at most +0.5pp"))
        #expect(lines[2].contains("unit: requests, at 50%; wanted false alarms at most 1%"))
    }

    @Test func anUndecidedLookHasThemTooAndWhatStandsBeside() throws {
        let look = try #require(
            GateEvidence(key: "api#2/good/3", sequence: 6, result: evidence("too few", .inconclusive)))
        let event = report(.lookFailed, "good look 3: inconclusive: too few", look: 3)
        let lines = EventLines(style: .plain).story([event], [look])
        #expect(lines.count == 4)
        #expect(lines[3].contains("error rate by instance: got one canary instance"))
    }

    @Test func figuresSurviveTheJournal() throws {
        let result = evidence("so it is", .fail)
        #expect(result.evidence.findings[0].figures?.canaryUnits == 377)
        #expect(result.evidence.comparisons.count == 2)
        #expect(result.evidence.withoutComparisons.findings.count == 1)
    }
}
