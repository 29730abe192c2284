import Yams

/// Objects as text. The same objects give the same bytes.
package enum ObjectText {
    /// One YAML document an object, each after a line of `---`.
    package static func yaml(_ objects: [KubernetesObject]) throws -> String {
        try objects.map { "---\n" + (try yaml($0.value)) }.joined()
    }

    /// One YAML document, without a line before it.
    package static func yaml(_ value: ObjectValue) throws -> String {
        try Yams.serialize(node: ObjectNodes().node(value), width: -1, allowUnicode: true)
    }

    /// As JSON on one line, keys in the order in which they stand.
    package static func json(_ value: ObjectValue) -> String {
        var text = ""
        write(value, to: &text)
        return text
    }

    private static func write(_ value: ObjectValue, to text: inout String) {
        switch value {
        case .text(let value): write(value, to: &text)
        case .number(let number): text += String(number)
        case .fraction(let number): text += "\(number)"
        case .bool(let value): text += value ? "true" : "false"
        case .null: text += "null"
        case .list(let items):
            text += "["
            for (index, item) in items.enumerated() {
                if index > 0 { text += "," }
                write(item, to: &text)
            }
            text += "]"
        case .map(let fields):
            text += "{"
            for (index, field) in fields.enumerated() {
                if index > 0 { text += "," }
                write(field.key, to: &text)
                text += ":"
                write(field.value, to: &text)
            }
            text += "}"
        }
    }

    private static func write(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            case _: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}

/// Objects as the library's nodes. To make one of its tags anew costs more than all else of a node, and its usual
/// resolver and constructor, which nothing here asks, are rows of regular expressions that cost more than a service.
private struct ObjectNodes {
    private let text = Self.tag(.str)
    private let number = Self.tag(.int)
    private let fraction = Self.tag(.float)
    private let truth = Self.tag(.bool)
    private let null = Self.tag(.null)
    private let list = Self.tag(.seq)
    private let map = Self.tag(.map)

    private static func tag(_ name: Tag.Name) -> Tag { Tag(name, .basic, Constructor([:], [:], [:])) }

    func node(_ value: ObjectValue) -> Node {
        switch value {
        case .text(let text): return .scalar(scalar(text))
        case .number(let number): return .scalar(Node.Scalar(String(number), self.number))
        case .fraction(let number): return .scalar(Node.Scalar("\(number)", fraction))
        case .bool(let value): return .scalar(Node.Scalar(value ? "true" : "false", truth))
        case .null: return .scalar(Node.Scalar("null", null))
        case .list(let items):
            return .sequence(Node.Sequence(items.map { node($0) }, list, items.isEmpty ? .flow : .block))
        case .map(let fields):
            let pairs = fields.map { (node(.text($0.key)), node($0.value)) }
            return .mapping(Node.Mapping(pairs, map, pairs.isEmpty ? .flow : .block))
        }
    }

    /// What reads like a number or a truth value is put into quotes; lines stay lines.
    private func scalar(_ text: String) -> Node.Scalar {
        if text.utf8.contains(UInt8(ascii: "\n")) { return Node.Scalar(text, self.text, .literal) }
        switch PlainText.reading(of: text) {
        case .text: return Node.Scalar(text, self.text, .plain)
        case .other: return Node.Scalar(text, self.text, .singleQuoted)
        case .doubtful: return text.represented()
        }
    }
}
