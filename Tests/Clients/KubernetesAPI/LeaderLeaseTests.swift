import ClusterDouble
import FoundationEssentials
import KubernetesObjects
import Synchronization
import Testing

@testable import KubernetesAPI

@Suite("A lease elects one leader", .timeLimit(.minutes(2)))
struct LeaderLeaseTests {
    private func lease(_ client: KubernetesClient, _ identity: String, lasts duration: Int64 = 2000) -> LeaderLease {
        LeaderLease(
            client, namespace: "default", name: "slipway", identity: identity,
            times: LeaseTimes(duration: duration, renew: duration / 3, retry: 100))
    }

    private func with(
        faults: FaultPlan = FaultPlan(), _ body: (ClusterDouble, KubernetesClient) async throws -> Void
    ) async throws {
        let double = try await ClusterDouble.start(ClusterSettings(), faults: faults)
        var limits = ClientLimits()
        limits.attempts = 1
        let client = KubernetesClient(double.access, limits: limits)
        do { try await body(double, client) } catch {
            try await client.shutdown()
            await double.stop()
            throw error
        }
        try await client.shutdown()
        await double.stop()
    }

    @Test("another's lease ends when it was not seen to change for its duration, whatever its times say")
    func memory() {
        var memory = LeaseMemory()
        let start = ContinuousClock.now
        var other = LeaseRecord(holder: "a", duration: 15_000, transitions: 3, acquired: "2001-01-01T00:00:00.000000Z")
        func claim(_ seconds: Int) -> LeaseRecord? {
            memory.claim(for: "b", duration: 15_000, wall: "now", now: start + .seconds(seconds))
        }
        #expect(claim(0) == nil)
        memory.see(other, at: start)
        #expect(claim(14) == nil)
        memory.see(other, at: start + .seconds(14))
        #expect(claim(15)?.holder == "b")
        #expect(claim(15)?.transitions == 4)
        other.renewed = "2000-01-01T00:00:00.000000Z"
        memory.see(other, at: start + .seconds(15))
        #expect(claim(29) == nil)
        other.holder = ""
        memory.see(other, at: start + .seconds(29))
        #expect(claim(29)?.holder == "b")
    }

    @Test("one leads, the other takes over when it falls silent")
    func takeover() async throws {
        try await with { _, client in
            let (first, second) = (lease(client, "first"), lease(client, "second"))
            try await first.acquire()
            #expect(first.holder == "first")
            let keeping = Task { try await first.keep() }
            let waiting = Task {
                try await second.acquire()
                return ContinuousClock.now
            }
            try await untilSeen { second.holder == "first" && second.isFresh }
            keeping.cancel()
            let silent = ContinuousClock.now
            let taken = try await waiting.value
            #expect(taken - silent > .milliseconds(1000))
            #expect(second.holder == "second")
            _ = await keeping.result
            // Whoever comes back late is told.
            #expect(try await first.keep().contains("second"))
        }
    }

    @Test("whoever stops lets the next lead at once")
    func release() async throws {
        try await with { double, client in
            let (first, second) = (
                lease(client, "first", lasts: 100_000), lease(client, "second", lasts: 100_000)
            )
            try await first.acquire()
            await first.release()
            let began = ContinuousClock.now
            try await second.acquire()
            #expect(ContinuousClock.now - began < .seconds(50))
            let object = try await client.get(.leases, namespace: "default", name: "slipway")
            #expect(object.at("spec", "leaseTransitions") == 1)
            #expect(object.at("spec", "renewTime")?.text?.utf8.count == 27)
        }
    }

    @Test("a lease that cannot be renewed is given up before others may take it")
    func givingUp() async throws {
        let cuts = Mutex(false)
        let faults = FaultPlan { mark in
            mark.path.contains("leases") && cuts.withLock { $0 } ? .cutBefore : nil
        }
        try await with(faults: faults) { _, client in
            let first = lease(client, "first", lasts: 12_000)
            try await first.acquire()
            cuts.withLock { $0 = true }
            let began = ContinuousClock.now
            let reason = try await first.keep()
            #expect(reason.contains("could not be renewed"))
            #expect(ContinuousClock.now - began < .seconds(12))
        }
    }

    private func untilSeen(_ condition: () -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while !condition(), ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(10)) }
        #expect(condition())
    }
}
