import KubernetesObjects

/// How the parts of an object are typed, merged and owned: what an API server reads from its schema.
indirect enum FieldShape: Sendable {
    /// Nothing is known: maps are merged key by key, lists are whole.
    case plain
    case scalar(ScalarKind)
    /// Owned and replaced whole.
    case atomic(FieldShape)
    /// Fields that have names.
    case fields([String: FieldShape])
    /// Whatever keys one likes.
    case map(FieldShape)
    /// A list that is whole.
    case list(FieldShape)
    /// A list whose items are told apart by some of their fields.
    case keyed([String], FieldShape)
    /// A list of different texts.
    case set

    /// Among fields that have names: what all others are of.
    static let others = "*"

    /// What a field without parts may be.
    enum ScalarKind: Sendable {
        case text, integer, bool, quantity, time
        /// A number, or a text such as a percentage or a port's name.
        case either
    }

    /// The shape of a field of this one.
    func child(_ key: String) -> FieldShape {
        switch self {
        case .fields(let fields): fields[key] ?? fields[Self.others] ?? .plain
        case .map(let shape): shape
        case .atomic(let shape): shape.child(key)
        case .plain, .scalar, .list, .keyed, .set: .plain
        }
    }

    /// Whether a field has a name of its own, and is no key that somebody chose.
    func declares(_ key: String) -> Bool {
        guard case .fields(let fields) = self else { return false }
        return fields[key] != nil
    }

    /// The shape of the items; nil where a list is whole.
    var items: FieldShape? {
        switch self {
        case .keyed(_, let shape): shape
        case .set: .plain
        case .plain, .scalar, .atomic, .fields, .map, .list: nil
        }
    }

    /// Whether the schema says what there may be.
    var isKnown: Bool { if case .fields = self { true } else { false } }

    var isAtomic: Bool {
        switch self {
        case .atomic, .list: true
        case .plain, .scalar, .fields, .map, .keyed, .set: false
        }
    }

    /// - Parameter schema: of a custom resource, as its definition says it.
    static func object(_ kind: String, schema: ObjectValue? = nil) -> FieldShape {
        var shape = KindShapes.of(kind)
        if let schema { shape = custom(schema) }
        guard case .fields(var fields) = shape else { return shape }
        fields["metadata"] = KindShapes.metadata
        fields["apiVersion"] = .scalar(.text)
        fields["kind"] = .scalar(.text)
        return .fields(fields)
    }

    private static func custom(_ schema: ObjectValue) -> FieldShape {
        if schema["x-kubernetes-int-or-string"] == true { return .scalar(.either) }
        if let items = schema["items"] {
            switch schema["x-kubernetes-list-type"]?.text {
            case "map":
                return .keyed((schema["x-kubernetes-list-map-keys"]?.items ?? []).compactMap(\.text), custom(items))
            case "set": return .set
            case _: return .list(custom(items))
            }
        }
        switch schema["type"]?.text {
        case "string": return .scalar(.text)
        case "integer": return .scalar(.integer)
        case "boolean": return .scalar(.bool)
        case _: break
        }
        let shape: FieldShape
        let keepsUnknown = schema["x-kubernetes-preserve-unknown-fields"] == true
        if let values = schema["additionalProperties"], case .map = values {
            shape = .map(custom(values))
        } else if keepsUnknown || schema["type"] == "object" || schema["properties"] != nil {
            var fields = Dictionary(
                (schema["properties"]?.fields ?? []).map { ($0.key, custom($0.value)) },
                uniquingKeysWith: { first, _ in first })
            if keepsUnknown { fields[others] = .plain }
            shape = .fields(fields)
        } else {
            shape = .plain
        }
        return schema["x-kubernetes-map-type"]?.text == "atomic" ? .atomic(shape) : shape
    }
}

extension ObjectValue {
    /// What tells an item of a list from the others.
    /// - Returns: nil where the list has no such items.
    func element(in shape: FieldShape) -> FieldElement? {
        switch shape {
        case .keyed(let keys, _):
            return .item(
                keys.compactMap { key in
                    (self[key] ?? (key == "protocol" ? .text("TCP") : nil)).map { ObjectField(key, $0) }
                })
        case .set: return .value(self)
        case .plain, .scalar, .atomic, .fields, .map, .list: return nil
        }
    }
}
