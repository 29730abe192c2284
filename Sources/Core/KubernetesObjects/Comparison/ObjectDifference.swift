package import Domain

/// What differs between two states of an object, and what of it somebody else looks after.
package enum ObjectDifference {
    /// What the server keeps for itself, or fills in by itself.
    private static let ignored: Set<String> = [
        "apiVersion", "kind", "status", "metadata.managedFields", "metadata.uid", "metadata.resourceVersion",
        "metadata.generation", "metadata.creationTimestamp", "metadata.selfLink",
        "metadata.annotations.deployment.kubernetes.io/revision",
    ]

    /// Field by field, sorted by their paths. Entries of lists are told by their name, key, port or type, if they have
    /// one, and by their place otherwise.
    /// - Parameter renamed: the names of two objects of which one takes the place of the other: `api-r4`, `api-r5`.
    ///   That they have different names, and are of different releases, is no difference.
    package static func changes(
        from old: ObjectValue, to new: ObjectValue, renamed: (from: String, to: String)? = nil
    ) -> [FieldChange] {
        var (before, after) = (leaves(of: old), leaves(of: new))
        if let renamed {
            // An entry of a list that is called as the object is the same entry.
            let names = ("[\(renamed.from)]", "[\(renamed.to)]")
            let paths = before.keys.sorted()
            before = Dictionary(paths.map { ($0.replacing(names.0, with: names.1), before[$0] ?? "") }) { first, _ in
                first
            }
        }
        var found: [FieldChange] = []
        for path in Set(before.keys).union(after.keys).sorted() where before[path] != after[path] {
            let change = FieldChange(field: path, old: before[path] ?? "", new: after[path] ?? "")
            if let renamed {
                if path.hasSuffix(ServiceRendering.releaseLabel) { continue }
                if change.old == renamed.from, change.new == renamed.to { continue }
            }
            found.append(change)
        }
        return found
    }

    /// What an empty text is shown as, which is not the same as no value.
    private static let emptyText = "\"\""

    private static func leaves(of value: ObjectValue) -> [String: String] {
        var found: [String: String] = [:]
        collect(value, "", &found)
        return found
    }

    private static func collect(_ value: ObjectValue, _ path: String, _ found: inout [String: String]) {
        guard !ignored.contains(path) else { return }
        switch value {
        case .map(let fields):
            for field in fields { collect(field.value, path.isEmpty ? field.key : "\(path).\(field.key)", &found) }
        case .list(let items):
            for (index, item) in items.enumerated() {
                var place = "\(path)[\(name(of: item) ?? String(index))]"
                // Two of the same name: told apart by their place.
                if found.keys.contains(where: { $0.hasPrefix("\(place).") }) { place = "\(path)[\(index)]" }
                collect(item, place, &found)
            }
        case .text(let text): found[path] = text.isEmpty ? emptyText : text
        case .number(let number): found[path] = String(number)
        case .bool(let flag): found[path] = String(flag)
        case .fraction(let number): found[path] = String(number)
        case .null: break
        }
    }

    private static func name(of item: ObjectValue) -> String? {
        for key in ["name", "key", "containerPort", "port", "type", "ip"] {
            if let text = item[key]?.text { return text }
            if let number = item[key]?.number { return String(number) }
        }
        return nil
    }

    // MARK: - Whose fields

    /// The fields that others than `manager` look after, with their names: `spec.replicas (autoscaler)`. Sorted.
    package static func kept(in object: ObjectValue, by manager: String) -> [String] {
        var owners: [String: Set<String>] = [:]
        for entry in object.at("metadata", "managedFields")?.items ?? [] {
            guard entry["subresource"]?.text?.isEmpty ?? true, let name = entry["manager"]?.text,
                let fields = entry["fieldsV1"]
            else { continue }
            for path in paths(fields, "") { owners[path, default: []].insert(name) }
        }
        return owners.compactMap { path, names in
            guard !names.contains(manager), !isIgnored(path) else { return nil }
            return "\(path) (\(names.sorted().joined(separator: ", ")))"
        }.sorted()
    }

    private static func isIgnored(_ path: String) -> Bool {
        ignored.contains(path) || ignored.contains { path.hasPrefix("\($0).") }
    }

    /// The ends of a set of fields in the form FieldsV1: `f:` names a field, `k:` an entry of a list by its keys, `v:`
    /// one by its value.
    private static func paths(_ set: ObjectValue, _ path: String) -> [String] {
        guard case .map(let fields) = set else { return [] }
        var found: [String] = []
        for field in fields where field.key != "." {
            let word = field.key.dropFirst(2)
            let place =
                field.key.hasPrefix("f:") ? (path.isEmpty ? "\(word)" : "\(path).\(word)") : "\(path)[\(short(word))]"
            let inner = paths(field.value, place)
            found += inner.isEmpty ? [place] : inner
        }
        return found
    }

    /// `{"name":"api"}` as `api`.
    private static func short(_ keys: Substring) -> String {
        guard keys.hasPrefix("{") else { return keys.filter { $0 != "\"" } }
        return keys.dropFirst().dropLast().split(separator: ",").compactMap { pair in
            pair.split(separator: ":", maxSplits: 1).last.map { $0.filter { $0 != "\"" } }
        }.joined(separator: ",")
    }
}
