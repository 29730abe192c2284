import Domain
import Judging
import Testing

@testable import Gates

/// Gates that are asked again about recorded traffic.
@Suite("Replays")
struct ReplayTests {
    /// Ten looks two seconds apart, each with so many requests on either side.
    private func recording(
        failing: Int, of requests: Int, stable: Int, looks: Int = 10, asked: GateSpec? = nil, said: [Verdict] = []
    ) throws -> TrafficRecording {
        var head = RecordingHead(
            service: ServiceName("api"), canary: ReleaseNumber(15), stable: ReleaseNumber(14),
            deployment: DeploymentNumber(37), gate: GateName("good"))
        head.asked = asked
        var part = TrafficRecording.Part(head: head, readings: [RecordedReading(at: 0, source: "a")])
        for look in 1...looks {
            let releases = [
                RecordedRelease(
                    release: ReleaseNumber(14), weight: Weight(clamping: 50), requests: requests, errors: stable,
                    latency: [LatencyCell(5_000, requests)]),
                RecordedRelease(
                    release: ReleaseNumber(15), weight: Weight(clamping: 50), requests: requests, errors: failing,
                    latency: [LatencyCell(9_000, requests)]),
            ]
            part.readings.append(
                RecordedReading(
                    at: Int64(look) * 2000, look: look, said: look <= said.count ? said[look - 1] : .inconclusive,
                    splits: [RecordedSplit(split: 1, releases: releases)]))
        }
        return TrafficRecording(part)
    }

    private func analysis(_ errors: Int, interval: Span = .seconds(2), requests: Int? = nil) -> GateSpec {
        GateSpec(
            name: GateName("good"), question: .analysis(AnalysisSpec(errors: .absolute(errors), requests: requests)),
            schedule: GateSchedule(interval: interval, patience: .minutes(10)))
    }

    @Test func aBadReleaseFailsAndSaysAfterHowManyRequests() async throws {
        let run = try #require(await GateReplay(analysis(5_000))?.run(try recording(failing: 10, of: 100, stable: 1)))
        guard case .fail(let reason) = run.decision else {
            Issue.record("\(run.decision)")
            return
        }
        #expect(reason.contains("the canary is worse than tolerated"))
        let deciding = try #require(run.deciding)
        #expect(deciding.look < 6)
        #expect(deciding.requests == 100 * deciding.look)
        #expect(deciding.errors == 10 * deciding.look)
        #expect(deciding.at == .seconds(2 * Int64(deciding.look)))
        #expect(run.looks.count == deciding.look, "it ends with its answer")
    }

    @Test func aLargerToleranceLetsTheSamePass() async throws {
        let traffic = try recording(failing: 3, of: 500, stable: 3, looks: 30)
        let strict = try #require(await GateReplay(analysis(100))?.run(traffic))
        #expect(strict.decision == .undecided)
        #expect(strict.looks.count == 30)
        let loose = try #require(await GateReplay(analysis(20_000))?.run(traffic))
        #expect(loose.decision == .pass)
        #expect(loose.decidedAt == loose.looks.last?.look)
    }

    @Test func aSlowerRhythmLooksLessOften() async throws {
        let traffic = try recording(failing: 1, of: 20, stable: 1)
        let run = try #require(await GateReplay(analysis(100, interval: .seconds(6)))?.run(traffic))
        #expect(run.looks.map(\.at) == [.seconds(6), .seconds(12), .seconds(18)])
    }

    @Test func aThresholdIsAskedAboutTheSameTraffic() async throws {
        let gate = GateSpec(
            name: GateName("slow"),
            question: .threshold(
                ThresholdSpec(
                    latencies: [LatencyLimit(percentile: 95_000, limit: .milliseconds(8))], minRequests: 150)),
            schedule: GateSchedule(interval: .seconds(2), inconclusiveLimit: 3))
        let run = try #require(await GateReplay(gate)?.run(try recording(failing: 0, of: 100, stable: 0)))
        #expect(run.looks.first?.result.verdict == .inconclusive, "100 of 150 requests")
        guard case .fail(let reason) = run.decision else {
            Issue.record("\(run.decision)")
            return
        }
        #expect(reason.contains("p95"))
    }

