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
        let server = try await NginxServer()
        defer { server.stop() }
        let limits = ThresholdSpec(
            errorRate: 1_000, latencies: [LatencyLimit(percentile: 95_000, limit: .seconds(3))], minRate: 50_000,
            minRequests: 40)
        let seen = await look(limits, at: [instance(1, port: server.port), instance(2, port: server.port)])
        #expect(seen.verdict == .pass, "\(seen.evidence)")
        #expect(seen.evidence.findings.count == 4)
    }

    @Test func failuresAndSlownessFail() async throws {
        let server = try await NginxServer()
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
        let server = try await NginxServer()
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
}
