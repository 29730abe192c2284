import KubernetesObjects

/// An expression of a policy, as far as the double reads them: `has(object.metadata.labels) && 'team' in …`, with
/// `||`, `&&`, `!`, `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `has()`, `size()`, paths, texts, numbers and parentheses.
/// Source: Common Expression Language, `doc/langdef.md`.
struct Expression {
    /// What cannot be read, or has no value.
    struct Flaw: Error {}

    private var tokens: [String]
    private let variables: ObjectValue

    /// - Parameter variables: `object`, `oldObject` and their like.
    static func value(_ text: String, _ variables: ObjectValue) throws(Flaw) -> ObjectValue {
        var expression = Expression(tokens: try split(text), variables: variables)
        let value = try expression.either()
        guard expression.tokens.isEmpty else { throw Flaw() }
        return value
    }

    private static func split(_ text: String) throws(Flaw) -> [String] {
        var tokens: [String] = []
        var rest = text[...]
        while let first = rest.first {
            if first == " " || first == "\n" {
                rest = rest.dropFirst()
            } else if first == "'" || first == "\"" {
                let inner = rest.dropFirst().prefix { $0 != first }
                tokens.append("'" + inner)
                rest = rest.dropFirst(inner.count + 2)
            } else if let match = rest.prefixMatch(of: /[A-Za-z_][A-Za-z0-9_]*|[0-9]+|&&|\|\||==|!=|<=|>=|[!<>().\[\]]/)
            {
                tokens.append(String(match.output))
                rest = rest[match.range.upperBound...]
            } else {
                throw Flaw()
            }
        }
        return tokens
    }

    private mutating func take(_ token: String) -> Bool {
        guard tokens.first == token else { return false }
        tokens.removeFirst()
        return true
    }

    private mutating func expect(_ token: String) throws(Flaw) { if !take(token) { throw Flaw() } }

    private mutating func either() throws(Flaw) -> ObjectValue {
        var value = try both()
        while take("||") {
            let other = try both()
            value = .bool(value == true || other == true)
        }
        return value
    }

    private mutating func both() throws(Flaw) -> ObjectValue {
        var value = try comparison()
        while take("&&") {
            // What is false on the left need not have a value on the right.
            if value == true { value = .bool(try comparison() == true) } else { try skip() }
        }
        return value
    }

    private mutating func skip() throws(Flaw) {
        var depth = 0
        while let token = tokens.first {
            if depth == 0, ["&&", "||", ")"].contains(token) { return }
            if token == "(" { depth += 1 }
            if token == ")" { depth -= 1 }
            tokens.removeFirst()
        }
    }

    private mutating func comparison() throws(Flaw) -> ObjectValue {
        let left = try single()
        guard let sign = tokens.first, ["==", "!=", "<", "<=", ">", ">=", "in"].contains(sign) else { return left }
        tokens.removeFirst()
        let right = try single()
        switch sign {
        case "==": return .bool(left == right)
        case "!=": return .bool(left != right)
        case "in": return .bool(right.items.contains(left) || left.text.map { right[$0] != nil } ?? false)
        case _:
            guard let one = left.number, let other = right.number else { throw Flaw() }
            switch sign {
            case "<": return .bool(one < other)
            case "<=": return .bool(one <= other)
            case ">": return .bool(one > other)
            case _: return .bool(one >= other)
            }
        }
    }

    private mutating func single() throws(Flaw) -> ObjectValue {
        if take("!") { return .bool(try single() != true) }
        if take("(") {
            let value = try either()
            try expect(")")
            return value
        }
        guard let token = tokens.first else { throw Flaw() }
        tokens.removeFirst()
        switch token {
        case "true": return true
        case "false": return false
        case "null": return .null
        case "has":
            try expect("(")
            let found = try path(try next())
            try expect(")")
            return .bool(found != nil)
        case "size":
            try expect("(")
            let value = try single()
            try expect(")")
            return .number(value.text?.count ?? max(value.items.count, value.fields.count))
        case _ where token.hasPrefix("'"): return .text(String(token.dropFirst()))
        case _ where Int64(token) != nil: return .number(Int64(token) ?? 0)
        case _:
            guard let value = try path(token) else { throw Flaw() }
            return value
        }
    }

    private mutating func next() throws(Flaw) -> String {
        guard !tokens.isEmpty else { throw Flaw() }
        return tokens.removeFirst()
    }

    private mutating func path(_ first: String) throws(Flaw) -> ObjectValue? {
        var value = variables[first]
        while true {
            if take(".") {
                let key = try next()
                value = value?[key]
            } else if take("[") {
                let key = try single()
                try expect("]")
                value =
                    key.text.map { value?[$0] }
                    ?? key.number.flatMap { index in
                        value.flatMap { $0.items.indices.contains(Int(index)) ? $0.items[Int(index)] : nil }
                    }
            } else {
                return value
            }
        }
    }
}
