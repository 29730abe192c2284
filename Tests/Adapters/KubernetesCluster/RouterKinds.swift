import KubernetesAPI
import KubernetesObjects
import Testing

extension KubernetesClient {
    /// Has a cluster serve a kind, as whoever installs its router does.
    /// - Parameter namespace: where the kind is then asked for.
    func define(_ kind: ObjectKind, in namespace: String) async throws {
        let resource = APIResource(kind)
        let version: ObjectValue = [
            "name": .text(String(kind.apiVersion.split(separator: "/")[1])), "served": true, "storage": true,
            "schema": ["openAPIV3Schema": ["type": "object", "x-kubernetes-preserve-unknown-fields": true]],
            "subresources": ["status": [:]],
        ]
        let definitions = APIResource(
            version: "apiextensions.k8s.io/v1", plural: "customresourcedefinitions",
            kind: "CustomResourceDefinition", isNamespaced: false)
        _ = try await create(
            definitions, namespace: nil,
            [
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": ["name": .text("\(resource.plural).\(resource.group)")],
                "spec": [
                    "group": .text(resource.group), "scope": "Namespaced", "versions": [version],
                    "names": [
                        "plural": .text(resource.plural), "singular": .text(kind.rawValue.lowercased()),
                        "kind": .text(kind.rawValue), "listKind": .text("\(kind.rawValue)List"),
                    ],
                ],
            ])
        try await untilServed(resource, namespace)
    }

    private func untilServed(_ resource: APIResource, _ namespace: String) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            do throws(ClusterTrouble) {
                _ = try await list(resource, namespace: namespace)
                return
            } catch {
                guard ContinuousClock.now < deadline else { throw error }
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
