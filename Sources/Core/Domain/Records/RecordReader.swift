/// Reads what `RecordWriter` wrote. Fields come in the order they were written; unknown ones are stepped over.
package struct RecordReader {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int
    private var kind: UInt64 = 0

    /// - Throws: `newer` when the version byte is above `known`.
    package init(_ bytes: [UInt8], known: UInt8) throws(RecordError) {
        guard let version = bytes.first else { throw .damaged }
        guard version <= known else { throw .newer(found: version, known: known) }
        self.bytes = bytes
        position = 1
        end = bytes.count
    }

    private init(_ bytes: [UInt8], from position: Int, to end: Int) {
        self.bytes = bytes
        self.position = position
        self.end = end
    }

    /// The tag of the next field, nil at the end. Its value must be read or skipped before the next call.
    package mutating func next() throws(RecordError) -> Int? {
        guard position < end else { return nil }
        let head = try raw()
        kind = head & 3
        return Int(head >> 2)
    }

    package mutating func skip() throws(RecordError) {
        switch kind {
        case 0: _ = try raw()
        case 1:
            let length = try raw()
            try advance(length)
        case 2:
            let length = try fixedLength()
            try advance(UInt64(length))
        case _: throw .damaged
        }
    }

    package mutating func int64() throws(RecordError) -> Int64 {
        guard kind == 0 else { throw .damaged }
        let value = try raw()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    package mutating func int() throws(RecordError) -> Int { Int(try int64()) }
    package mutating func uint64() throws(RecordError) -> UInt64 { UInt64(bitPattern: try int64()) }
    package mutating func bool() throws(RecordError) -> Bool { try int64() != 0 }
    package mutating func span() throws(RecordError) -> Span { Span(milliseconds: try int64()) }

    package mutating func byte() throws(RecordError) -> UInt8 {
        guard let value = UInt8(exactly: try int64()) else { throw .damaged }
        return value
    }

    package mutating func data() throws(RecordError) -> [UInt8] {
        guard kind == 1 else { throw .damaged }
        let length = try raw()
        let start = position
        try advance(length)
        return Array(bytes[start..<position])
    }

    package mutating func text() throws(RecordError) -> String {
        guard kind == 1 else { throw .damaged }
        let length = try raw()
        let start = position
        try advance(length)
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    package mutating func moment() throws(RecordError) -> Moment {
        var reader = try nested()
        var moment = Moment(wall: 0, boot: 0, bootID: 0)
        while let tag = try reader.next() {
            switch tag {
            case 1: moment.wall = try reader.int64()
            case 2: moment.boot = try reader.int64()
            case 3: moment.bootID = try reader.uint64()
            case _: try reader.skip()
            }
        }
        return moment
    }

    package mutating func digest() throws(RecordError) -> ContentDigest {
        let reader = try nested()
        guard reader.end - reader.position == 32 else { throw .damaged }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        for index in 0..<8 {
            words.0 = words.0 << 8 | UInt64(bytes[reader.position + index])
            words.1 = words.1 << 8 | UInt64(bytes[reader.position + 8 + index])
            words.2 = words.2 << 8 | UInt64(bytes[reader.position + 16 + index])
            words.3 = words.3 << 8 | UInt64(bytes[reader.position + 24 + index])
        }
        return ContentDigest(words: words)
    }

    package mutating func record<Value: RecordCodable>(_: Value.Type = Value.self) throws(RecordError) -> Value {
        var reader = try nested()
        return try Value(from: &reader)
    }

    private mutating func nested() throws(RecordError) -> RecordReader {
        guard kind == 2 else { throw .damaged }
        let length = try fixedLength()
        let start = position
        try advance(UInt64(length))
        return RecordReader(bytes, from: start, to: position)
    }

    private mutating func fixedLength() throws(RecordError) -> Int {
        guard position + 4 <= end else { throw .damaged }
        var length = 0
        for index in 0..<4 { length |= Int(bytes[position + index]) << (8 * index) }
        position += 4
        return length
    }

    private mutating func advance(_ length: UInt64) throws(RecordError) {
        guard length <= UInt64(end - position) else { throw .damaged }
        position += Int(length)
    }

    private mutating func raw() throws(RecordError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end, shift < 64 {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw .damaged
    }
}
