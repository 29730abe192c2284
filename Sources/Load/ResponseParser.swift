import Glibc

/// Reads answers of HTTP/1.1 out of raw bytes, one after the other, and keeps none of the body.
///
/// The usual answer comes in one piece and is read in place. Only a line or a head that is cut off by the end of the
/// bytes is kept until the rest comes. What parsers disagree about (RFC 9112: both lengths, odd line ends, a space
/// before the colon, folded lines) is malformed: a load generator that repairs answers hides the server's mistakes.
struct ResponseParser {
    enum Progress: Hashable {
        case incomplete
        case complete
        case malformed(String)
    }

    /// Takes the fields that the connection cares about while a head is read. The bytes live for the call only.
    protocol Sink: AnyObject {
        func takeGroup(_ value: UnsafeRawBufferPointer)
        func takeSetCookie(_ value: UnsafeRawBufferPointer)
        /// A field that somebody asked for, by its place in `Interest.fields`.
        func takeField(_ index: Int, _ value: UnsafeRawBufferPointer)
        /// The next piece of the body, when it was asked for.
        func takeBody(_ bytes: UnsafeRawBufferPointer)
    }

    /// What to look for besides framing.
    struct Interest {
        /// In lower case; empty when answers are not grouped.
        var group: [UInt8]
        var cookies: Bool
        /// Further fields, in lower case.
        var fields: [[UInt8]] = []
        var body = false
    }

    static let maxHead = 65_536
    static let maxLine = 4096

    private enum State {
        case head
        case body(remaining: Int)
        case untilClose
        case chunkSize
        case chunkData(remaining: Int)
        case chunkEnd
        case trailers
        case done
    }

    private var interest: Interest
    private var bodyless: Bool
    private var state: State = .head
    private var kept: [UInt8] = []
    private var scanned = 0
    private var trailerBytes = 0
    /// The status of the answer, once its head was read.
    private(set) var status = 0
    /// Whether the connection may be used again after this answer.
    private(set) var keepAlive = true
    /// Whether any byte of this answer has come.
    private(set) var started = false

    /// - Parameter bodyless: answers have no body whatever their fields say: the request is a `HEAD`.
    init(interest: Interest, bodyless: Bool) {
        self.interest = interest
        self.bodyless = bodyless
    }

    /// Looks for other things in the answers that follow.
    mutating func expect(fields: [[UInt8]], body: Bool, bodyless: Bool) {
        interest.fields = fields
        interest.body = body
        self.bodyless = bodyless
    }

    /// Makes ready for the next answer on the same connection.
    mutating func reset() {
        state = .head
        started = false
        scanned = 0
        trailerBytes = 0
        if !kept.isEmpty { kept.removeAll(keepingCapacity: true) }
    }

    /// Takes the next bytes of the connection.
    mutating func consume(_ bytes: UnsafeRawBufferPointer, sink: some Sink) -> Progress {
        guard !bytes.isEmpty else { return .incomplete }
        started = true
        if kept.isEmpty {
            var used = 0
            let progress = advance(bytes, &used, sink)
            if case .incomplete = progress, used < bytes.count { kept.append(contentsOf: bytes[used...]) }
            return progress
        }
        kept.append(contentsOf: bytes)
        var joined: [UInt8] = []
        swap(&joined, &kept)
        var used = 0
        let progress = joined.withUnsafeBytes { advance($0, &used, sink) }
        if case .incomplete = progress {
            if used > 0 { joined.removeFirst(used) }
            swap(&joined, &kept)
        }
        return progress
    }

    /// The peer has closed: complete when that is what ends the body.
    mutating func finish() -> Progress {
        if case .untilClose = state {
            state = .done
            return .complete
        }
        return .incomplete
    }

    private mutating func advance(
        _ bytes: UnsafeRawBufferPointer, _ used: inout Int, _ sink: some Sink
    ) -> Progress {
        while true {
            switch state {
            case .head:
                switch headEnd(bytes, from: used) {
                case .none: return .incomplete
                case .tooLong: return .malformed("the head is longer than \(Self.maxHead) bytes")
                case .bareLineFeed: return .malformed("a line of the head ends in LF without CR")
                case .at(let end):
                    let head = UnsafeRawBufferPointer(rebasing: bytes[used..<end])
                    used = end
                    scanned = 0
                    if let problem = readHead(head, sink) { return .malformed(problem) }
                }
            case .body(let remaining):
                let taken = min(remaining, bytes.count - used)
                if interest.body { pass(bytes, used, taken, sink) }
                used += taken
                guard taken == remaining else {
                    state = .body(remaining: remaining - taken)
                    return .incomplete
                }
                state = .done
            case .untilClose:
                if interest.body { pass(bytes, used, bytes.count - used, sink) }
                used = bytes.count
                return .incomplete
            case .chunkData(let remaining):
                let taken = min(remaining, bytes.count - used)
                if interest.body { pass(bytes, used, taken, sink) }
                used += taken
                guard taken == remaining else {
                    state = .chunkData(remaining: remaining - taken)
                    return .incomplete
                }
                state = .chunkEnd
            case .chunkSize, .chunkEnd, .trailers:
                switch line(bytes, from: used) {
                case .none: return .incomplete
                case .tooLong: return .malformed("a line of the chunked body is longer than \(Self.maxLine) bytes")
                case .bareLineFeed: return .malformed("a line of the chunked body ends in LF without CR")
                case .at(let end):
                    let text = UnsafeRawBufferPointer(rebasing: bytes[used..<(end - 2)])
                    used = end
                    if let problem = readChunkLine(text) { return .malformed(problem) }
                }
            case .done:
                guard used == bytes.count else { return .malformed("bytes follow the end of the answer") }
                return .complete
            }
        }
    }

