import KubernetesObjects

/// The part of an object that says how many there are.
enum ScalePart {
    /// Where a kind says its number, and where how many there are.
    private static func paths(_ kind: ServedKind) -> (spec: [String], status: [String]) {
        func path(_ key: String, _ standard: [String]) -> [String] {
            kind.scale?[key]?.text?.split(separator: ".").map(String.init) ?? standard
        }
        return (path("specReplicasPath", ["spec", "replicas"]), path("statusReplicasPath", ["status", "replicas"]))
    }

    private static func value(_ object: ObjectValue, _ path: [String]) -> ObjectValue? {
        path.reduce(ObjectValue?.some(object)) { $0?[$1] }
    }

    static func scale(of object: ObjectValue, _ kind: ServedKind) -> ObjectValue {
        let paths = paths(kind)
        let selector = (object.at("spec", "selector", "matchLabels")?.fields ?? [])
            .map { "\($0.key)=\($0.value.text ?? "")" }.joined(separator: ",")
        var metadata = object["metadata"] ?? [:]
        for key in ["labels", "annotations", "generation", "managedFields", "ownerReferences", "finalizers"] {
            metadata[key] = nil
        }
        return [
            "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
            "spec": ["replicas": value(object, paths.spec)],
            "status": [
                "replicas": value(object, paths.status) ?? 0, "selector": kind.isCustom ? nil : .text(selector),
            ],
        ]
    }

    static func rescaled(_ object: ObjectValue, _ kind: ServedKind, to count: Int64) -> ObjectValue {
        set(object, paths(kind).spec[...], .number(count))
    }

    /// Only its number, as a configuration.
    static func configuration(_ kind: ServedKind, _ count: Int64) -> ObjectValue {
        rescaled(["apiVersion": .text(kind.apiVersion), "kind": .text(kind.kind)], kind, to: count)
    }

    private static func set(_ object: ObjectValue, _ path: ArraySlice<String>, _ value: ObjectValue) -> ObjectValue {
        guard let key = path.first else { return value }
        var object = object
        object[key] = set(object[key] ?? [:], path.dropFirst(), value)
        return object
    }
}

extension Cluster {
    func rescale(
        _ target: Target, to count: Int64?, _ options: WriteOptions, isApplied: Bool = false
    ) throws(Refusal) -> ObjectValue {
        let key = ObjectKey(kind: target.kind.id, namespace: target.namespace, name: target.name ?? "")
        guard let old = object(key) else { throw .notFound(target.kind, key.name) }
        guard let count, count >= 0 else {
            throw .invalid(
                target.kind, key.name,
                [.invalid("spec.replicas", count.map { .number($0) }, "must be greater than or equal to 0")])
        }
        let changed =
            if isApplied {
                try apply(
                    target.kind, target.namespace, key.name, ScalePart.configuration(target.kind, count), options)
            } else {
                try change(ScalePart.rescaled(old, target.kind, to: count), old, key, target.kind, options)
            }
        return ScalePart.scale(of: changed, target.kind)
    }
}
