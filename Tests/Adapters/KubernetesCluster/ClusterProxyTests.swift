import ClusterDouble
import Domain
import KubernetesAPI
import KubernetesObjects
import Ports
import RouterConformance
import Testing

/// Slipway's own proxies inside a cluster, with real requests.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ClusterProxyTests {
    private let environment = TrialCluster.environment
    private let service = TrialCluster.service

    @Test("the port's promises", arguments: RouterCheck.all)
    func keepsThePromises(_ check: RouterCheck) async throws {
        // Each proxy keeps the limits for itself.
        let isOfLimits = check.name.contains("limits of a hold")
        let subject = try await ClusterProxySubject(replicas: isOfLimits ? 1 : 2)
        #expect(try await check.run(subject), "the proxies claim every capability")
    }

    private func with(
        _ body: (ClusterProxySubject, TrialRouter) async throws -> Void
    ) async throws {
        let subject = try await ClusterProxySubject()
        let router = try await subject.make()
        let result: Result<Void, any Error>
        do { result = .success(try await body(subject, router)) } catch { result = .failure(error) }
        try await subject.discard(router)
        try result.get()
    }

    private func requests(_ router: TrialRouter) async throws -> Int {
        try await router.counts(service, in: environment)?.releases.reduce(0) { $0 + $1.requests } ?? 0
    }

    private func send(_ subject: ClusterProxySubject, _ router: TrialRouter, _ count: Int) async throws {
        for _ in 0..<count {
            let answer = try await subject.send(TrialRequest(), to: service, in: environment, through: router)
            #expect(answer.status == 200)
        }
    }

    @Test func aProxyThatIsKilledTakesNoCountsWithIt() async throws {
        try await with { subject, router in
            try await subject.cluster.lead(router, [(1, 90), (2, 10)], 1)
            try await send(subject, router, 40)
            try await subject.until("40 requests to be counted") { try await requests(router) == 40 }
            let victim = try #require(try await subject.proxies().first)
            let killed = await subject.double.kill(victim.uid)
            #expect(killed)
            // It is started again where it was, with the table that it had.
            try await subject.until("that it is away to be seen, and back") {
                let pod = try await subject.client.get(
                    .pods, namespace: ClusterProxySubject.namespace, name: victim.name)
                let container = pod.at("status", "containerStatuses")?.items.first
                return container?["restartCount"] == 1 && container?["ready"] == true
            }
            try await send(subject, router, 20)
            try await subject.until("60 requests to be counted") { try await requests(router) == 60 }
            let view = try await router.observe(environment)[service]
            #expect(view?.generation == 1)
        }
    }

    @Test func aProxyThatGoesAndOneThatComesChangeNothing() async throws {
        try await with { subject, router in
            try await subject.cluster.lead(router, [(1, 50), (2, 50)], 1)
            try await send(subject, router, 30)
            try await subject.until("30 requests to be counted") { try await requests(router) == 30 }
            let victim = try #require(try await subject.proxies().first)
            try await subject.client.delete(.pods, namespace: ClusterProxySubject.namespace, name: victim.name)
            try await subject.until("another in its place") {
                let names = try await subject.proxies().map(\.name)
                return names.count == 2 && !names.contains(victim.name)
            }
            try await subject.until("the table to be in force everywhere") {
                try await router.observe(environment)[service]?.generation == 1
            }
            try await send(subject, router, 30)
            try await subject.until("60 requests to be counted") { try await requests(router) == 60 }
            try await subject.cluster.lead(router, [(2, 100)], 2)
            let answer = try await subject.send(TrialRequest(), to: service, in: environment, through: router)
            #expect(answer.release == ReleaseNumber(2))
        }
    }

    @Test func aRouteThatSomebodyEditsIsPutBack() async throws {
        try await with { subject, router in
            try await subject.cluster.lead(router, [(1, 100)], 1)
            let maps = APIResource(.configMap)
            try await subject.client.delete(
                maps, namespace: ClusterProxySubject.namespace, name: "slipway-route-api")
            try await subject.until("that it is gone to be seen") {
                try await router.observe(environment)[service]?.generation ?? 0 == 0
            }
            try await subject.cluster.lead(router, [(1, 100)], 1)
            try await send(subject, router, 5)
            let view = try await router.observe(environment)[service]
            #expect(view?.generation == 1)
        }
    }
}
