import ClusterDouble
import Domain
import KubernetesAPI
import KubernetesObjects
import Testing

/// A Service and pods of somebody else, under the name of ours: requests go to them until our release is ready, and
/// stay with them when it never is.
@Suite(.timeLimit(.minutes(2))) struct TakingOverTests {
    private static let old: ObjectValue = ["app": "legacy"]

    private func legacy(_ client: KubernetesClient) async throws {
        let namespace = Journey.namespace
        _ = try await client.create(
            APIResource(.namespace), namespace: nil,
            ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .text(namespace)]])
        let pod: ObjectValue = [
            "metadata": ["labels": Self.old],
            "spec": ["containers": [["name": "api", "image": "example/serves:0"]]],
        ]
        _ = try await client.create(
            APIResource(.deployment), namespace: namespace,
            [
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "api"],
                "spec": ["replicas": 2, "selector": ["matchLabels": Self.old], "template": pod],
            ])
        _ = try await client.create(
            APIResource(.service), namespace: namespace,
            [
                "apiVersion": "v1", "kind": "Service", "metadata": ["name": "api"],
                "spec": ["selector": Self.old, "ports": [["port": 8080]]],
            ])
    }

    /// Whom the Service led requests to, one after the other.
    private func selectors(_ cluster: Cluster) async -> [ObjectValue?] {
        var seen: [ObjectValue?] = []
        for state in await cluster.story(.service, "api", in: Journey.namespace) {
            let selector = state?.at("spec", "selector")
            if seen.last != .some(selector) { seen.append(selector) }
        }
        return seen
    }

    @Test func requestsGoToTheOldPodsUntilOursAreReady() async throws {
        var journey = Journey.rolling
        journey.steps = [journey.steps[0]]
        _ = try await ClusterWorld.go(journey, before: legacy) { cluster in
            let seen = await selectors(cluster)
            #expect(seen.count == 2 && seen.first == .some(Self.old), "\(seen)")
            #expect(seen.last.flatMap(\.self)?["slipway.dev/release"] == "1", "\(seen)")
            let pods = await cluster.standing(.deployment).compactMap { $0.at("metadata", "name")?.text }
            #expect(pods == ["api", "api-r1"], "what ran before is not touched")
            let made = await cluster.story(.deployment, "api", in: Journey.namespace)
                .compactMap { $0?.at("metadata", "generation") }
            #expect(made.allSatisfy { $0 == 1 })
        }
    }

    @Test func requestsStayWithTheOldPodsWhenOursNeverAre() async throws {
        var journey = Journey.revert
        journey.steps = [journey.steps[1]]
        journey.steps[0].stable = 0
        _ = try await ClusterWorld.go(journey, before: legacy) { cluster in
            let seen = await selectors(cluster)
            #expect(seen == [.some(Self.old)], "\(seen)")
        }
    }
}
