import ClusterDouble
import FoundationEssentials
import KubernetesAPI
import KubernetesObjects
import Testing

/// How somebody speaks with a server in the cluster: tokens, whose they are, what they may do, and the way to a pod.
@Suite(.timeLimit(.minutes(1))) struct SpeakingTests {
    private func with(_ body: (KubernetesClient, ClusterDouble) async throws -> Void) async throws {
        let double = try await ClusterDouble.start()
        let client = KubernetesClient(double.access)
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body(client, double)) } catch { outcome = .failure(error) }
        try await client.shutdown()
        await double.stop()
        try outcome.get()
    }

    private func review(_ token: String, for audience: String, _ client: KubernetesClient) async throws -> ObjectValue {
        let reviews = APIResource(
            version: "authentication.k8s.io/v1", plural: "tokenreviews", kind: "TokenReview", isNamespaced: false)
        let answered = try await client.create(
            reviews, namespace: nil, ["spec": ["token": .text(token), "audiences": [.text(audience)]]])
        return answered["status"] ?? [:]
    }

    @Test func aTokenIsBelievedByItsAudienceAlone() async throws {
        try await with { client, _ in
            _ = try await client.create(
                APIResource(.serviceAccount), namespace: "default", ["metadata": ["name": "ada"]])
            let token = try await client.token(of: "ada", in: "default", audience: "slipway", seconds: 600)
            let status = try await review(token, for: "slipway", client)
            #expect(status["authenticated"] == true)
            #expect(status["audiences"] == ["slipway"])
            #expect(status.at("user", "username") == "system:serviceaccount:default:ada")
            #expect(try await review(token, for: "another", client)["authenticated"] == false)
            #expect(try await review("made up", for: "slipway", client)["authenticated"] == false)
            await #expect(throws: ClusterTrouble.self) {
                try await client.token(of: "eve", in: "default", audience: "slipway", seconds: 600)
            }
            await #expect(throws: ClusterTrouble.self) {
                try await client.token(of: "ada", in: "default", audience: "slipway", seconds: 60)
            }
        }
    }

    @Test func whatSomebodyMayDoIsAskedOfTheRules() async throws {
        try await with { client, _ in
            let group = "rbac.authorization.k8s.io"
            _ = try await client.create(
                APIResource(.role), namespace: "default",
                [
                    "metadata": ["name": "deployer"],
                    "rules": [
                        [
                            "apiGroups": ["slipway.dev"], "resources": ["environments"], "verbs": ["deploy"],
                            "resourceNames": ["staging.shop"],
                        ]
                    ],
                ])
            _ = try await client.create(
                APIResource(.roleBinding), namespace: "default",
                [
                    "metadata": ["name": "ada"], "subjects": [["kind": "User", "name": "ada"]],
                    "roleRef": ["apiGroup": .text(group), "kind": "Role", "name": "deployer"],
                ])
            func may(_ user: String, _ name: String) async throws -> ObjectValue? {
                let reviews = APIResource(
                    version: "authorization.k8s.io/v1", plural: "subjectaccessreviews", kind: "SubjectAccessReview",
                    isNamespaced: false)
                return try await client.create(
                    reviews, namespace: nil,
                    [
                        "spec": [
                            "user": .text(user),
                            "resourceAttributes": [
                                "namespace": "default", "verb": "deploy", "group": "slipway.dev",
                                "resource": "environments", "name": .text(name),
                            ],
                        ]
                    ]
                ).at("status", "allowed")
            }
            #expect(try await may("ada", "staging.shop") == true)
            #expect(try await may("ada", "production.shop") == false)
            #expect(try await may("eve", "staging.shop") == false)
        }
    }

    @Test func aServiceLeadsToAReadyEndpoint() async throws {
        try await with { client, double in
            _ = try await client.create(
                APIResource(.service), namespace: "default",
                ["metadata": ["name": "web"], "spec": ["ports": [["name": "api", "port": 80]]]])
            let path = "/api/v1/namespaces/default/services/web:api/proxy/version"
            #expect(try await client.send(RawRequest("GET", path)).status == 503)
            // The double itself answers there.
            _ = try await client.create(
                .slices, namespace: "default",
                [
                    "metadata": ["name": "web-1", "labels": ["kubernetes.io/service-name": "web"]],
                    "addressType": "IPv4", "endpoints": [["addresses": ["127.0.0.1"], "conditions": ["ready": true]]],
                    "ports": [["name": "api", "port": .number(double.port)]],
                ])
            let answer = try await client.send(RawRequest("GET", path))
            #expect(answer.status == 200)
            #expect(ObjectValue(json: answer.body)?["minor"] == "36")
            let missing = try await client.send(
                RawRequest("GET", "/api/v1/namespaces/default/services/none:api/proxy/version"))
            #expect(missing.status == 404)
        }
    }
}
