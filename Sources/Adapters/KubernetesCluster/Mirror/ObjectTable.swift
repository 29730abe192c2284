import KubernetesObjects

/// The objects of one kind by name, with those of a service at hand: a project may have a thousand.
struct ObjectTable: Sendable {
    /// What objects are looked for by.
    static let indexed = [ReleaseRendering.serviceLabel, Self.addressLabel]
    /// On an EndpointSlice: the Service that it is of.
    static let addressLabel = "kubernetes.io/service-name"

    private struct Label: Hashable, Sendable {
        var name: String
        var value: String
    }

    private var objects: [String: ObjectValue] = [:]
    private var index: [Label: Set<String>] = [:]

    init() {}

    init(_ all: [ObjectValue]) {
        for object in all { put(object) }
    }

    var values: Dictionary<String, ObjectValue>.Values { objects.values }

    subscript(name: String) -> ObjectValue? { objects[name] }

    mutating func put(_ object: ObjectValue) {
        let name = object.at("metadata", "name")?.text ?? ""
        remove(name)
        objects[name] = object
        for label in Self.labels(of: object) { index[label, default: []].insert(name) }
    }

    mutating func remove(_ name: String) {
        guard let object = objects.removeValue(forKey: name) else { return }
        for label in Self.labels(of: object) {
            index[label]?.remove(name)
            if index[label]?.isEmpty == true { index[label] = nil }
        }
    }

    /// With all of these labels, sorted by name.
    func all(labels: [String: String]) -> [ObjectValue] {
        let known = Self.indexed.lazy.compactMap { name in labels[name].map { Label(name: name, value: $0) } }.first
        let names = known.map { Array(index[$0] ?? []) } ?? Array(objects.keys)
        return names.sorted().compactMap { objects[$0] }.filter { object in
            labels.allSatisfy { object.at("metadata", "labels", $0.key)?.text == $0.value }
        }
    }

    private static func labels(of object: ObjectValue) -> [Label] {
        indexed.compactMap { name in
            (object.at("metadata", "labels", name)?.text).map { Label(name: name, value: $0) }
        }
    }
}
