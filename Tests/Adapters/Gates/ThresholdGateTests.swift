import Domain
import Ports
import Testing

@testable import Gates

@Suite("Thresholds")
struct ThresholdTests {
    private func mark(
        _ requests: Int, errors: Int = 0, _ latency: [Int: Int] = [:], at: Int64 = 0, source: String = "a"
    ) -> TrafficMark {
        let buckets = latency.keys.sorted().map { LatencyBucket(microseconds: $0, count: latency[$0] ?? 0) }
        return TrafficMark(
            source: source,
            traffic: ReleaseTraffic(
                release: ReleaseNumber(15), requests: requests, errors: errors, inFlight: 0, latency: buckets), at: at)
    }

    private func judge(_ spec: ThresholdSpec, _ from: TrafficMark, _ to: TrafficMark) throws -> LookResult {
        try #require(TrafficWindow(from: from, to: to)).judge(spec)
    }

    @Test func theErrorRateIsComparedExactly() throws {
        let spec = ThresholdSpec(errorRate: 10_000, minRequests: 100)
        let pass = try judge(spec, mark(1000, errors: 500), mark(1100, errors: 501, at: 10_000))
        #expect(
            pass
                == LookResult(
                    .pass,
                    Evidence(
                        "100 requests in 10.0s, error rate 1% (1 of 100)",
                        findings: [
                            Finding(asked: "requests", got: "100", wanted: ">= 100", verdict: .pass),
                            Finding(asked: "error rate", got: "1% (1 of 100)", wanted: "<= 1%", verdict: .pass),
                        ])))
        let fail = try judge(spec, mark(0), mark(412, errors: 29, at: 12_300))
        #expect(fail.verdict == .fail)
        #expect(fail.evidence.summary == "error rate 7% (29 of 412), wanted <= 1%; 412 requests in 12.3s")
        let few = try judge(spec, mark(0), mark(37, errors: 37, at: 1000))
        #expect(few.verdict == .inconclusive)
        #expect(few.evidence.summary == "37 of 100 requests in 1.0s, too few to judge by")
        #expect(few.evidence.findings.map(\.verdict) == [.inconclusive, .inconclusive])
    }

    @Test func percentilesAreOfTheWindow() throws {
        let before = mark(100, [1000: 50, 900_000: 50])
        let after = mark(200, [1000: 145, 200_000: 4, 900_000: 51], at: 1000)
        let window = try #require(TrafficWindow(from: before, to: after))
        #expect(window.timed == 100)
        #expect(window.latency(percentile: 50_000) == 1000)
        #expect(window.latency(percentile: 95_000) == 1000)
        #expect(window.latency(percentile: 95_001) == 200_000)
        #expect(window.latency(percentile: 99_000) == 200_000)
        #expect(window.latency(percentile: 99_900) == 900_000)
        let limits = [
            LatencyLimit(percentile: 99_000, limit: .milliseconds(200)),
            LatencyLimit(percentile: 99_900, limit: .milliseconds(899)),
        ]
        let result = window.judge(ThresholdSpec(latencies: limits, minRequests: 100))
        #expect(result.verdict == .fail)
        #expect(result.evidence.findings.map(\.verdict) == [.pass, .pass, .fail])
        #expect(result.evidence.summary == "p99.9 900ms, wanted <= 899ms; 100 requests in 1.0s")
    }

    @Test func requestsThatWereNotTimedDecideNothing() throws {
        let limit = [LatencyLimit(percentile: 95_000, limit: .seconds(1))]
        let result = try judge(ThresholdSpec(latencies: limit, minRequests: 1), mark(0), mark(10, at: 1000))
        #expect(result.verdict == .inconclusive)
        #expect(result.evidence.summary == "p95: no request was timed")
    }

    @Test func theRateIsOfTheTimeThatPassed() throws {
        let spec = ThresholdSpec(minRate: 50_000, minRequests: 1)
        #expect(try judge(spec, mark(0), mark(500, at: 10_000)).verdict == .pass)
        let slow = try judge(spec, mark(0), mark(499, at: 10_000))
        #expect(slow.verdict == .fail)
        #expect(slow.evidence.findings.last?.got == "49.9/s")
        #expect(slow.evidence.findings.last?.wanted == ">= 50/s")
        #expect(try judge(spec, mark(0), mark(500, at: 0)).verdict == .inconclusive)
    }

    @Test func countsThatBeganAnewMakeNoWindow() {
        #expect(TrafficWindow(from: mark(10), to: mark(20, source: "b")) == nil)
        #expect(TrafficWindow(from: mark(10), to: mark(9)) == nil)
        #expect(TrafficWindow(from: mark(10, errors: 3), to: mark(19, errors: 2)) == nil)
    }

    @Test func theLastBucketHasNoEnd() throws {
        let limit = [LatencyLimit(percentile: 50_000, limit: .hours(1))]
        let result = try judge(ThresholdSpec(latencies: limit, minRequests: 1), mark(0), mark(1, [.max: 1], at: 1))
        #expect(result.verdict == .fail)
    }

    @Test func marksOfARunAreBounded() {
        var book = MarkBook(look: 0, mark: mark(0))
        for look in 1...1000 { book.note(mark(look), look: look, since: 0) }
        #expect(book.mark(since: 0)?.traffic.requests == 0)
        #expect(book.mark(since: 1000)?.traffic.requests == 1000)
        book.note(mark(1001), look: 1001, since: 1000)
        #expect(book.mark(since: 0) == nil)
        #expect(book.mark(since: 1000) != nil)
        var memory = RunMemory<Int>(limit: 2)
        for run in 1...3 {
            memory[
                RunKey(
                    LookKey(
                        environment: release().environment, service: release().service, deployment: DeploymentNumber(1),
                        run: run, look: 1))] = run
        }
        let kept = (1...3).map { run in
            memory[
                RunKey(
                    LookKey(
                        environment: release().environment, service: release().service, deployment: DeploymentNumber(1),
                        run: run, look: 9))]
        }
        #expect(kept == [nil, 2, 3])
    }

    @Test func countsThatCannotBeReadAreAnError() async {
        let spec = ThresholdSpec(errorRate: 0)
        let down = ThresholdGate { _, _ in throw PortError(.unavailable, "nobody listens") }
        let result = await down.look(spec, request(.threshold(spec)))
        #expect(result.verdict == .error)
        #expect(result.evidence.summary.contains("nobody listens"))
        let mute = ThresholdGate { _, _ in nil }
        #expect(await mute.look(spec, request(.threshold(spec))).verdict == .error)
    }

    @Test(arguments: [
        (0, 100, "0%"), (1, 10_000, "0.01%"), (1, 1_000_000, "0.01%"), (1, 300, "0.33%"), (71, 1000, "7.1%"),
        (1, 3, "33%"), (5, 5, "100%"),
    ])
    func sharesAreReadable(_ part: Int, _ whole: Int, _ text: String) { #expect(shareText(part, of: whole) == text) }

    @Test func numbersAreReadable() {
        #expect(percentText(millionths: 500) == "0.05%")
        #expect(percentText(millionths: 10_000) == "1%")
        #expect(timeText(microseconds: 1449) == "1.4ms")
        #expect(timeText(microseconds: 231_000) == "231ms")
        #expect(timeText(microseconds: 12_345_678) == "12.35s")
    }
}
