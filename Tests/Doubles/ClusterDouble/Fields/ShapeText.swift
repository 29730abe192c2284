/// Reads shapes that are written shortly: `name:s ports:[(port:i protocol:s)]/port,protocol labels:{s}`.
///
/// `s` text, `i` integer, `b` yes or no, `q` quantity, `p` number or text, `t` time, `*` anything, `(…)` fields, `{…}`
/// a map of, `[…]` a list of; `/a,b` after a list tells its items apart by these fields, `=` by themselves; `!` before
/// something makes it whole; `@name` is another shape.
struct ShapeText {
    private var rest: Substring
    private let known: [String: FieldShape]

    /// - Parameter known: shapes that this one may name.
    static func fields(_ text: String, _ known: [String: FieldShape] = [:]) -> FieldShape {
        var reader = ShapeText(rest: text[...], known: known)
        return reader.fields()
    }

    static func shape(_ text: String, _ known: [String: FieldShape] = [:]) -> FieldShape {
        var reader = ShapeText(rest: text[...], known: known)
        return reader.shape()
    }

    private mutating func fields() -> FieldShape {
        var found: [String: FieldShape] = [:]
        while true {
            rest = rest.drop { $0 == " " || $0 == "\n" }
            guard let first = rest.first, first != ")" else { break }
            let name = word()
            rest = rest.dropFirst()
            found[name] = shape()
        }
        return .fields(found)
    }

    private mutating func word() -> String {
        let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "-" }
        rest = rest.dropFirst(word.count)
        return String(word)
    }

    private mutating func shape() -> FieldShape {
        switch rest.popFirst() {
        case "s": return .scalar(.text)
        case "i": return .scalar(.integer)
        case "b": return .scalar(.bool)
        case "q": return .scalar(.quantity)
        case "p": return .scalar(.either)
        case "t": return .scalar(.time)
        case "!": return .atomic(shape())
        case "@": return known[word()] ?? .plain
        case "(":
            let inner = fields()
            rest = rest.dropFirst()
            return inner
        case "{":
            let inner = shape()
            rest = rest.dropFirst()
            return .map(inner)
        case "[": return list()
        case _: return .plain
        }
    }

    private mutating func list() -> FieldShape {
        let inner = shape()
        rest = rest.dropFirst()
        if rest.first == "=" {
            rest = rest.dropFirst()
            return .set
        }
        guard rest.first == "/" else { return .list(inner) }
        var keys: [String] = []
        repeat {
            rest = rest.dropFirst()
            keys.append(word())
        } while rest.first == ","
        return .keyed(keys, inner)
    }
}
