import FoundationEssentials

/// A JSON value, as far as answers are compared and taken apart.
package enum JSONValue: Hashable, Sendable, Decodable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    case list([JSONValue])
    case map([String: JSONValue])

    /// Nil when the bytes are no JSON.
    package init?(parsing bytes: some Sequence<UInt8>) {
        do {
            self = try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
        } catch {
            return nil
        }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = Self.attempt({ try container.decode(Bool.self) }) {
            self = .bool(value)
        } else if let value = Self.attempt({ try container.decode(Int64.self) }) {
            self = .integer(value)
        } else if let value = Self.attempt({ try container.decode(Double.self) }) {
            self = .number(value)
        } else if let value = Self.attempt({ try container.decode(String.self) }) {
            self = .text(value)
        } else if let value = Self.attempt({ try container.decode([JSONValue].self) }) {
            self = .list(value)
        } else {
            self = .map(try container.decode([String: JSONValue].self))
        }
    }

    /// Trying one type after the other is how a decoder tells what a value is: the cause of a miss says nothing.
    private static func attempt<Value>(_ decode: () throws -> Value) -> Value? {
        do { return try decode() } catch { return nil }
    }

    /// Whether two values say the same: `1` and `1.0` do, `1` and `"1"` do not.
    package func equals(_ other: JSONValue) -> Bool {
        switch (self, other) {
        case (.integer(let left), .number(let right)): Double(left) == right
        case (.number(let left), .integer(let right)): left == Double(right)
        case (.list(let left), .list(let right)):
            left.count == right.count && zip(left, right).allSatisfy { $0.equals($1) }
        case (.map(let left), .map(let right)):
            left.count == right.count && left.allSatisfy { key, value in right[key].map { value.equals($0) } ?? false }
        case _: self == other
        }
    }

    /// The value at a path, `items[0].id`; nil when there is none. An empty path is the value itself.
    package func at(_ path: String) -> JSONValue? {
        var value = self
        for step in JSONPath(path).steps {
            switch (value, step) {
            case (.map(let map), .key(let key)):
                guard let next = map[key] else { return nil }
                value = next
            case (.list(let list), .index(let index)):
                guard list.indices.contains(index) else { return nil }
                value = list[index]
            case _: return nil
            }
        }
        return value
    }

    /// As JSON, keys sorted.
    package var compact: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .text(let text): Self.quoted(text)
        case .list(let list): "[" + list.map(\.compact).joined(separator: ",") + "]"
        case .map(let map):
            "{" + map.keys.sorted().map { "\(Self.quoted($0)):\(map[$0]?.compact ?? "null")" }.joined(separator: ",")
                + "}"
        }
    }

    /// As a later request uses it: a text without its quotes, anything else as JSON.
    package var plain: String {
        if case .text(let text) = self { return text }
        return compact
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            case _: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

/// `items[0].id`: keys between dots, indices in brackets. A leading `$.` is allowed.
package struct JSONPath: Hashable, Sendable {
    /// One step of the way.
    package enum Step: Hashable, Sendable {
        case key(String)
        case index(Int)
    }

    package let steps: [Step]

    package init(_ text: String) {
        var rest = text[...]
        if rest.first == "$" { rest = rest.dropFirst() }
        var steps: [Step] = []
        for part in rest.split(separator: ".", omittingEmptySubsequences: true) {
            let pieces = part.split(separator: "[", omittingEmptySubsequences: false)
            if let key = pieces.first, !key.isEmpty { steps.append(.key(String(key))) }
            for piece in pieces.dropFirst() {
                let inner = piece.hasSuffix("]") ? piece.dropLast() : piece
                steps.append(Int(inner).map { .index($0) } ?? .key(String(inner)))
            }
        }
        self.steps = steps
    }
}
