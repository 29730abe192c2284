/// Reads JSON (RFC 8259) into a value whose maps keep the order of the text. A cluster's lists are long, and most of
/// what is in them is looked at once: one pass over the bytes, and no copy of them.
struct ObjectParser {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var place = 0
    /// How deep maps and lists may stand in each other.
    private static let depthLimit = 128

    /// - Returns: nil for what is no JSON, or more than one value.
    static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> ObjectValue? {
        var parser = ObjectParser(bytes: bytes)
        parser.skipSpace()
        guard let value = parser.value(depth: 0) else { return nil }
        parser.skipSpace()
        return parser.place == bytes.count ? value : nil
    }

    private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { place += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        place += 1
        return true
    }

    private mutating func take(_ word: StaticString) -> Bool {
        guard place + word.utf8CodeUnitCount <= bytes.count else { return false }
        for index in 0..<word.utf8CodeUnitCount where bytes[place + index] != word.utf8Start[index] { return false }
        place += word.utf8CodeUnitCount
        return true
    }

    private mutating func value(depth: Int) -> ObjectValue? {
        guard depth < Self.depthLimit, let byte = next else { return nil }
        switch byte {
        case UInt8(ascii: "{"): return map(depth: depth)
        case UInt8(ascii: "["): return list(depth: depth)
        case UInt8(ascii: "\""): return text().map { .text($0) }
        case UInt8(ascii: "t"): return take("true") ? .bool(true) : nil
        case UInt8(ascii: "f"): return take("false") ? .bool(false) : nil
        case UInt8(ascii: "n"): return take("null") ? .null : nil
        case _: return number()
        }
    }

    private mutating func map(depth: Int) -> ObjectValue? {
        place += 1
        var fields: [ObjectField] = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .map(fields) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\""), let key = text() else { return nil }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { return nil }
            skipSpace()
            guard let value = value(depth: depth + 1) else { return nil }
            fields.append(ObjectField(key, value))
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            return take(UInt8(ascii: "}")) ? .map(fields) : nil
        }
    }

    private mutating func list(depth: Int) -> ObjectValue? {
        place += 1
        var items: [ObjectValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .list(items) }
        while true {
            skipSpace()
            guard let value = value(depth: depth + 1) else { return nil }
            items.append(value)
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            return take(UInt8(ascii: "]")) ? .list(items) : nil
        }
    }

    private mutating func text() -> String? {
        place += 1
        let start = place
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { place += 1 }
        if next == UInt8(ascii: "\"") {
            defer { place += 1 }
            return String(validating: bytes[start..<place], as: UTF8.self)
        }
        var buffer = Array(bytes[start..<place])
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                place += 1
                return String(validating: buffer, as: UTF8.self)
            case UInt8(ascii: "\\"):
                place += 1
                guard let scalar = escape() else { return nil }
                buffer.append(contentsOf: String(scalar).utf8)
            case 0..<0x20: return nil
            case _:
                buffer.append(byte)
                place += 1
            }
        }
        return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
        guard let byte = next else { return nil }
        place += 1
        switch byte {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            guard let first = digits() else { return nil }
            guard (0xd800..<0xdc00).contains(first) else { return Unicode.Scalar(first) }
            guard take("\\u"), let second = digits(), (0xdc00..<0xe000).contains(second) else { return nil }
            return Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
        case _: return nil
        }
    }

    private mutating func digits() -> UInt32? {
        guard place + 4 <= bytes.count else { return nil }
        var value: UInt32 = 0
        for byte in bytes[place..<place + 4] {
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
            case 0x41...0x46: value = value << 4 | UInt32(byte - 0x37)
            case 0x61...0x66: value = value << 4 | UInt32(byte - 0x57)
            case _: return nil
            }
        }
        place += 4
        return value
    }

    private mutating func number() -> ObjectValue? {
        let start = place
        _ = take(UInt8(ascii: "-"))
        let first = place
        while let byte = next, (0x30...0x39).contains(byte) { place += 1 }
        guard place > first, bytes[first] != 0x30 || place == first + 1 else { return nil }
        var isWhole = true
        if take(UInt8(ascii: ".")) {
            isWhole = false
            let begin = place
            while let byte = next, (0x30...0x39).contains(byte) { place += 1 }
            guard place > begin else { return nil }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isWhole = false
            place += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { place += 1 }
            let begin = place
            while let byte = next, (0x30...0x39).contains(byte) { place += 1 }
            guard place > begin else { return nil }
        }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        if isWhole, let value = Int64(text) { return .number(value) }
        return Double(text).map { .fraction($0) }
    }
}

extension ObjectValue {
    /// Nil for what is no JSON.
    package init?(json bytes: [UInt8]) {
        guard let value = bytes.withUnsafeBufferPointer({ ObjectParser.parse($0) }) else { return nil }
        self = value
    }
}
