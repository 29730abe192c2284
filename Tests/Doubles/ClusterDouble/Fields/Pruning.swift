import KubernetesObjects

extension FieldSet {
    /// With the fields that have names of their own on the way to members.
    /// Source: structured-merge-diff, `fieldpath/set.go`, `EnsureNamedFieldsAreMembers`.
    func naming(_ shape: FieldShape) -> FieldSet {
        var named = self
        for (element, set) in children {
            let inner: FieldShape
            var set = set
            switch element {
            case .field(let key):
                inner = shape.child(key)
                if shape.declares(key) { set.isMember = true }
            case .item, .value: inner = shape.items ?? .plain
            }
            let isMember = set.isMember
            set = set.naming(inner)
            set.isMember = isMember
            named.children[element] = set
        }
        return named
    }
}

extension ObjectValue {
    /// Without the members of a set.
    /// - Returns: nil when nothing is left.
    /// Source: structured-merge-diff, `typed/remove.go`.
    func removing(_ set: FieldSet, _ shape: FieldShape) -> ObjectValue? {
        if shape.isAtomic { return nil }
        switch self {
        case .map(let fields):
            guard !fields.isEmpty else { return nil }
            let left = fields.compactMap { field -> ObjectField? in
                guard let subset = set.children[.field(field.key)] else { return field }
                if subset.isMember { return nil }
                guard !subset.isEmpty else { return field }
                // Something empty is left where all of it has gone.
                return ObjectField(field.key, field.value.removing(subset, shape.child(field.key)) ?? .null)
            }
            return left.isEmpty ? nil : .map(left)
        case .list(let items):
            guard let inner = shape.items, !items.isEmpty else { return nil }
            let left = items.compactMap { item -> ObjectValue? in
                guard let element = item.element(in: shape), let subset = set.children[element] else { return item }
                if subset.isMember { return nil }
                return subset.isEmpty ? item : item.removing(subset, inner)
            }
            return left.isEmpty ? nil : .list(left)
        case .text, .number, .bool, .fraction, .null: return self
        }
    }

    /// Without what an owner applied before and says no longer, unless others own it.
    /// - Parameters:
    ///   - last: what he applied before.
    ///   - owned: what anybody owns now, with what he says now.
    /// Source: structured-merge-diff, `merge/update.go`, `prune`.
    func pruned(of last: FieldSet, owned: FieldSet, _ shape: FieldShape) -> ObjectValue {
        guard !last.isEmpty else { return self }
        let whole = FieldSet(of: self, shape).naming(shape)
        let last = last.naming(shape)
        let bare = removing(last, shape) ?? [:]
        let kept = FieldSet(of: bare, shape).naming(shape).union(owned.naming(shape))
        let more = removing(whole.subtracting(kept), shape) ?? [:]
        let lost = whole.subtracting(FieldSet(of: more, shape).naming(shape))
        return removing(lost.intersection(last), shape) ?? [:]
    }
}
