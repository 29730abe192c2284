/// The byte classes of RFC 9110 and 9112, as arithmetic on constants: no tables to load, no branches to miss.
enum ByteClass {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let colon = UInt8(ascii: ":")
    static let comma = UInt8(ascii: ",")
    static let semicolon = UInt8(ascii: ";")
    static let slash = UInt8(ascii: "/")

    /// The token characters below 64: `!#$%&'*+-.` and the digits.
    private static let tokenLow: UInt64 = bits("!#$%&'*+-.0123456789", from: 0)
    /// The token characters from 64: letters and `^_`|~`.
    private static let tokenHigh: UInt64 = bits("ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~", from: 64)

    private static func bits(_ characters: StaticString, from base: UInt8) -> UInt64 {
        var mask: UInt64 = 0
        characters.withUTF8Buffer { buffer in
            for byte in buffer { mask |= 1 << UInt64(byte - base) }
        }
        return mask
    }

    /// `tchar` of RFC 9110: what names and methods are made of.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        // The values of `tokenLow` and `tokenHigh`, spelled out: a lazy static would cost a call for each byte.
        let low: UInt64 = 0x03ff_6cfa_0000_0000
        let high: UInt64 = 0x57ff_ffff_c7ff_fffe
        let mask = byte < 64 ? low : high
        return byte < 128 && (mask >> UInt64(byte & 63)) & 1 == 1
    }

    /// Whether the spelled-out masks are those of the character lists; asked by a test.
    static var masksAgree: Bool {
        (0...255).allSatisfy { number in
            let byte = UInt8(number)
            let mask = byte < 64 ? tokenLow : tokenHigh
            return isToken(byte) == (byte < 128 && (mask >> UInt64(byte & 63)) & 1 == 1)
        }
    }

    /// `SP / HTAB`.
    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// The value of a hexadecimal digit, or nil.
    @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt64? {
        if byte &- 0x30 < 10 { return UInt64(byte &- 0x30) }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? UInt64(letter &+ 10) : nil
    }

    @inline(__always)
    static func lower(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    /// The length of the run from `start` that holds no control character but HTAB: what a field value is made of.
    /// Eight bytes at a time.
    @inline(__always)
    static func valueEnd(_ bytes: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while true {
            while index &+ 8 <= end {
                let word = UnsafeRawPointer(bytes + index).loadUnaligned(as: UInt64.self)
                if holdsControl(word) { break }
                index &+= 8
            }
            let stop = min(index &+ 8, end)
            while index < stop {
                let byte = bytes[index]
                if (byte < 0x20 && byte != tab) || byte == 0x7f { return index }
                index &+= 1
            }
            if index == end { return end }
        }
    }

    /// Whether one of eight bytes is below 0x20 or is 0x7f (Bit Twiddling Hacks, "hasless" and "haszero").
    @inline(__always)
    private static func holdsControl(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let below = (word &- ones &* 0x20) & ~word & tops
        let delete = word ^ (ones &* 0x7f)
        return (below | ((delete &- ones) & ~delete & tops)) != 0
    }

    /// Whether `count` bytes equal a lower-case name, ignoring case.
    @inline(__always)
    static func equals(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ name: StaticString) -> Bool {
        guard count == name.utf8CodeUnitCount else { return false }
        let other = name.utf8Start
        var index = 0
        while index < count {
            if lower(bytes[index]) != other[index] { return false }
            index &+= 1
        }
        return true
    }

    /// Whether `count` bytes equal an array of lower-case bytes, ignoring case.
    static func equals(_ bytes: UnsafePointer<UInt8>, _ count: Int, lowercased other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        return other.withUnsafeBufferPointer { other in
            for index in 0..<count where lower(bytes[index]) != other[index] { return false }
            return true
        }
    }
}
