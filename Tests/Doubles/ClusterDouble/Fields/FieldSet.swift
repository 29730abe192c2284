import KubernetesObjects

/// One step on the way to a field.
enum FieldElement: Hashable, Sendable {
    case field(String)
    /// An item of a list, by the fields that tell it apart.
    case item([ObjectField])
    case value(ObjectValue)

    /// As in `managedFields`.
    var text: String {
        switch self {
        case .field(let name): "f:\(name)"
        case .item(let fields):
            "k:" + ObjectText.json(.map(fields.sorted { $0.key < $1.key }))
        case .value(let value): "v:" + ObjectText.json(value)
        }
    }

    init?(text: String) {
        let rest = String(text.dropFirst(2))
        switch text.prefix(2) {
        case "f:": self = .field(rest)
        case "k:":
            guard let value = ObjectValue(json: Array(rest.utf8)) else { return nil }
            self = .item(value.fields)
        case "v:":
            guard let value = ObjectValue(json: Array(rest.utf8)) else { return nil }
            self = .value(value)
        case _: return nil
        }
    }

    /// As a conflict names it: `.spec`, `[name="api"]`.
    var words: String {
        switch self {
        case .field(let name): ".\(name)"
        case .item(let fields):
            "[" + fields.map { "\($0.key)=\(ObjectText.json($0.value))" }.joined(separator: ",") + "]"
        case .value(let value): "[=\(ObjectText.json(value))]"
        }
    }
}

/// Fields of an object, as `FieldsV1` writes them: a tree whose nodes may be members themselves.
struct FieldSet: Hashable, Sendable {
    var isMember = false
    var children: [FieldElement: FieldSet] = [:]

    var isEmpty: Bool { !isMember && children.values.allSatisfy(\.isEmpty) }

    mutating func insert(_ path: ArraySlice<FieldElement>) {
        guard let first = path.first else {
            isMember = true
            return
        }
        children[first, default: FieldSet()].insert(path.dropFirst())
    }

    mutating func insert(_ path: [FieldElement]) {
        // The whole object is nobody's.
        if !path.isEmpty { insert(path[...]) }
    }

    func union(_ other: FieldSet) -> FieldSet {
        FieldSet(
            isMember: isMember || other.isMember,
            children: children.merging(other.children) { $0.union($1) })
    }

    func subtracting(_ other: FieldSet) -> FieldSet {
        var rest = FieldSet(isMember: isMember && !other.isMember)
        for (element, set) in children {
            let left = other.children[element].map { set.subtracting($0) } ?? set
            if !left.isEmpty { rest.children[element] = left }
        }
        return rest
    }

    func intersection(_ other: FieldSet) -> FieldSet {
        var both = FieldSet(isMember: isMember && other.isMember)
        for (element, set) in children {
            guard let match = other.children[element] else { continue }
            let shared = set.intersection(match)
            if !shared.isEmpty { both.children[element] = shared }
        }
        return both
    }

    /// Without a subtree.
    func without(_ path: [FieldElement]) -> FieldSet {
        guard let first = path.first, var child = children[first] else { return self }
        var rest = self
        if path.count == 1 {
            rest.children[first] = nil
        } else {
            child = child.without(Array(path.dropFirst()))
            rest.children[first] = child.isEmpty ? nil : child
        }
        return rest
    }

    /// Every member's path, sorted.
    var members: [[FieldElement]] {
        var found: [[FieldElement]] = isMember ? [[]] : []
        for (element, set) in children.sorted(by: { $0.key.text < $1.key.text }) {
            found += set.members.map { [element] + $0 }
        }
        return found
    }

    /// Fields of the cluster's own kinds that are written even when they are empty: nobody can have added them.
    private static let alwaysThere: Set<String> = [
        "f:spec", "f:template", "f:strategy", "f:containers", "f:status", "f:source", "f:jobTemplate",
        "f:scaleTargetRef",
    ]

    /// `FieldsV1`.
    /// - Parameter isOwnKind: whether it is of a kind that the server brings, not of a custom one.
    func value(isOwnKind: Bool) -> ObjectValue {
        var fields: [ObjectField] = []
        if isMember, !children.isEmpty { fields.append(ObjectField(".", [:])) }
        for (element, set) in children.sorted(by: { $0.key.text < $1.key.text }) {
            var value = set.value(isOwnKind: isOwnKind)
            let isThere = isOwnKind && Self.alwaysThere.contains(element.text)
            if isThere || element.text == "f:metadata" { value["."] = nil }
            fields.append(ObjectField(element.text, value))
        }
        return .map(fields)
    }
}

