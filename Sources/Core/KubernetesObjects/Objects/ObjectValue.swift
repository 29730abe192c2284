package import Domain

/// A value inside a Kubernetes object. Maps keep the order in which they were written, so that the same input gives
/// the same bytes.
package enum ObjectValue: Hashable, Sendable {
    case text(String)
    case number(Int64)
    case bool(Bool)
    case list([ObjectValue])
    case map([ObjectField])
    /// A number with a fraction; it appears in what others have written.
    case fraction(Double)
    case null
}

/// One key of a map and its value.
package struct ObjectField: Hashable, Sendable {
    package var key: String
    package var value: ObjectValue

    package init(_ key: String, _ value: ObjectValue) {
        self.key = key
        self.value = value
    }
}

extension ObjectValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int64) { self = .number(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension ObjectValue: ExpressibleByArrayLiteral {
    package init(arrayLiteral elements: ObjectValue...) { self = .list(elements) }
}

extension ObjectValue: ExpressibleByDictionaryLiteral {
    /// Keys whose value is nil are left out: what is not said is the cluster's to decide.
    package init(dictionaryLiteral elements: (String, ObjectValue?)...) {
        self = .map(elements.compactMap { key, value in value.map { ObjectField(key, $0) } })
    }
}

extension ObjectValue {
    package static func number(_ value: Int) -> ObjectValue { .number(Int64(value)) }
    package static func texts(_ values: [String]) -> ObjectValue { .list(values.map { .text($0) }) }

    /// Names and values as a map; nil when there are none.
    package static func names(_ variables: [Variable]) -> ObjectValue? {
        variables.isEmpty ? nil : .map(variables.map { ObjectField($0.name, .text($0.value)) })
    }

    /// Nil instead of an empty list or map.
    package var unlessEmpty: ObjectValue? {
        switch self {
        case .list(let list): list.isEmpty ? nil : self
        case .map(let map): map.isEmpty ? nil : self
        case .text, .number, .bool, .fraction, .null: self
        }
    }

    package subscript(key: String) -> ObjectValue? {
        get {
            guard case .map(let fields) = self else { return nil }
            return fields.first { $0.key == key }?.value
        }
        set {
            guard case .map(var fields) = self else { return }
            if let index = fields.firstIndex(where: { $0.key == key }) {
                if let newValue { fields[index].value = newValue } else { fields.remove(at: index) }
            } else if let newValue {
                fields.append(ObjectField(key, newValue))
            }
            self = .map(fields)
        }
    }

    /// With another value of one key.
    package func setting(_ key: String, to value: ObjectValue) -> ObjectValue {
        var changed = self
        changed[key] = value
        return changed
    }

    /// With another value at the end of a path of keys; maps on the way are made where they are missing.
    package func setting(_ path: [String], to value: ObjectValue) -> ObjectValue {
        guard let key = path.first else { return value }
        return setting(key, to: (self[key] ?? [:]).setting(Array(path.dropFirst()), to: value))
    }

    /// Whether everything that is said is here too: more may be here, as a server adds its defaults.
    package func covers(_ said: ObjectValue) -> Bool {
        switch said {
        case .map(let fields): fields.allSatisfy { self[$0.key]?.covers($0.value) ?? false }
        case .list(let said): items.count == said.count && zip(items, said).allSatisfy { $0.covers($1) }
        case .text, .number, .bool, .fraction, .null: self == said
        }
    }

    /// The value at a path of keys; nil when there is none.
    package func at(_ path: String...) -> ObjectValue? {
        var value: ObjectValue? = self
        for key in path { value = value?[key] }
        return value
    }

    package var text: String? {
        guard case .text(let text) = self else { return nil }
        return text
    }

    package var number: Int64? {
        guard case .number(let number) = self else { return nil }
        return number
    }

    package var items: [ObjectValue] {
        guard case .list(let items) = self else { return [] }
        return items
    }

    package var fields: [ObjectField] {
        guard case .map(let fields) = self else { return [] }
        return fields
    }

    /// What a user wrote as JSON. Keys are sorted, since JSON has no order.
    package init(_ value: JSONValue) {
        switch value {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .number(value)
        case .number(let value): self = .fraction(value)
        case .text(let value): self = .text(value)
        case .list(let values): self = .list(values.map { ObjectValue($0) })
        case .map(let values):
            self = .map(values.sorted { $0.key < $1.key }.map { ObjectField($0.key, ObjectValue($0.value)) })
        }
    }
}
