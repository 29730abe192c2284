/// Keeps YAML's alias bombs away from the parser. The parser shares aliased values instead of copying them, and the
/// tree reader counts them, so a bomb among the values does no harm. But the parser hashes every *key* to find
/// duplicates, and an alias inside a key is hashed written out, which takes exponential time in the length of the text.
/// So where a key might hold an alias, the most that aliases can multiply is bounded before the parser starts.
enum AliasLimit {
    /// How often one value may appear through aliases in a text that might use them in keys.
    static let maximumFactor = 4096

    /// The place of the first alias when the text may be a bomb; nil when it is safe to parse.
    static func firstRisk(in text: String) -> Place? {
        let bytes = Array(text.utf8)
        guard mayHoldAliasInKey(bytes) else { return nil }
        var uses: [ArraySlice<UInt8>: Int] = [:]
        var definitions: [ArraySlice<UInt8>: Int] = [:]
        var first: Int?
        for index in bytes.indices where bytes[index] == star || bytes[index] == ampersand {
            let name = bytes[(index + 1)...].prefix(while: isNameByte)
            guard !name.isEmpty else { continue }
            if bytes[index] == star {
                uses[name, default: 0] += 1
                first = first ?? index
            } else {
                definitions[name, default: 0] += 1
            }
        }
        guard let first else { return nil }
        // However aliases are nested, one value appears at most this often: each anchor is passed once on the way.
        var factor = 1
        for (name, count) in uses.sorted(by: { $0.value > $1.value }) {
            for _ in 0..<(definitions[name] ?? 0) {
                factor = factor.multipliedReportingOverflow(by: count + 1).partialValue
                if factor > maximumFactor || factor < 0 { return place(of: first, in: bytes) }
            }
        }
        return nil
    }

    private static let star = UInt8(ascii: "*")
    private static let ampersand = UInt8(ascii: "&")

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }

    /// An alias can be in a key in three ways: it is the key (`*a : 1`), the key is in brackets (`[*a]: 1`), or it is
    /// marked as one (`? *a`). Quotes and comments are not looked at: that can only make this say yes too often.
    private static func mayHoldAliasInKey(_ bytes: [UInt8]) -> Bool {
        for index in bytes.indices {
            switch bytes[index] {
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                if isFollowedByColon(bytes, index + 1), !isVariable(bytes, index) { return true }
            case star:
                let end = bytes[(index + 1)...].prefix(while: isNameByte).endIndex
                if end > index + 1, isFollowedByColon(bytes, end) { return true }
            case UInt8(ascii: "?"):
                if mayMarkKey(bytes, index) { return true }
            default: continue
            }
        }
        return false
    }

    /// Whether a brace closes one word: `${needs.db.host}:5432`. Whatever it is to the parser, there is no alias in it.
    private static func isVariable(_ bytes: [UInt8], _ end: Int) -> Bool {
        var start = end
        while start > 0, isNameByte(bytes[start - 1]) || bytes[start - 1] == UInt8(ascii: ".") { start -= 1 }
        return start > 0 && bytes[start - 1] == UInt8(ascii: "{")
    }

    private static func isFollowedByColon(_ bytes: [UInt8], _ start: Int) -> Bool {
        var index = start
        while index < bytes.count, isSpace(bytes[index]) { index += 1 }
        return index < bytes.count && bytes[index] == UInt8(ascii: ":")
    }

    /// A question mark inside a word of letters, digits and slashes (`/search?q=1`) marks nothing.
    private static func mayMarkKey(_ bytes: [UInt8], _ index: Int) -> Bool {
        guard index > 0, index + 1 < bytes.count, isNameByte(bytes[index + 1]) else { return true }
        var start = index
        while start > 0, isNameByte(bytes[start - 1]) || bytes[start - 1] == UInt8(ascii: "/") { start -= 1 }
        return start == index || !(start == 0 || isSpace(bytes[start - 1]))
    }

    private static func place(of offset: Int, in bytes: [UInt8]) -> Place {
        var place = Place.start
        for byte in bytes[..<offset] {
            if byte == 0x0A {
                place = Place(line: place.line + 1, column: 1)
            } else if byte & 0xC0 != 0x80 {
                place.column += 1
            }
        }
        return place
    }
}
