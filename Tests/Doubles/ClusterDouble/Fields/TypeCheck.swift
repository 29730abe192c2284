import KubernetesObjects

/// Whether a value is of the form that its shape says.
enum TypeCheck {
    /// Fields that nobody knows, as `spec.replica`.
    static func unknown(_ value: ObjectValue, _ shape: FieldShape, _ path: String = "") -> [String] {
        switch (value, shape) {
        case (_, .atomic(let inner)): return unknown(value, inner, path)
        case (.map(let fields), .fields(let known)):
            return fields.flatMap { field -> [String] in
                let place = path.isEmpty ? field.key : "\(path).\(field.key)"
                guard let inner = known[field.key] ?? known[FieldShape.others] else { return [place] }
                return unknown(field.value, inner, place)
            }
        case (.map(let fields), .map(let inner)):
            return fields.flatMap { unknown($0.value, inner, "\(path).\($0.key)") }
        case (.list(let items), .list(let inner)), (.list(let items), .keyed(_, let inner)):
            return items.enumerated().flatMap { unknown($1, inner, "\(path)[\($0)]") }
        case _: return []
        }
    }

    /// Without fields that nobody knows.
    static func pruned(_ value: ObjectValue, _ shape: FieldShape) -> ObjectValue {
        switch (value, shape) {
        case (_, .atomic(let inner)): return pruned(value, inner)
        case (.map(let fields), .fields(let known)):
            return .map(
                fields.compactMap { field in
                    (known[field.key] ?? known[FieldShape.others])
                        .map { ObjectField(field.key, pruned(field.value, $0)) }
                })
        case (.map(let fields), .map(let inner)):
            return .map(fields.map { ObjectField($0.key, pruned($0.value, inner)) })
        case (.list(let items), .list(let inner)), (.list(let items), .keyed(_, let inner)):
            return .list(items.map { pruned($0, inner) })
        case _: return value
        }
    }

    /// What does not fit, as `.spec.replicas: expected numeric (int or float), got string`.
    static func misfit(_ value: ObjectValue, _ shape: FieldShape, _ path: String = "") -> String? {
        switch (value, shape) {
        case (.null, _), (_, .plain): return nil
        case (_, .atomic(let inner)): return misfit(value, inner, path)
        case (_, .scalar(let kind)):
            return expected(value, kind).map { "\(path): expected \($0), got \(value.typeName)" }
        case (.map(let fields), .fields), (.map(let fields), .map):
            for field in fields {
                if let found = misfit(field.value, shape.child(field.key), "\(path).\(field.key)") { return found }
            }
            return nil
        case (.list(let items), .list(let inner)):
            for (index, item) in items.enumerated() {
                if let found = misfit(item, inner, "\(path)[\(index)]") { return found }
            }
            return nil
        case (.list(let items), .keyed), (.list(let items), .set): return misfit(of: items, shape, path)
        case (_, .fields), (_, .map): return "\(path): expected map, got \(value.typeName)"
        case (_, .list), (_, .keyed), (_, .set): return "\(path): expected list, got \(value.typeName)"
        }
    }

    private static func misfit(of items: [ObjectValue], _ shape: FieldShape, _ path: String) -> String? {
        for item in items {
            if let found = misfit(item, shape.items ?? .plain, path + (item.element(in: shape)?.words ?? "")) {
                return found
            }
        }
        return nil
    }

    /// Items of a list that cannot be told apart.
    static func duplicate(_ value: ObjectValue, _ shape: FieldShape, _ path: String = "") -> String? {
        switch value {
        case .map(let fields):
            for field in fields {
                if let found = duplicate(field.value, shape.child(field.key), "\(path).\(field.key)") { return found }
            }
            return nil
        case .list(let items):
            guard let inner = shape.items else { return nil }
            var seen: Set<FieldElement> = []
            for item in items {
                guard let element = item.element(in: shape) else { continue }
                if !seen.insert(element).inserted { return "\(path): duplicate entries for key \(element.words)" }
                if let found = duplicate(item, inner, path + element.words) { return found }
            }
            return nil
        case .text, .number, .bool, .fraction, .null: return nil
        }
    }

    private static func expected(_ value: ObjectValue, _ kind: FieldShape.ScalarKind) -> String? {
        switch (value, kind) {
        case (.text, .text), (.text, .time), (.text, .either), (.number, .either), (.number, .integer),
            (.fraction, .integer), (.bool, .bool), (.text, .quantity), (.number, .quantity), (.fraction, .quantity):
            nil
        case (_, .text), (_, .time): "string"
        case (_, .integer): "numeric (int or float)"
        case (_, .bool): "boolean"
        case (_, .either), (_, .quantity): "string or number"
        }
    }

    /// Whether all amounts can be read.
    static func hasAmounts(_ value: ObjectValue, _ shape: FieldShape) -> Bool {
        switch (value, shape) {
        case (_, .atomic(let inner)): hasAmounts(value, inner)
        case (.null, _): true
        case (_, .scalar(.quantity)): Quantity.thousandths(value) != nil
        case (.map(let fields), _): fields.allSatisfy { hasAmounts($0.value, shape.child($0.key)) }
        case (.list(let items), .list(let inner)), (.list(let items), .keyed(_, let inner)):
            items.allSatisfy { hasAmounts($0, inner) }
        case _: true
        }
    }

    /// As an object is written that has gone through the server: maps and lists without anything in them are left out,
    /// and what is null in a map of texts is an empty one.
    static func encoded(_ value: ObjectValue, _ shape: FieldShape) -> ObjectValue {
        switch (value, shape) {
        case (_, .atomic(let inner)): return encoded(value, inner)
        case (.map(let fields), .map(let inner)):
            return .map(fields.map { ObjectField($0.key, $0.value == .null ? blank(inner) : encoded($0.value, inner)) })
        case (.map(let fields), .fields):
            return .map(
                fields.compactMap { field in
                    let inner = shape.child(field.key)
                    let value = encoded(field.value, inner)
                    return value == .null || inner.isLeftOut(value) ? nil : ObjectField(field.key, value)
                })
        case (.list(let items), .list(let inner)), (.list(let items), .keyed(_, let inner)):
            return .list(items.map { encoded($0, inner) })
        case _: return value
        }
    }

    private static func blank(_ shape: FieldShape) -> ObjectValue {
        if case .scalar(.text) = shape { "" } else { .null }
    }
}

extension FieldShape {
    fileprivate func isLeftOut(_ value: ObjectValue) -> Bool {
        switch self {
        case .map: value == [:]
        case .list, .keyed, .set: value == []
        case .atomic(let inner): inner.isLeftOut(value)
        case .plain, .scalar, .fields: false
        }
    }
}
