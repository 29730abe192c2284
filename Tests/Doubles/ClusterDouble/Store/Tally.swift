package import KubernetesObjects

/// How often objects of one kind came and went.
package struct Tally: Hashable, Sendable {
    package var made = 0
    package var gone = 0

    package init(made: Int = 0, gone: Int = 0) {
        self.made = made
        self.gone = gone
    }

    mutating func note(before: ObjectValue?, after: ObjectValue?) {
        if before == nil, after != nil { made += 1 }
        if before != nil, after == nil { gone += 1 }
    }
}

extension Cluster {
    /// Of the objects of a kind, since the cluster began.
    package func tally(_ kind: ObjectKind) -> Tally { tallies[id(of: kind)] ?? Tally() }

    /// All objects of a kind as they stand, by namespace and name.
    package func standing(_ kind: ObjectKind) -> [ObjectValue] { all(id(of: kind), nil) }

    private func id(of kind: ObjectKind) -> KindID {
        kinds.values.first { $0.kind == kind.rawValue && $0.apiVersion == kind.apiVersion }?.id
            ?? KindID(group: "", plural: "")
    }
}

extension Cluster {
    /// What became of one object, change by change, as far as changes are remembered; nil: it was deleted.
    package func story(_ kind: ObjectKind, _ name: String, in namespace: String) -> [ObjectValue?] {
        changes.filter { $0.key == ObjectKey(kind: id(of: kind), namespace: namespace, name: name) }.map(\.after)
    }
}
