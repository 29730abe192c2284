import Domain

extension JSONValue {
    /// The value of a key, whatever characters it has; nil when there is none, or it is null.
    subscript(key: String) -> JSONValue? {
        guard let value = fields[key], value != .null else { return nil }
        return value
    }

    var fields: [String: JSONValue] {
        guard case .map(let fields) = self else { return [:] }
        return fields
    }

    var items: [JSONValue] {
        guard case .list(let items) = self else { return [] }
        return items
    }

    /// Nil for an empty text too: nothing that is asked of a registry means anything without one.
    var text: String? {
        guard case .text(let text) = self, !text.isEmpty else { return nil }
        return text
    }

    var integer: Int64? {
        guard case .integer(let value) = self else { return nil }
        return value
    }
}
