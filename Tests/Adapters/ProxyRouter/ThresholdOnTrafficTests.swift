import Domain
import Gates
import LoopbackServers
import Ports
import ProxyRouter
import RouterConformance
import Testing

/// The threshold gate over what the real proxy counts of real requests.
@Suite("Thresholds on a real proxy's counts", .timeLimit(.minutes(1)))
struct ThresholdOnTrafficTests {
    private let spec = ThresholdSpec(
        errorRate: 20_000, latencies: [LatencyLimit(percentile: 95_000, limit: .seconds(5))], minRequests: 50)

    private func request(_ release: Release, look: Int, since: Int = 0) -> LookRequest {
        LookRequest(
            key: LookKey(
                environment: staging, service: api, deployment: DeploymentNumber(1), run: 1, look: look),
            gate: GateSpec(name: GateName("errors"), question: .threshold(spec)), release: release, stable: nil,
            instances: [], all: [], since: since)
    }

    @Test func aBadReleaseIsToldFromAGoodOne() async throws {
        let proxy = try await LiveProxy()
        let backends = [try EchoBackend("1 a"), try EchoBackend("2 b")]
        let router = try proxy.router()
        let gate = ThresholdGate { try await router.counts($0, in: $1) }
        let trial = release(api, 2)
        let split = [target(1, 50, [backends[0].port]), target(2, 50, [backends[1].port])]
        try await router.apply(wish(1, split), service: trial)
        let port = try router.localAddress(of: api, in: staging).port
        await gate.mark(request(trial, look: 0).key, release: trial.number)
        func send(_ count: Int, _ path: String) async throws {
            for _ in 0..<count { _ = try await TrialRequest(path: path).answer(port: port) }
        }
        // Requests are drawn: all bounds leave a fair draw a chance of less than 10^-10 to break them.
        try await send(40, "/")
        let few = await gate.look(spec, request(trial, look: 1))
        #expect(few.verdict == .inconclusive, "\(few.evidence.summary)")
        #expect(few.evidence.summary.contains(" of 50 requests in "))
        try await send(200, "/")
        let good = await gate.look(spec, request(trial, look: 2))
        #expect(good.verdict == .pass, "\(good.evidence.summary)")
        #expect(good.evidence.summary.contains(" requests in "))
        try await send(200, "/")
        try await send(200, "/fail")
        let bad = await gate.look(spec, request(trial, look: 3, since: 2))
        #expect(bad.verdict == .fail, "\(bad.evidence.summary)")
        #expect(bad.evidence.summary.contains("wanted <= 2%"), "\(bad.evidence.summary)")
        // The proxy is started anew: its counts begin at nothing, and nothing passes by that.
        try await proxy.restart()
        try await send(200, "/")
        let anew = await gate.look(spec, request(trial, look: 4, since: 3))
        #expect(anew.verdict == .inconclusive, "\(anew.evidence.summary)")
        #expect(anew.evidence.summary.contains("the router was restarted"))
        try await send(240, "/")
        let after = await gate.look(spec, request(trial, look: 5, since: 3))
        #expect(after.verdict == .pass, "\(after.evidence.summary)")
        for backend in backends { backend.stop() }
        try await proxy.stop()
    }
}
