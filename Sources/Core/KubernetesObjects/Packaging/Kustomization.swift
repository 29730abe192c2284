/// Environments as one base and an overlay each.
package struct Kustomization: Sendable {
    /// The environments' objects, in the order in which they were asked for.
    package var environments: [RenderedEnvironment]

    package init(_ environments: [RenderedEnvironment]) { self.environments = environments }

    /// `base/…` and `overlays/ENVIRONMENT/…`. What `kubectl kustomize` makes of an overlay is what was rendered.
    package func files() throws -> [PackagedFile] {
        guard let first = environments.first else { return [] }
        let shared = first.objects.filter { object in
            object.namespace != nil && environments.allSatisfy { $0.object(like: object) != nil }
        }.map { $0.placed(in: nil) }
        var files = try PackagedFile.objects(shared, in: "base/")
        files.append(
            PackagedFile(
                path: "base/kustomization.yaml",
                text: try ObjectText.yaml(Self.head + ["resources": .texts(shared.map { PackagedFile.name(of: $0) })])))
        for environment in environments { files += try overlay(of: environment, over: shared) }
        return files
    }

    private static let head: ObjectValue = ["apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"]

    private func overlay(of environment: RenderedEnvironment, over shared: [KubernetesObject]) throws -> [PackagedFile]
    {
        let directory = "overlays/\(environment.name)/"
        let own = environment.objects.filter { object in !shared.contains { $0.isLike(object) } }
        var files = try PackagedFile.objects(own, in: directory)
        let patches = shared.compactMap { object -> ObjectValue? in
            guard let other = environment.object(like: object) else { return nil }
            let patch = ObjectPatch(from: object.value, to: other.placed(in: nil).value)
            guard !patch.isEmpty else { return nil }
            return [
                "target": ["kind": .text(object.kind.rawValue), "name": .text(object.name)],
                "patch": .text(ObjectText.json(patch.value)),
            ]
        }
        let content =
            Self.head + [
                "namespace": .text(environment.namespace),
                "resources": .texts(["../../base"] + own.map { PackagedFile.name(of: $0) }),
                "patches": ObjectValue.list(patches).unlessEmpty,
            ]
        files.append(PackagedFile(path: directory + "kustomization.yaml", text: try ObjectText.yaml(content)))
        return files
    }
}

/// What was rendered for one environment.
package struct RenderedEnvironment: Sendable {
    package var name: String
    package var namespace: String
    package var objects: [KubernetesObject]

    package init(name: String, namespace: String, objects: [KubernetesObject]) {
        self.name = name
        self.namespace = namespace
        self.objects = objects
    }

    package func object(like other: KubernetesObject) -> KubernetesObject? { objects.first { $0.isLike(other) } }
}

extension KubernetesObject {
    /// Whether the other one is the same object in another environment.
    package func isLike(_ other: KubernetesObject) -> Bool { kind == other.kind && name == other.name }

    package func placed(in namespace: String?) -> KubernetesObject {
        var object = self
        object.namespace = namespace
        return object
    }
}

extension ObjectValue {
    /// The fields of both, the left ones first.
    package static func + (left: ObjectValue, right: ObjectValue) -> ObjectValue { .map(left.fields + right.fields) }
}
