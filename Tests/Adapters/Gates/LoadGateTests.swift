import Domain
import Gates
import Glibc
import Ports
import Testing

@Suite(
    "A load gate measures the release on trial", .timeLimit(.minutes(1)),
    .enabled(if: access(NginxServer.program, X_OK) == 0, "nginx is not installed"))
struct LoadGateTests {
    private func look(_ limits: ThresholdSpec, at instances: [InstanceView], path: String = "/health") async
        -> LookResult
    {
        let spec = LoadSpec(path: path, perSecond: 100, connections: 8, duration: .milliseconds(600), limits: limits)
        return await LoadGate().look(spec, request(.load(spec), at: instances))
    }

    @Test func aGoodReleaseKeepsItsLimits() async throws {
        let server = try await NginxServer.start()
        defer { server.stop() }
        let limits = ThresholdSpec(
            errorRate: 1_000, latencies: [LatencyLimit(percentile: 95_000, limit: .seconds(3))], minRate: 50_000,
            minRequests: 40)
        let seen = await look(limits, at: [instance(1, port: server.port), instance(2, port: server.port)])
        #expect(seen.verdict == .pass, "\(seen.evidence)")
        #expect(seen.evidence.findings.count == 4)
    }

    @Test func failuresAndSlownessFail() async throws {
        let server = try await NginxServer.start()
        defer { server.stop() }
        let broken = await look(
            ThresholdSpec(errorRate: 1_000, minRequests: 10), at: [instance(1, port: server.port)],
            path: "/no-such-page")
        #expect(broken.verdict == .fail, "\(broken.evidence)")
        let slow = await look(
            ThresholdSpec(minRate: 5_000_000, minRequests: 10), at: [instance(1, port: server.port)])
        #expect(slow.verdict == .fail || slow.verdict == .inconclusive, "\(slow.evidence)")
        #expect(slow.evidence.summary.contains("wanted >= 5000/s"))
    }

    @Test func fewRequestsAreNoPass() async throws {
        let server = try await NginxServer.start()
        defer { server.stop() }
        let seen = await look(
            ThresholdSpec(errorRate: 1_000, minRequests: 10_000), at: [instance(1, port: server.port)])
        #expect(seen.verdict == .inconclusive, "\(seen.evidence)")
    }

    @Test func nobodyThereIsNoPass() async {
        let none = await look(ThresholdSpec(errorRate: 1_000), at: [])
        #expect(none.verdict == .error)
        let closed = await look(ThresholdSpec(errorRate: 1_000, minRequests: 10), at: [instance(1, port: 1)])
        #expect(closed.verdict == .fail, "\(closed.evidence)")
    }

    private func look(_ spec: LoadSpec, at instances: [InstanceView]) async -> LookResult {
        await LoadGate().look(spec, request(.load(spec), at: instances))
    }

    private func finding(_ asked: String, _ result: LookResult) -> Finding? {
        result.evidence.findings.first { $0.asked == asked }
    }

    /// Two instances share the flows of a ramp: rates and errors are judged together, latencies of each by itself.
    @Test func flowsAreHeldAgainstThresholds() async throws {
        let server = try await NginxServer.start()
        defer { server.stop() }
        let flows = [
            FlowSpec(name: "fine", steps: [FlowStep(name: "fine", path: "/health")]),
            FlowSpec(name: "gone", steps: [FlowStep(name: "gone", path: "/no-such-page")]),
        ]
        let kept = ["fine errors <= 0%", "errors < 100%", "fine p99.9 < 30s", "rate > 20/s"]
        let missed = ["errors < 1%", "gone errors < 100%"]
        let spec = LoadSpec(
            path: "/", limits: ThresholdSpec(minRequests: 20), flows: flows,
            ramp: LoadProfile(parsing: "100/s for 600ms"),
            thresholds: (kept + missed).compactMap { LoadThreshold(parsing: $0) }, seed: 3)
        let instances = [instance(1, port: server.port), instance(2, port: server.port)]
        let seen = await look(spec, at: instances)
        #expect(seen.verdict == .fail, "\(seen.evidence)")
        #expect(finding("fine errors", seen)?.verdict == .pass)
        #expect(finding("gone errors", seen)?.got == "100%")
        #expect(finding("gone errors", seen)?.verdict == .fail)
        #expect(finding("rate", seen)?.verdict == .pass, "\(seen.evidence)")
        #expect(finding("fine p99.9 of instance 2", seen)?.wanted == "< 30s")
        #expect(finding("seed", seen)?.got == "3")
        var good = spec
        good.thresholds = kept.compactMap { LoadThreshold(parsing: $0) }
        let pass = await look(good, at: instances)
        #expect(pass.verdict == .pass, "\(pass.evidence)")
        #expect(pass.evidence.summary.hasPrefix("load of 100/s for 600ms on 2 flows: "))
        #expect(finding("fine", pass)?.got.contains(" 0 failed") == true)
    }

    /// Fewer users than instances: who gets none is not asked, and the look is no error for that.
    @Test func fewUsersAreEnough() async throws {
        let server = try await NginxServer.start()
        defer { server.stop() }
        let spec = LoadSpec(
            path: "/health", limits: ThresholdSpec(minRequests: 10), ramp: LoadProfile(parsing: "1 user for 400ms"),
            thresholds: [LoadThreshold(.errors, limit: 10_000)])
        let seen = await look(spec, at: [instance(1, port: server.port), instance(2, port: server.port)])
        #expect(seen.verdict == .pass || seen.verdict == .inconclusive, "\(seen.evidence)")
        #expect(finding("errors", seen)?.got == "0%")
    }
}
