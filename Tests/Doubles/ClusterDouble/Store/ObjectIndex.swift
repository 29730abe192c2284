import KubernetesObjects

/// Where the objects of one kind are to be looked for: with a thousand Deployments nobody looks through all of them.
struct ObjectIndex: Sendable {
    /// A label and its value, in a namespace.
    private struct Sign: Hashable {
        var namespace: String
        var label: String
        var value: String
    }

    private var spaces: [String: Set<ObjectKey>] = [:]
    /// By the UID of an owner.
    private var owners: [String: Set<ObjectKey>] = [:]
    /// By the name of an owner.
    private var ownerNames: [String: Set<ObjectKey>] = [:]
    private var signs: [Sign: Set<ObjectKey>] = [:]
    /// By one label that a Service's selector asks for.
    private var selectors: [Sign: Set<ObjectKey>] = [:]

    mutating func note(_ key: ObjectKey, before: ObjectValue?, after: ObjectValue?) {
        let spaces = [before, after].map { $0 == nil ? [] : [key.namespace] }
        Self.move(key, in: &self.spaces, from: spaces[0], to: spaces[1])
        Self.move(key, in: &owners, from: Self.owners(of: before, "uid"), to: Self.owners(of: after, "uid"))
        Self.move(key, in: &ownerNames, from: Self.owners(of: before, "name"), to: Self.owners(of: after, "name"))
        let labels = [before, after].map { Self.signs($0?.at("metadata", "labels"), key.namespace) }
        Self.move(key, in: &signs, from: labels[0], to: labels[1])
        guard key.kind == .services else { return }
        let selectors = [before, after].map { Self.signs($0?.at("spec", "selector"), key.namespace).prefix(1) }
        Self.move(key, in: &self.selectors, from: Array(selectors[0]), to: Array(selectors[1]))
    }

    func keys(in namespace: String) -> Set<ObjectKey> { spaces[namespace] ?? [] }

    func owned(by uid: String) -> Set<ObjectKey> { owners[uid] ?? [] }

    func owned(byName name: String) -> Set<ObjectKey> { ownerNames[name] ?? [] }

    /// Those that may have all of these labels: at least all that have.
    func candidates(_ labels: ObjectValue, in namespace: String) -> Set<ObjectKey> {
        let sets = Self.signs(labels, namespace).map { signs[$0] ?? [] }
        return sets.min { $0.count < $1.count } ?? keys(in: namespace)
    }

    /// Services that may mean what has these labels: at least all that do.
    func mayMean(_ labels: ObjectValue, in namespace: String) -> Set<ObjectKey> {
        Self.signs(labels, namespace).reduce(into: []) { $0.formUnion(selectors[$1] ?? []) }
    }

    private static func owners(of object: ObjectValue?, _ field: String) -> [String] {
        (object?.at("metadata", "ownerReferences")?.items ?? []).compactMap { $0[field]?.text }
    }

    private static func signs(_ labels: ObjectValue?, _ namespace: String) -> [Sign] {
        (labels?.fields ?? []).map { Sign(namespace: namespace, label: $0.key, value: $0.value.text ?? "") }
    }

    private static func move<Place: Hashable>(
        _ key: ObjectKey, in places: inout [Place: Set<ObjectKey>], from old: [Place], to new: [Place]
    ) {
        guard old != new else { return }
        for place in old {
            places[place]?.remove(key)
            if places[place]?.isEmpty == true { places[place] = nil }
        }
        for place in new { places[place, default: []].insert(key) }
    }
}
