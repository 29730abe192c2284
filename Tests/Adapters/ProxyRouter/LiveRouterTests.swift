import Domain
import LoopbackServers
import Ports
import ProxyControl
import ProxyRouter
import RouterConformance
import Testing

@Suite("The router on a real proxy", .timeLimit(.minutes(1)))
struct LiveRouterTests {
    /// The old instance has a request in flight when the switch is over: it is busy until the answer is out.
    @Test func drainingIsSeen() async throws {
        let proxy = try await LiveProxy()
        let (old, new) = (try EchoBackend("1 a"), try EchoBackend("2 b"))
        let router = try proxy.router()
        try await router.apply(wish(1, [target(1, 100, [old.port])]), service: release())
        let port = try router.localAddress(of: api, in: staging).port
        async let slow = TrialRequest(path: "/slow").answer(port: port)
        #expect(try await eventually { old.waiting == 1 })
        try await router.apply(wish(2, [target(2, 100, [new.port])]), service: release(api, 2))
        let busy = try await router.observe(staging)[api]
        #expect(busy?.generation == 2)
        #expect(busy?.inFlight(InstanceID(100)) == 1)
        #expect(try await TrialRequest().answer(port: port).release?.value == 2)
        old.letGo()
        #expect(try await slow.status == 200)
        #expect(try await eventually { try await router.observe(staging)[api]?.inFlight(InstanceID(100)) == 0 })
        old.stop()
        new.stop()
        try await proxy.stop()
    }

    @Test func aProxyThatIsStartedAgainKeepsItsRoutesAndCountsAnew() async throws {
        let proxy = try await LiveProxy()
        let backend = try EchoBackend("1 a")
        let router = try proxy.router()
        try await router.apply(wish(7, [target(1, 100, [backend.port])]), service: release())
        let port = try router.localAddress(of: api, in: staging).port
        #expect(try await TrialRequest().answer(port: port).status == 200)
        let before = try #require(try await router.counts(api, in: staging))
        #expect(before.releases.map(\.requests) == [1])
        try await proxy.restart()
        #expect(try await TrialRequest().answer(port: port).status == 200)
        #expect(try await router.observe(staging)[api]?.generation == 7)
        #expect(
            try await eventually {
                let counts = try await router.counts(api, in: staging)
                return counts?.source != before.source && counts?.releases.map(\.requests) == [1]
            })
        backend.stop()
        try await proxy.stop()
    }

    /// Wishes come fast while requests do: none of them fails.
    @Test func switchingUnderTrafficLosesNothing() async throws {
        let proxy = try await LiveProxy()
        let backends = [try EchoBackend("1 a"), try EchoBackend("2 b")]
        let router = try proxy.router()
        try await router.apply(wish(1, [target(1, 100, [backends[0].port])]), service: release())
        let port = try router.localAddress(of: api, in: staging).port
        let failures = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var failures = 0
                    for _ in 0..<100 where try await TrialRequest().answer(port: port).status != 200 { failures += 1 }
                    return failures
                }
            }
            for generation in UInt64(2)...40 {
                let number = Int(generation) % 2 + 1
                try await router.apply(
                    wish(generation, [target(number, 100, [backends[number - 1].port])]), service: release(api, number))
            }
            return try await group.reduce(0, +)
        }
        #expect(failures == 0)
        for backend in backends { backend.stop() }
        try await proxy.stop()
    }
}
