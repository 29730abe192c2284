/// Lays an environment's overrides over the manifest: maps are merged, lists and single values replaced, null removes.
enum Overrides {
    static func merged(_ base: Tree, with over: Tree, _ shape: Shape?) -> Tree {
        guard case .map(let baseEntries) = base.content, case .map(let overEntries) = over.content else {
            return stripped(over)
        }
        let known = shape?.map
        var entries = baseEntries
        for choice in known?.choices ?? [] {
            // Naming one of several keys that exclude each other lets the base's go.
            let chosen = overEntries.filter { choice.keys.contains($0.key) && !$0.value.isNull }.map(\.key)
            if !chosen.isEmpty { entries.removeAll { choice.keys.contains($0.key) && !chosen.contains($0.key) } }
        }
        for entry in overEntries {
            let index = entries.firstIndex { $0.key == entry.key }
            if entry.value.isNull {
                if let index { entries.remove(at: index) }
            } else if let index {
                entries[index].value = merged(entries[index].value, with: entry.value, shape?.child(entry.key))
                entries[index].keyPlace = entry.keyPlace
            } else {
                entries.append(TreeEntry(key: entry.key, keyPlace: entry.keyPlace, value: stripped(entry.value)))
            }
        }
        return Tree(place: base.place, content: .map(entries))
    }

    /// Without the keys that are null: they removed nothing.
    private static func stripped(_ tree: Tree) -> Tree {
        guard case .map(let entries) = tree.content else { return tree }
        let kept = entries.filter { !$0.value.isNull }.map {
            TreeEntry(key: $0.key, keyPlace: $0.keyPlace, value: stripped($0.value))
        }
        return Tree(place: tree.place, content: .map(kept))
    }
}

extension Shape {
    fileprivate var map: MapShape? {
        switch self {
        case .map(let map), .wordOr(_, let map): map
        case .entries, .list, .scalar, .json: nil
        }
    }

    fileprivate func child(_ key: String) -> Shape? {
        switch self {
        case .map(let map), .wordOr(_, let map): map.shape(of: key)
        case .entries(let entries): entries.value
        case .list, .scalar, .json: nil
        }
    }
}
