import FoundationEssentials

/// Every value inside a specification, by its path: `volumes.0.size`. For parts whose fields are too many to be
/// compared by name.
package enum NestedFields {
    /// - Returns: paths and values, sorted by path; nothing for nil.
    package static func all(of value: (some Encodable)?) -> [(String, String)] {
        guard let value else { return [] }
        let tree: JSONValue?
        do { tree = JSONValue(parsing: try JSONEncoder().encode(value)) } catch { tree = nil }
        // A specification that cannot be taken apart is shown as a whole.
        return tree.map { leaves(of: $0, "").sorted { $0.0 < $1.0 } } ?? [("", "\(value)")]
    }

    private static func leaves(of value: JSONValue, _ path: String) -> [(String, String)] {
        func under(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
        switch value {
        case .map(let fields):
            return fields.sorted { $0.key < $1.key }.flatMap { leaves(of: $0.value, under($0.key)) }
        case .list(let items): return items.enumerated().flatMap { leaves(of: $1, under("\($0)")) }
        case .text(let text): return [(path, text)]
        case .integer(let number): return [(path, "\(number)")]
        case .number(let number): return [(path, "\(number)")]
        case .bool(let flag): return [(path, "\(flag)")]
        case .null: return []
        }
    }
}