    private func pass(_ bytes: UnsafeRawBufferPointer, _ from: Int, _ count: Int, _ sink: some Sink) {
        if count > 0 { sink.takeBody(UnsafeRawBufferPointer(rebasing: bytes[from..<(from + count)])) }
    }

    private enum End {
        case none
        case at(Int)
        case bareLineFeed
        case tooLong
    }

    /// Finds the empty line that ends a head; remembers how far it looked, so that a trickle stays linear.
    private mutating func headEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> End {
        var at = start + scanned
        while let lineFeed = Self.find(0x0A, in: bytes, from: at) {
            guard lineFeed > start, bytes[lineFeed - 1] == 0x0D else { return .bareLineFeed }
            if lineFeed - start >= 3, bytes[lineFeed - 2] == 0x0A { return .at(lineFeed + 1) }
            at = lineFeed + 1
        }
        scanned = bytes.count - start
        return scanned > Self.maxHead ? .tooLong : .none
    }

    private func line(_ bytes: UnsafeRawBufferPointer, from start: Int) -> End {
        guard let lineFeed = Self.find(0x0A, in: bytes, from: start) else {
            return bytes.count - start > Self.maxLine ? .tooLong : .none
        }
        guard lineFeed > start, bytes[lineFeed - 1] == 0x0D else { return .bareLineFeed }
        return .at(lineFeed + 1)
    }

    static func find(_ byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard start < bytes.count, let base = bytes.baseAddress,
            let found = memchr(base + start, Int32(byte), bytes.count - start)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }

    /// Reads a whole head and decides how its body ends. Returns what is wrong with it.
    private mutating func readHead(_ head: UnsafeRawBufferPointer, _ sink: some Sink) -> String? {
        guard let line = StatusLine(head) else { return "the status line is not 'HTTP/1.x NNN'" }
        var fields = FramingFields(keepAlive: line.minor == 1)
        var at = line.end
        while at < head.count - 2 {
            guard let lineFeed = Self.find(0x0A, in: head, from: at) else { return "a line of the head has no end" }
            let text = UnsafeRawBufferPointer(rebasing: head[at..<(lineFeed - 1)])
            guard let colon = Self.find(UInt8(ascii: ":"), in: text, from: 0), colon > 0 else {
                return "a line of the head has no field name"
            }
            guard text[0] > 0x20, text[colon - 1] > 0x20 else { return "a field name has spaces around it" }
            if let problem = readField(text, colon, &fields, sink) { return problem }
            at = lineFeed + 1
        }
        if line.status < 200 {
            guard line.status != 101 else { return "the connection was upgraded, which nobody asked for" }
            return nil  // An interim answer: the state stays `.head` and the next head is read.
        }
        status = line.status
        return decideBody(fields, minor: line.minor)
    }

    private mutating func readField(
        _ text: UnsafeRawBufferPointer, _ colon: Int, _ fields: inout FramingFields, _ sink: some Sink
    ) -> String? {
        switch colon {
        case 10 where text.startsAs("connection"):
            fields.takeConnection(text.trimmedValue(after: colon))
        case 10 where interest.cookies && text.startsAs("set-cookie"):
            sink.takeSetCookie(text.trimmedValue(after: colon))
        case 14 where text.startsAs("content-length"):
            return fields.takeLength(text.trimmedValue(after: colon))
        case 17 where text.startsAs("transfer-encoding"):
            fields.takeCoding(text.trimmedValue(after: colon))
        default:
            break
        }
        if colon == interest.group.count, interest.group.withUnsafeBytes({ text.startsAs($0) }) {
            sink.takeGroup(text.trimmedValue(after: colon))
        }
        if !interest.fields.isEmpty {
            for (index, name) in interest.fields.enumerated()
            where colon == name.count && name.withUnsafeBytes({ text.startsAs($0) }) {
                sink.takeField(index, text.trimmedValue(after: colon))
            }
        }
        return nil
    }

    private mutating func decideBody(_ fields: FramingFields, minor: Int) -> String? {
        keepAlive = fields.keepAlive
        if fields.coded, fields.length != nil { return "both Content-Length and Transfer-Encoding are there" }
        if fields.coded, minor == 0 { return "Transfer-Encoding in an HTTP/1.0 answer" }
        if bodyless || status == 204 || status == 304 {
            state = .done
        } else if fields.coded {
            state = fields.chunked ? .chunkSize : .untilClose
        } else if let length = fields.length {
            state = length == 0 ? .done : .body(remaining: length)
        } else {
            state = .untilClose
        }
        if case .untilClose = state { keepAlive = false }
        return nil
    }

    private mutating func readChunkLine(_ text: UnsafeRawBufferPointer) -> String? {
        if case .chunkEnd = state {
            state = .chunkSize
            return text.isEmpty ? nil : "a chunk is longer than its size says"
        }
        if case .trailers = state {
            trailerBytes += text.count
            if trailerBytes > Self.maxHead { return "the trailers are longer than \(Self.maxHead) bytes" }
            if text.isEmpty { state = .done }
            return nil
        }
        var size = 0
        var digits = 0
        for byte in text {
            guard let digit = Self.hexDigit(byte) else { break }
            digits += 1
            guard digits <= 15 else { return "a chunk size has more than 15 digits" }
            size = size << 4 | digit
        }
        guard digits > 0, digits == text.count || text[digits] == UInt8(ascii: ";") || text[digits] == 0x20 else {
            return "a chunk size is not hexadecimal"
        }
        state = size == 0 ? .trailers : .chunkData(remaining: size)
        return nil
    }

    private static func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte) - 0x30
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte) - 0x57
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte) - 0x37
        default: nil
        }
    }
}
