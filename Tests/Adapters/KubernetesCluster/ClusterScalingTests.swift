import ClusterDouble
import Domain
import KubernetesAPI
import KubernetesObjects
import Ports
import RuntimeConformance
import Testing

/// Releases that an autoscaler of the cluster counts.
@Suite(.timeLimit(.minutes(3))) struct ClusterScalingTests {
    private let environment = EnvironmentID(project: "shop", name: "prod")
    private let service = ServiceName("api")
    private let namespace = "shop-prod"

    private func release(_ bench: ClusterBench, _ number: Int) throws -> Release {
        var release = try bench.release(.serves, number, of: service, in: environment)
        release.parts.spec.scale = ScaleSpec(
            min: 2, max: 8, targets: [ScaleTarget(metric: .cpu, perInstance: 500, share: 50)])
        return release
    }

    private func wish(_ bench: ClusterBench, _ generation: UInt64, _ sets: [SetWish]) async throws {
        try await bench.runtime.apply(
            RuntimeWish(
                environment: environment, service: service, fence: 1, generation: generation, sets: sets),
            releases: try sets.map { try release(bench, $0.release.value) })
    }

    private func set(_ number: Int, _ count: Int, _ bounds: (Int, Int)?) -> SetWish {
        SetWish(
            release: ReleaseNumber(number), count: count, bounds: bounds.map { ScaleBounds(min: $0.0, max: $0.1) })
    }

    private func settle(
        _ bench: ClusterBench, _ what: String, _ holds: (RuntimeView) -> Bool
    ) async throws {
        _ = try await bench.settle(service, in: environment, what, holds)
    }

    private func pods(_ view: RuntimeView, _ number: Int) -> Int {
        view.instances.count { $0.release == ReleaseNumber(number) && $0.phase == .ready }
    }

    /// A release has so much to do, in percent of what one of its pods asks for; they share it.
    private func burn(_ client: KubernetesClient, _ number: Int, percent: Int) async throws {
        let name = "api-r\(number)"
        _ = try await client.apply(
            APIResource(.deployment), namespace: namespace, name: name,
            [
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": ["name": .text(name), "annotations": ["double/cpu-percent": .text(String(percent))]],
            ], manager: "load", isForced: true)
    }

    private func with(_ body: @Sendable (ClusterBench, KubernetesClient) async throws -> Void) async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            let client = KubernetesClient(bench.double.access)
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body(bench, client)) } catch { outcome = .failure(error) }
            try await client.shutdown()
            try outcome.get()
        }
    }

    private func autoscaler(_ client: KubernetesClient, _ number: Int) async throws -> ObjectValue? {
        try await client.find(APIResource(.autoscaler), namespace: namespace, name: "api-r\(number)")
    }

    /// The load doubles in the middle of a rollout; what it took is there when the rollout is aborted.
    @Test func aLoadThatDoublesInATrialIsCarriedThroughItsAbort() async throws {
        try await with { bench, client in
            try await wish(bench, 1, [set(1, 2, (2, 8))])
            try await settle(bench, "two of release 1") { pods($0, 1) == 2 }
            try await wish(bench, 2, [set(1, 2, (2, 8)), set(2, 1, (1, 8))])
            try await settle(bench, "one of release 2 beside") { pods($0, 1) == 2 && pods($0, 2) == 1 }
            try await burn(client, 1, percent: 200)
            try await settle(bench, "twice as many of release 1, and that they were asked for") {
                pods($0, 1) == 4 && $0.sets.first?.asked == 4
            }
            // What the rollout makes of it: neither has fewer from now on.
            try await wish(bench, 3, [set(1, 4, (4, 8)), set(2, 4, (4, 8))])
            try await settle(bench, "four of each") { pods($0, 1) == 4 && pods($0, 2) == 4 }
            let floor = try await autoscaler(client, 2)?.at("spec", "minReplicas")
            #expect(floor == 4)
            try await burn(client, 1, percent: 60)
            let mark = bench.double.writes.count
            // Aborted.
            try await wish(bench, 4, [set(1, 4, (4, 8))])
            try await settle(bench, "release 1 alone") { pods($0, 1) == 4 && pods($0, 2) == 0 }
            let counts = bench.double.writes.dropFirst(mark).filter { $0.contains("deployments/api-r1") }
            let gone = try await autoscaler(client, 2)
            #expect(counts.isEmpty, "nothing of release 1 was touched: \(counts)")
            #expect(gone == nil, "its autoscaler goes with release 2")
            // It stands alone again: its load says how many.
            try await wish(bench, 5, [set(1, 4, (2, 8))])
            try await settle(bench, "as many as the load needs") { pods($0, 1) == 2 && $0.sets.first?.asked == 2 }
        }
    }

    /// The count of a Deployment that is not applied any more would fall to one.
    @Test func theCountDoesNotFallWhenTheAutoscalerTakesOver() async throws {
        try await with { bench, client in
            try await wish(bench, 1, [set(1, 5, nil)])
            try await settle(bench, "five, as a person said") { pods($0, 1) == 5 && $0.sets.first?.asked == nil }
            let none = try await autoscaler(client, 1)
            #expect(none == nil)
            try await wish(bench, 2, [set(1, 5, (2, 8))])
            try await settle(bench, "that the autoscaler is asked") { $0.generation == 2 && $0.sets.first?.asked == 5 }
            let counted = try await client.get(APIResource(.deployment), namespace: namespace, name: "api-r1")
            #expect(counted.at("spec", "replicas") == 5)
            try await burn(client, 1, percent: 350)
            try await settle(bench, "seven, as the load says") { pods($0, 1) == 7 }
            // By hand again.
            try await wish(bench, 3, [set(1, 3, nil)])
            try await settle(bench, "three") { pods($0, 1) == 3 && $0.instances.count == 3 }
            let after = try await autoscaler(client, 1)
            #expect(after == nil)
        }
    }

    /// What is made again begins with one pod: its count has to be said again too.
    @Test func aDeploymentThatSomebodyDeletesComesBackAsLarge() async throws {
        try await with { bench, client in
            try await wish(bench, 1, [set(1, 5, nil)])
            try await settle(bench, "five") { pods($0, 1) == 5 && $0.generation == 1 }
            try await client.delete(APIResource(.deployment), namespace: namespace, name: "api-r1")
            try await settle(bench, "that it is gone to be seen") { $0.generation == 0 }
            try await wish(bench, 1, [set(1, 5, nil)])
            try await settle(bench, "five again") { pods($0, 1) == 5 && $0.generation == 1 }
        }
    }

    /// An autoscaler that counts is nobody's hand edit: the wish stands as carried out, and nothing is written.
    @Test func whatTheAutoscalerDoesIsNotPutBack() async throws {
        try await with { bench, client in
            try await wish(bench, 1, [set(1, 2, (2, 8))])
            try await settle(bench, "two") { pods($0, 1) == 2 && $0.generation == 1 }
            try await burn(client, 1, percent: 300)
            try await settle(bench, "six") { pods($0, 1) == 6 }
            try await settle(bench, "still carried out") { $0.generation == 1 && $0.sets.first?.asked == 6 }
            let requests = bench.double.requests
            for _ in 0..<100 { try await wish(bench, 1, [set(1, 2, (2, 8))]) }
            #expect(bench.double.requests == requests)
        }
    }
}
