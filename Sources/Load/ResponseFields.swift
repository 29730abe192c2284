/// The first line of an answer, taken apart.
struct StatusLine {
    let minor: Int
    let status: Int
    /// Where the next line begins.
    let end: Int

    /// nil when it is not `HTTP/1.0` or `HTTP/1.1` with a status from 100 to 599. The bytes end in an empty line.
    init?(_ head: UnsafeRawBufferPointer) {
        guard head.count >= 16, head.startsExactly("HTTP/1."), head[8] == 0x20 else { return nil }
        let minor = Int(head[7]) - 0x30
        let digits = (Int(head[9]) - 0x30, Int(head[10]) - 0x30, Int(head[11]) - 0x30)
        guard (0...1).contains(minor), (1...5).contains(digits.0), (0...9).contains(digits.1),
            (0...9).contains(digits.2), head[12] == 0x20 || head[12] == 0x0D,
            let lineFeed = ResponseParser.find(0x0A, in: head, from: 12)
        else { return nil }
        self.minor = minor
        self.status = digits.0 * 100 + digits.1 * 10 + digits.2
        self.end = lineFeed + 1
    }
}

/// The fields of a head that say where its body ends.
struct FramingFields {
    private(set) var keepAlive: Bool
    private(set) var length: Int?
    /// There was a `Transfer-Encoding`, whatever it said.
    private(set) var coded = false
    /// Its last coding is `chunked`.
    private(set) var chunked = false

    init(keepAlive: Bool) {
        self.keepAlive = keepAlive
    }

    mutating func takeConnection(_ value: UnsafeRawBufferPointer) {
        // The two usual values first: they need no splitting.
        if value.count == 10, value.startsAs("keep-alive") {
            keepAlive = true
        } else if value.count == 5, value.startsAs("close") {
            keepAlive = false
        } else {
            for token in value.split(separator: UInt8(ascii: ",")) {
                let bytes = UnsafeRawBufferPointer(rebasing: token).trimmed()
                if bytes.count == 5, bytes.startsAs("close") { keepAlive = false }
                if bytes.count == 10, bytes.startsAs("keep-alive") { keepAlive = true }
            }
        }
    }

    mutating func takeLength(_ value: UnsafeRawBufferPointer) -> String? {
        guard (1...18).contains(value.count) else { return "Content-Length is not a number" }
        var number = 0
        for byte in value {
            guard byte >= 0x30, byte <= 0x39 else { return "Content-Length is not a number" }
            number = number * 10 + Int(byte - 0x30)
        }
        if let length, length != number { return "two values of Content-Length contradict each other" }
        length = number
        return nil
    }

    mutating func takeCoding(_ value: UnsafeRawBufferPointer) {
        coded = true
        let last = value.lastIndex(of: UInt8(ascii: ",")).map { value.index(after: $0) } ?? value.startIndex
        let coding = UnsafeRawBufferPointer(rebasing: value[last...]).trimmed()
        chunked = coding.count == 7 && coding.startsAs("chunked")
    }
}

extension UnsafeRawBufferPointer {
    /// Whether the bytes begin with a text in lower case, whatever their own case.
    @inline(__always)
    func startsAs(_ text: StaticString) -> Bool {
        startsAs(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    func startsAs(_ text: UnsafeRawBufferPointer) -> Bool {
        guard count >= text.count else { return false }
        for index in 0..<text.count where self[index] | 0x20 != text[index] | 0x20 { return false }
        return true
    }

    func startsExactly(_ text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount where self[index] != text.utf8Start[index] { return false }
        return true
    }

    func trimmed() -> UnsafeRawBufferPointer {
        var low = 0
        var high = count
        while low < high, self[low] == 0x20 || self[low] == 0x09 { low += 1 }
        while high > low, self[high - 1] == 0x20 || self[high - 1] == 0x09 { high -= 1 }
        return UnsafeRawBufferPointer(rebasing: self[low..<high])
    }

    func trimmedValue(after colon: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[(colon + 1)...]).trimmed()
    }
}
