import KubernetesObjects

/// The objects of one kind by name, with those of a service at hand: a project may have a thousand.
struct ObjectTable: Sendable {
    /// What objects are looked for by.
    static let indexed = [ReleaseRendering.serviceLabel, Self.addressLabel]
    /// On an EndpointSlice: the Service that it is of.
    static let addressLabel = "kubernetes.io/service-name"

    private var objects: [String: ObjectValue] = [:]
    /// Names by what a label says, by label.
    private var index: [String: [String: Set<String>]] = [:]

    init() {}

    init(_ all: [ObjectValue]) {
        for object in all { put(object) }
    }

    var values: Dictionary<String, ObjectValue>.Values { objects.values }

    subscript(name: String) -> ObjectValue? { objects[name] }

    /// Of which there is any object.
    var services: [String] { index[ReleaseRendering.serviceLabel].map { Array($0.keys) } ?? [] }

    mutating func put(_ object: ObjectValue) {
        let name = object.at("metadata", "name")?.text ?? ""
        remove(name)
        objects[name] = object
        for (label, value) in Self.labels(of: object) {
            index[label, default: [:]][value, default: []].insert(name)
        }
    }

    mutating func remove(_ name: String) {
        guard let object = objects.removeValue(forKey: name) else { return }
        for (label, value) in Self.labels(of: object) {
            index[label]?[value]?.remove(name)
            if index[label]?[value]?.isEmpty == true { index[label]?[value] = nil }
        }
    }

    /// With all of these labels, sorted by name.
    func all(labels: [String: String]) -> [ObjectValue] {
        let known = Self.indexed.first { labels[$0] != nil }
        let names = known.map { Array(index[$0]?[labels[$0] ?? ""] ?? []) } ?? Array(objects.keys)
        return names.sorted().compactMap { objects[$0] }.filter { object in
            labels.allSatisfy { object.at("metadata", "labels", $0.key)?.text == $0.value }
        }
    }

    private static func labels(of object: ObjectValue) -> [(label: String, value: String)] {
        indexed.compactMap { label in object.at("metadata", "labels", label)?.text.map { (label, $0) } }
    }
}
