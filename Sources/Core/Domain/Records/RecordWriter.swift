/// Writes records: a version byte, then tagged fields in the manner of Protocol Buffers' wire format, so that a later
/// binary can add fields and an earlier one can step over those that it does not know.
///
/// A field starts with a varint `tag << 2 | kind`; kinds are 0 varint (zigzag), 1 bytes (varint length), 2 nested
/// (four bytes of little-endian length, filled in afterwards so that nothing is copied).
package struct RecordWriter {
    package private(set) var bytes: [UInt8]

    /// - Parameter version: of the record's shape; readers refuse versions that they do not know.
    package init(version: UInt8, capacity: Int = 256) {
        bytes = []
        bytes.reserveCapacity(capacity)
        bytes.append(version)
    }

    package mutating func put(_ tag: Int, _ value: Int64) {
        putRaw(UInt64(tag) << 2)
        putRaw(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    package mutating func put(_ tag: Int, _ value: Int) { put(tag, Int64(value)) }
    package mutating func put(_ tag: Int, _ value: UInt64) { put(tag, Int64(bitPattern: value)) }
    package mutating func put(_ tag: Int, _ value: Span) { put(tag, value.milliseconds) }
    /// Only truth is written: absence is false.
    package mutating func put(_ tag: Int, _ value: Bool) { if value { put(tag, Int64(1)) } }

    /// Only a text with characters is written: absence is the empty text.
    package mutating func put(_ tag: Int, _ text: String) {
        guard !text.isEmpty else { return }
        putRaw(UInt64(tag) << 2 | 1)
        putRaw(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    package mutating func put(_ tag: Int, _ value: [UInt8]) {
        putRaw(UInt64(tag) << 2 | 1)
        putRaw(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    package mutating func put(_ tag: Int, _ moment: Moment) {
        nest(tag) { writer in
            writer.put(1, moment.wall)
            writer.put(2, moment.boot)
            writer.put(3, moment.bootID)
        }
    }

    package mutating func put(_ tag: Int, _ digest: ContentDigest) {
        nest(tag) { writer in
            writer.putWord(digest.words.0)
            writer.putWord(digest.words.1)
            writer.putWord(digest.words.2)
            writer.putWord(digest.words.3)
        }
    }

    package mutating func put(_ tag: Int, _ record: some RecordCodable) {
        nest(tag) { record.encode(into: &$0) }
    }

    package mutating func put(_ tag: Int, _ records: [some RecordCodable]) {
        for record in records { put(tag, record) }
    }

    private mutating func nest(_ tag: Int, _ body: (inout RecordWriter) -> Void) {
        putRaw(UInt64(tag) << 2 | 2)
        let place = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: 4))
        body(&self)
        let length = bytes.count - place - 4
        for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: length >> (8 * index)) }
    }

    /// Eight bytes, the highest first.
    private mutating func putWord(_ word: UInt64) {
        for byte in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * byte))) }
    }

    private mutating func putRaw(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// A value with a place in the journal.
package protocol RecordCodable {
    func encode(into writer: inout RecordWriter)
    init(from reader: inout RecordReader) throws(RecordError)
}

/// Why a record cannot be read.
package enum RecordError: Error, Hashable, Sendable {
    /// The bytes end too early or are not a record at all.
    case damaged
    /// Written by a later version: `found` is newer than `known`.
    case newer(found: UInt8, known: UInt8)
    /// A field that must be there is not.
    case missing(String)
}
