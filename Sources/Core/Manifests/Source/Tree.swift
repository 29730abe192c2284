/// A YAML value that remembers where it stands: aliases are replaced, merge keys applied, tags gone.
struct Tree: Hashable, Sendable {
    var place: Place
    var content: TreeContent

    /// The text of a scalar; nil for a list, a map and null.
    var text: String? {
        switch content {
        case .scalar(let scalar): scalar.isNull ? nil : scalar.text
        case .list, .map: nil
        }
    }

    var scalar: TreeScalar? {
        switch content {
        case .scalar(let scalar): scalar
        case .list, .map: nil
        }
    }

    var isNull: Bool { scalar?.isNull ?? false }

    /// Empty for anything but a list.
    var items: [Tree] {
        switch content {
        case .list(let items): items
        case .scalar, .map: []
        }
    }

    /// Empty for anything but a map.
    var entries: [TreeEntry] {
        switch content {
        case .map(let entries): entries
        case .scalar, .list: []
        }
    }

    func entry(_ key: String) -> TreeEntry? { entries.first { $0.key == key } }
    /// The value of a key; nil when it is missing or null.
    subscript(key: String) -> Tree? {
        guard let value = entry(key)?.value, !value.isNull else { return nil }
        return value
    }
}

enum TreeContent: Hashable, Sendable {
    case scalar(TreeScalar)
    case list([Tree])
    case map([TreeEntry])
}

struct TreeEntry: Hashable, Sendable {
    var key: String
    var keyPlace: Place
    var value: Tree
}

/// A scalar as it was written; what it means is decided by who reads it (YAML 1.2 core schema).
struct TreeScalar: Hashable, Sendable {
    var text: String
    /// Neither quoted nor a block: may be a number, a boolean or null.
    var isPlain: Bool

    var isNull: Bool { isPlain && ["", "~", "null", "Null", "NULL"].contains(text) }

    var boolean: Bool? {
        guard isPlain else { return nil }
        return switch text {
        case "true", "True", "TRUE": true
        case "false", "False", "FALSE": false
        default: nil
        }
    }

    /// A whole number in decimal.
    var integer: Int? {
        guard isPlain, text.utf8.allSatisfy({ (48...57).contains($0) || $0 == 43 || $0 == 45 }) else { return nil }
        return Int(text)
    }

    /// A finite number in decimal.
    var number: Double? {
        guard isPlain, let first = text.utf8.first, (48...57).contains(first) || [43, 45, 46].contains(first),
            text.utf8.allSatisfy({ (48...57).contains($0) || [43, 45, 46, 69, 101].contains($0) }),
            let value = Double(text), value.isFinite
        else { return nil }
        return value
    }
}
