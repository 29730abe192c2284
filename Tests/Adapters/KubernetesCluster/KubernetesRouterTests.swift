import ClusterDouble
import Domain
import KubernetesAPI
import KubernetesCluster
import KubernetesObjects
import Ports
import RuntimeConformance
import Testing

/// Requests are led by a Service's selector, and stay led so whoever touches it.
@Suite(.timeLimit(.minutes(3))) struct KubernetesRouterTests {
    private let environment = EnvironmentID(project: "shop", name: "prod")
    private let service = ServiceName("api")
    private static let services = APIResource(.service)

    /// Two releases with two ready instances each, and a router that follows them.
    private func with(
        _ body: @Sendable (ClusterBench, KubernetesRouter, KubernetesClient) async throws -> Void
    ) async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            let releases = try [1, 2].map { try bench.release(.serves, $0, of: service, in: environment) }
            try await bench.runtime.apply(
                RuntimeWish(
                    environment: environment, service: service, fence: 1, generation: 1,
                    sets: releases.map { SetWish(release: $0.number, count: 2) }),
                releases: releases)
            try await until("four ready") {
                try await instances(bench).count == 4
            }
            let client = KubernetesClient(bench.double.access)
            try await body(bench, KubernetesRouter(bench.desk, lag: .milliseconds(10)), client)
            try await client.shutdown()
        }
    }

    private func instances(_ bench: ClusterBench) async throws -> [InstanceView] {
        try await bench.runtime.observe(environment)[service]?.instances.filter { $0.phase == .ready } ?? []
    }

    /// All requests to one release.
    private func lead(
        _ bench: ClusterBench, _ router: KubernetesRouter, to number: Int, _ generation: UInt64
    ) async throws {
        let release = try bench.release(.serves, number, of: service, in: environment)
        let backends = try await instances(bench).filter { $0.release == release.number }.map {
            BackendWish(instance: $0.id, backend: $0.backend)
        }
        let target = TargetWish(release: release.number, weight: .all, backends: backends)
        try await router.apply(
            RouteWish(
                environment: environment, service: service, fence: 1, generation: generation, targets: [target]),
            service: release)
    }

    private func until(_ what: String, _ holds: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try await !holds() {
            guard ContinuousClock.now < deadline else {
                Issue.record("\(what) did not come")
                throw Late()
            }
            // Between two looks, until the deadline.
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private struct Late: Error {}

    private func generation(_ router: KubernetesRouter) async throws -> UInt64 {
        try await router.observe(environment)[service]?.generation ?? 0
    }

    private func selected(_ client: KubernetesClient) async throws -> String? {
        try await client.find(Self.services, namespace: "shop-prod", name: "api")?
            .at("spec", "selector", "slipway.dev/release")?.text
    }

    @Test func requestsFollowTheTable() async throws {
        try await with { bench, router, client in
            for (generation, release) in [(UInt64(1), 1), (2, 2), (3, 1)] {
                try await lead(bench, router, to: release, generation)
                try await until("table \(generation)") { try await self.generation(router) == generation }
                let selected = try await selected(client)
                #expect(selected == "\(ReleaseNumber(release))")
            }
            await #expect(throws: PortError.self) { try await lead(bench, router, to: 2, 2) }
            let writes = bench.double.writes.count
            for _ in 0..<100 { try await lead(bench, router, to: 1, 3) }
            #expect(bench.double.writes.count == writes)
        }
    }

    @Test func aServiceThatSomebodyDeletesIsMadeAgain() async throws {
        try await with { bench, router, client in
            try await lead(bench, router, to: 1, 1)
            try await until("the table") { try await generation(router) == 1 }
            try await client.delete(Self.services, namespace: "shop-prod", name: "api")
            try await until("that it is gone to be seen") { try await generation(router) == 0 }
            try await lead(bench, router, to: 1, 1)
            try await until("the table again") { try await generation(router) == 1 }
        }
    }

    @Test func aServiceThatSomebodyEditsIsPutBack() async throws {
        try await with { bench, router, client in
            try await lead(bench, router, to: 1, 1)
            try await until("the table") { try await generation(router) == 1 }
            let edit: ObjectValue = [
                "apiVersion": "v1", "kind": "Service", "metadata": ["name": "api"],
                "spec": ["selector": ["slipway.dev/release": .text("\(ReleaseNumber(2))")]],
            ]
            _ = try await client.apply(
                Self.services, namespace: "shop-prod", name: "api", edit, manager: "somebody", isForced: true)
            try await until("the edit to be seen") { try await generation(router) == 0 }
            try await lead(bench, router, to: 1, 1)
            try await until("the table again") { try await generation(router) == 1 }
            let selected = try await selected(client)
            #expect(selected == "\(ReleaseNumber(1))")
        }
    }
}