extension FieldSet {
    /// What an applied configuration says. Source: structured-merge-diff, `typed/tofieldset.go`.
    init(of value: ObjectValue, _ shape: FieldShape) {
        self.init()
        collect(value, shape, [])
    }

    private mutating func collect(_ value: ObjectValue, _ shape: FieldShape, _ path: [FieldElement]) {
        if shape.isAtomic {
            insert(path)
            return
        }
        switch value {
        case .map(let fields):
            for field in fields {
                let next = path + [.field(field.key)]
                collect(field.value, shape.child(field.key), next)
                if field.value == .null || field.value == [:] || !shape.declares(field.key) { insert(next) }
            }
        case .list(let items):
            guard let inner = shape.items else {
                insert(path)
                return
            }
            for item in items {
                guard let element = item.element(in: shape) else { continue }
                collect(item, inner, path + [element])
                insert(path + [element])
            }
        case .text, .number, .bool, .fraction, .null: insert(path)
        }
    }
}

/// What differs between two states of an object. Source: structured-merge-diff, `typed/compare.go`.
struct FieldComparison {
    private(set) var added = FieldSet()
    private(set) var modified = FieldSet()
    private(set) var removed = FieldSet()

    init(_ old: ObjectValue, _ new: ObjectValue, _ shape: FieldShape) {
        compare(old, new, shape, [])
    }

    var isSame: Bool { added.isEmpty && modified.isEmpty && removed.isEmpty }

    private mutating func compare(
        _ old: ObjectValue?, _ new: ObjectValue?, _ shape: FieldShape, _ path: [FieldElement]
    ) {
        let (old, new) = (Self.like(new, old), Self.like(old, new))
        guard old != new else { return }
        if isWhole(new ?? old, shape) || kindDiffers(old, new) {
            switch (old, new) {
            case (nil, _): added.insert(path)
            case (_, nil): removed.insert(path)
            case _: modified.insert(path)
            }
            return
        }
        for element in elements(old, shape, then: new) {
            let inner: FieldShape
            switch element {
            case .field(let key): inner = shape.child(key)
            case .item, .value: inner = shape.items ?? .plain
            }
            compare(old?.part(element, shape), new?.part(element, shape), inner, path + [element])
        }
        if old == nil { added.insert(path) }
        if new == nil { removed.insert(path) }
    }

    /// Null beside a map or a list is an empty one.
    private static func like(_ other: ObjectValue?, _ value: ObjectValue?) -> ObjectValue? {
        guard value == .null else { return value }
        switch other {
        case .map: return [:]
        case .list: return []
        case .text, .number, .bool, .fraction, .null, nil: return value
        }
    }

    private func isWhole(_ value: ObjectValue?, _ shape: FieldShape) -> Bool {
        if shape.isAtomic { return true }
        switch value {
        case .map: return false
        case .list: return shape.items == nil
        case .text, .number, .bool, .fraction, .null, nil: return true
        }
    }

    private func kindDiffers(_ old: ObjectValue?, _ new: ObjectValue?) -> Bool {
        switch (old, new) {
        case (.map, .map), (.list, .list), (nil, _), (_, nil): false
        case _: true
        }
    }

    private func elements(_ old: ObjectValue?, _ shape: FieldShape, then new: ObjectValue?) -> [FieldElement] {
        var found: [FieldElement] = []
        for value in [old, new] {
            for element in value?.elements(shape) ?? [] where !found.contains(element) { found.append(element) }
        }
        return found
    }
}

extension ObjectValue {
    func elements(_ shape: FieldShape) -> [FieldElement] {
        switch self {
        case .map(let fields): fields.map { .field($0.key) }
        case .list(let items): items.compactMap { $0.element(in: shape) }
        case .text, .number, .bool, .fraction, .null: []
        }
    }

    func part(_ element: FieldElement, _ shape: FieldShape) -> ObjectValue? {
        switch element {
        case .field(let key): self[key]
        case .item, .value: items.first { $0.element(in: shape) == element }
        }
    }
}
