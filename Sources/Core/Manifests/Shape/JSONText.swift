/// A JSON value whose maps keep their order, and its text.
indirect enum JSONText: Hashable, Sendable {
    case null
    case boolean(Bool)
    /// As it is written.
    case number(String)
    case text(String)
    case list([JSONText])
    case map([(String, JSONText)])

    static func integer(_ value: Int) -> JSONText { .number(String(value)) }
    static func texts(_ values: [String]) -> JSONText { .list(values.map { .text($0) }) }

    static func == (left: JSONText, right: JSONText) -> Bool { left.compact == right.compact }
    func hash(into hasher: inout Hasher) { hasher.combine(compact) }

    /// What a YAML value is in JSON (YAML 1.2 core schema).
    init(tree: Tree) {
        switch tree.content {
        case .list(let items): self = .list(items.map { JSONText(tree: $0) })
        case .map(let entries): self = .map(entries.map { ($0.key, JSONText(tree: $0.value)) })
        case .scalar(let scalar):
            if scalar.isNull {
                self = .null
            } else if let value = scalar.boolean {
                self = .boolean(value)
            } else if let value = scalar.integer {
                self = .number(String(value))
            } else if let value = scalar.number {
                self = .number("\(value)")
            } else {
                self = .text(scalar.text)
            }
        }
    }

    /// On one line, without spaces.
    var compact: String {
        var text = ""
        write(to: &text, indent: nil)
        return text
    }

    /// Over several lines, indented by two spaces, with a line end at the end.
    var pretty: String {
        var text = ""
        write(to: &text, indent: 0)
        return text + "\n"
    }

    private func write(to text: inout String, indent: Int?) {
        switch self {
        case .null: text += "null"
        case .boolean(let value): text += value ? "true" : "false"
        case .number(let value): text += value
        case .text(let value): Self.quote(value, to: &text)
        case .list(let items):
            let isShort = indent != nil && items.allSatisfy(\.isScalar) && items.count <= 8
            Self.writeBracketed("[", "]", items, &text, isShort ? nil : indent, isShort ? ", " : ",") {
                item, text, inner in
                item.write(to: &text, indent: inner)
            }
        case .map(let entries):
            Self.writeBracketed("{", "}", entries, &text, indent, ",") { entry, text, inner in
                Self.quote(entry.0, to: &text)
                text += indent == nil ? ":" : ": "
                entry.1.write(to: &text, indent: inner)
            }
        }
    }

    private var isScalar: Bool {
        switch self {
        case .null, .boolean, .number, .text: true
        case .list, .map: false
        }
    }

    private static func writeBracketed<Item>(
        _ open: String, _ close: String, _ items: [Item], _ text: inout String, _ indent: Int?, _ separator: String,
        _ write: (Item, inout String, Int?) -> Void
    ) {
        text += open
        for (index, item) in items.enumerated() {
            if index > 0 { text += separator }
            if let indent { text += "\n" + String(repeating: " ", count: (indent + 1) * 2) }
            write(item, &text, indent.map { $0 + 1 })
        }
        if let indent, !items.isEmpty { text += "\n" + String(repeating: " ", count: indent * 2) }
        text += close
    }

    private static func quote(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            default:
                if scalar.value < 0x20 {
                    let digits = String(scalar.value, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    text.unicodeScalars.append(scalar)
                }
            }
        }
        text += "\""
    }
}
