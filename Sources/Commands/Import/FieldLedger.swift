import Manifests

/// Keeps account of every field of a file that is imported: what became of it, or why nothing did.
struct FieldLedger {
    /// What became of a field.
    enum Outcome: Hashable {
        /// As it stands, in words: `gates.errors.interval`.
        case converted(String)
        /// It means something a little different here, and why.
        case changed(String)
        /// Nothing, and why.
        case left(String)
    }

    struct Entry: Hashable {
        /// `spec.metrics[0].interval`
        var path: String
        var outcome: Outcome
    }

    private(set) var entries: [Entry] = []

    mutating func note(_ path: String, _ outcome: Outcome) {
        guard !entries.contains(where: { $0.path == path }) else { return }
        entries.append(Entry(path: path, outcome: outcome))
    }

    /// The account of another file, or of another object of it.
    mutating func add(_ other: FieldLedger) { entries += other.entries }

    /// Lists what nobody has looked at: no field is dropped in silence.
    mutating func close(_ document: PlainYAML, at root: String = "") {
        var leaves: [String] = []
        Self.collect(document, root, into: &leaves)
        for leaf in leaves where !isKnown(leaf) { note(leaf, .left("nothing here is like it")) }
    }

    var isWhole: Bool {
        !entries.contains { entry in
            if case .left = entry.outcome { true } else { false }
        }
    }

    private func isKnown(_ leaf: String) -> Bool {
        entries.contains { entry in
            leaf == entry.path || leaf.hasPrefix(entry.path + ".") || leaf.hasPrefix(entry.path + "[")
        }
    }

    private static func collect(_ value: PlainYAML, _ path: String, into leaves: inout [String]) {
        switch value {
        case .map(let entries) where !entries.isEmpty:
            for entry in entries {
                collect(entry.value, path.isEmpty ? entry.key : "\(path).\(entry.key)", into: &leaves)
            }
        case .list(let items) where !items.isEmpty:
            for (index, item) in items.enumerated() { collect(item, "\(path)[\(index)]", into: &leaves) }
        case .null, .scalar, .map, .list: leaves.append(path)
        }
    }
}
