import FoundationEssentials

/// Every value inside a specification, by its path: `volumes.0.size`. For parts whose fields are too many to be
/// compared by name.
/// - Returns: paths and values, sorted by path; nothing for nil.
func leaves(of value: (some Encodable)?) -> [(String, String)] {
    guard let value else { return [] }
    do {
        let tree = try JSONDecoder().decode(NestedValue.self, from: try JSONEncoder().encode(value))
        return tree.leaves.sorted { $0.0 < $1.0 }
    } catch {
        // A specification that cannot be told apart is shown as a whole.
        return [("", "\(value)")]
    }
}

private indirect enum NestedValue: Decodable {
    case map([String: NestedValue])
    case list([NestedValue])
    case leaf(String)
    case nothing

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .nothing
        } else if let map = try? container.decode([String: NestedValue].self) {  // Not a map: tried as what comes next.
            self = .map(map)
        } else if let list = try? container.decode([NestedValue].self) {  // Likewise.
            self = .list(list)
        } else if let flag = try? container.decode(Bool.self) {  // Likewise.
            self = .leaf("\(flag)")
        } else if let number = try? container.decode(Int64.self) {  // Likewise.
            self = .leaf("\(number)")
        } else if let fraction = try? container.decode(Double.self) {  // Likewise.
            self = .leaf("\(fraction)")
        } else {
            self = .leaf(try container.decode(String.self))
        }
    }

    var leaves: [(String, String)] {
        switch self {
        case .map(let fields): fields.flatMap { key, value in value.leaves(under: key) }
        case .list(let items): items.enumerated().flatMap { index, value in value.leaves(under: "\(index)") }
        case .leaf(let text): [("", text)]
        case .nothing: []
        }
    }

    private func leaves(under key: String) -> [(String, String)] {
        leaves.map { path, value in (path.isEmpty ? key : "\(key).\(path)", value) }
    }
}
