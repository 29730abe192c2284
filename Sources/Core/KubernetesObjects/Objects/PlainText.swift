/// How YAML reads a text that stands there without quotes, where that is plain to see. Most texts are such, and asking
/// the library costs a row of regular expressions each.
enum PlainText {
    /// As itself.
    case text
    /// As a number, a truth value or nothing.
    case other
    /// The library has to be asked.
    case doubtful

    static func reading(of text: String) -> PlainText {
        let bytes = text.utf8
        guard let first = bytes.first else { return .other }
        if isLetter(first) { return bytes.count < 6 && readsOtherwise.contains(text) ? .other : .text }
        let second = bytes.dropFirst().first ?? 0
        switch first {
        // A path.
        case UInt8(ascii: "/"): return .text
        case UInt8(ascii: "."): return second == UInt8(ascii: "/") ? .text : .doubtful
        // An option of a command.
        case UInt8(ascii: "-"): return second == first || isLetter(second) ? .text : .doubtful
        case _ where isDigit(first):
            if bytes.allSatisfy(isDigit) { return .other }
            return isNoNumber(bytes) ? .text : .doubtful
        case _: return .doubtful
        }
    }

    /// Of a text that begins with a digit: neither a number nor a time, in YAML 1.1 and 1.2. `128Mi`, `30 3 * * *`, a
    /// digest.
    private static func isNoNumber(_ bytes: String.UTF8View) -> Bool {
        // Letters of digits are those of hexadecimal numbers, `0x1f`.
        let isHexadecimal = bytes.contains { $0 | 0x20 == UInt8(ascii: "x") }
        return bytes.contains { byte in
            switch byte {
            case _ where isDigit(byte): false
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ":"),
                UInt8(ascii: " "), UInt8(ascii: "\t"):
                false
            case _:
                switch byte | 0x20 {
                // 0b1, 1e3, 0o7, 0x1f, 2001-12-14T21:59:43Z
                case UInt8(ascii: "b"), UInt8(ascii: "e"), UInt8(ascii: "o"), UInt8(ascii: "t"), UInt8(ascii: "x"),
                    UInt8(ascii: "z"):
                    false
                case UInt8(ascii: "a")...UInt8(ascii: "f"): !isHexadecimal
                case _: true
                }
            }
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5a).contains(byte & 0xdf) }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    /// Words that YAML 1.1 takes for truth values, or for nothing; in other mixtures of cases they are words.
    private static let readsOtherwise = Set(
        ["true", "false", "yes", "no", "on", "off", "null"].flatMap {
            [$0, $0.uppercased(), $0.prefix(1).uppercased() + $0.dropFirst()]
        })
}