    @Test func aGateThatDoesNotJudgeTrafficIsNotReplayed() {
        #expect(GateReplay(GateSpec(name: GateName("up"), question: .health)) == nil)
    }

    @Test func howItEndedThenIsReadFromWhatWasSaid() throws {
        let traffic = try recording(
            failing: 1, of: 10, stable: 1, looks: 3, asked: analysis(5_000),
            said: [.inconclusive, .inconclusive, .fail])
        #expect(traffic.then?.decidedAt == 3)
        #expect(traffic.then?.deciding?.requests == 30)
        #expect(traffic.then?.decision.word == "fail")
        let open = try recording(failing: 1, of: 10, stable: 1, looks: 3, asked: analysis(5_000))
        #expect(open.then?.decision == .undecided)
        #expect(try recording(failing: 1, of: 10, stable: 1).then == nil)
    }

    /// A gate in the background that went on after its pass: a later failure counts.
    @Test func aBackgroundGateIsHeardToItsEnd() async throws {
        let said: [Verdict] = [.inconclusive, .pass, .pass, .fail]
        var traffic = try recording(failing: 0, of: 1000, stable: 0, looks: 4, asked: analysis(20_000), said: said)
        #expect(traffic.then?.passedAt == 2)
        #expect(traffic.then?.decision.word == "fail")
        var part = traffic.parts[0]
        part.readings[4].splits[0].releases[1].errors = 700
        traffic = TrafficRecording(part)
        let run = try #require(await GateReplay(analysis(20_000))?.run(traffic))
        #expect(run.passedAt != nil)
        #expect(run.decision.word == "fail")
        part.head.asked = nil
        let once = try #require(await GateReplay(analysis(20_000))?.run(TrafficRecording(part)))
        #expect(once.decision == .pass)
    }
}

@Suite("Series in files")
struct SeriesFileTests {
    @Test func looksAreTakenAsTimePasses() throws {
        var lines = "at,metric,side,value\n"
        for step in 0..<60 {
            lines += "\(step * 10),latency,baseline,\(10 + step % 7)\n\(step * 10),latency,canary,\(40 + step % 5)\n"
        }
        let file = try SeriesFile(lines)
        let spec = SeriesSpec(metrics: [SeriesMetric(name: "latency", groups: ["all"], direction: .increase)])
        let looks = file.looks(spec, every: .minutes(2))
        #expect(looks.map(\.at) == [.minutes(2), .minutes(4), .minutes(6), .minutes(8), .seconds(590)])
        #expect(looks.last?.verdict.verdict == .fail)
        #expect(looks.last?.values == 120)
        #expect(file.looks(spec, every: nil).count == 1)
    }

    @Test func columnsMayStandInAnyOrderAndNaNIsNoValue() throws {
        let file = try SeriesFile("value,side,metric\nNaN,canary,errors\n,baseline,errors\n")
        #expect(file.metrics == ["errors"])
        #expect(!file.hasTimes)
        let looks = file.looks(SeriesSpec(metrics: [SeriesMetric(name: "errors", groups: ["all"])]), every: .minutes(1))
        #expect(looks.map(\.verdict.verdict) == [.inconclusive])
    }

    @Test(arguments: [
        ("at,metric,value\n", "line 1: the columns are not known"),
        ("metric,side,value\nlatency,left,1\n", "line 2: `side` is canary or baseline"),
        ("metric,side,value\nlatency,canary,fast\n", "line 2: `value` is a number"),
        ("at,metric,side,value\nnow,latency,canary,1\n", "line 2: `at` is a number"),
        ("metric,side,value\nlatency,canary\n", "line 2: 2 values"),
        ("metric,side,value\n", "there is no value in it"),
    ])
    func whatMakesNoSenseIsRefused(text: String, words: String) {
        #expect { _ = try SeriesFile(text) } throws: { "\($0)".contains(words) }
    }
}
