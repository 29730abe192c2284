import ClusterDouble
import KubernetesAPI
import KubernetesObjects
import Testing

/// What tests of other rooms lean on. What an API server means is held in the conformance suite.
@Suite(.timeLimit(.minutes(1))) struct ClusterDoubleTests {
    private static let deployments = APIResource(.deployment)

    private func with<Value>(
        _ settings: ClusterSettings = ClusterSettings(), faults: FaultPlan = FaultPlan(),
        _ body: (KubernetesClient, ClusterDouble) async throws -> Value
    ) async throws -> Value {
        let double = try await ClusterDouble.start(settings, faults: faults)
        var limits = ClientLimits()
        limits.firstPause = 1
        limits.longestPause = 5
        let client = KubernetesClient(double.access, limits: limits)
        let value: Result<Value, any Error>
        do { value = .success(try await body(client, double)) } catch { value = .failure(error) }
        try await client.shutdown()
        await double.stop()
        return try value.get()
    }

    private func deployment(_ name: String, image: String = "example/serves:1", replicas: Int? = 2) -> ObjectValue {
        [
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": .text(name)],
            "spec": [
                "replicas": replicas.map { .number($0) }, "selector": ["matchLabels": ["app": .text(name)]],
                "template": [
                    "metadata": ["labels": ["app": .text(name)]],
                    "spec": ["containers": [["name": "main", "image": .text(image)]]],
                ],
            ],
        ]
    }

    /// Asks until it is so, for ten seconds at most.
    private func until<Value: Sendable>(
        _ what: String, _ look: () async throws -> Value?
    ) async throws -> Value {
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline {
            if let value = try await look() { return value }
            try await Task.sleep(for: .milliseconds(2))
        }
        throw Late(what: what)
    }

    private struct Late: Error { var what: String }

    @Test func aDeploymentGetsItsPods() async throws {
        try await with { client, _ in
            _ = try await client.apply(
                Self.deployments, namespace: "default", name: "api", deployment("api"), isForced: true)
            let object = try await until("two available") {
                let object = try await client.get(Self.deployments, namespace: "default", name: "api")
                return object.at("status", "availableReplicas") == 2 ? object : nil
            }
            #expect(object.at("status", "updatedReplicas") == 2)
            let pods = try await client.list(APIResource.pods, namespace: "default", labels: "app=api").items
            #expect(pods.count == 2 && Set(pods.compactMap { $0.at("status", "podIP")?.text }).count == 2)
            try await client.delete(Self.deployments, namespace: "default", name: "api")
            _ = try await until("no pods") {
                try await client.list(APIResource.pods, namespace: "default").items.isEmpty ? true : nil
            }
        }
    }

    @Test func anApplyThatSaysTheSameWritesNothing() async throws {
        try await with { client, _ in
            let map: ObjectValue = [
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "x"], "data": ["a": "1", "b": "2"],
            ]
            let resource = APIResource(.configMap)
            let first = try await client.apply(resource, namespace: "default", name: "x", map)
            let second = try await client.apply(resource, namespace: "default", name: "x", map)
            #expect(first == second)
            let less = try await client.apply(
                resource, namespace: "default", name: "x", map.setting("data", to: ["a": "1"]))
            #expect(less["data"] == ["a": "1"])
            let conflict = await #expect(throws: ClusterTrouble.self) {
                try await client.apply(
                    resource, namespace: "default", name: "x", map.setting("data", to: ["a": "3"]), manager: "other")
            }
            #expect(conflict?.kind == .conflict && conflict?.text.contains(".data.a") == true, "\(conflict!)")
        }
    }

    @Test func watchesTellWhatHappens() async throws {
        try await with { client, double in
            let told = Task { () -> [String] in
                var seen: [String] = []
                do {
                    try await client.watch(APIResource(.configMap), namespace: "kube-system") { event in
                        switch event {
                        case .all: seen.append("all")
                        case .added(let object): seen.append("+\(object.at("metadata", "name")?.text ?? "")")
                        case .modified(let object): seen.append("~\(object.at("metadata", "name")?.text ?? "")")
                        case .deleted(let object): seen.append("-\(object.at("metadata", "name")?.text ?? "")")
                        }
                        if seen.last == "-b" { throw CancellationError() }
                    }
                } catch {
                    // It ends by an error when it has seen enough; what it saw is what counts.
                    return seen
                }
                return seen
            }
            let resource = APIResource(.configMap)
            for name in ["a", "b"] {
                _ = try await client.create(resource, namespace: "kube-system", ["metadata": ["name": .text(name)]])
                await double.cluster.cutWatches()
            }
            try await client.delete(resource, namespace: "kube-system", name: "b")
            let seen = await told.value
            #expect(seen.last == "-b")
            #expect(!seen.dropFirst().contains("all"), "it went on where it was cut off: \(seen)")
        }
    }

    @Test func faultsHappenAsPlanned() async throws {
        let plan = FaultPlan { mark in
            guard mark.isWrite else { return nil }
            return [0: Fault.refuse(code: 503, retryAfter: 0), 1: .cutAfter][mark.index]
        }
        try await with(faults: plan) { client, double in
            let map: ObjectValue = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "x"]]
            _ = try await client.apply(APIResource(.configMap), namespace: "default", name: "x", map)
            #expect(double.writes.count == 3, "refused, cut off, done")
        }
    }
}
