/// Why bytes from the other end of a link could not be understood. A link that carries such bytes is closed.
package enum LinkFault: Error, Equatable {
    case truncated
    case trailingBytes
    case tooLarge
    case badText
    case badValue
    case badVersion(UInt8)
    case missingDescriptor
}

/// Appends fields in the link's fixed layout: integers little-endian, texts and lists with a `UInt32` count before
/// them.
package struct LinkWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func put(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    package mutating func put(_ value: Bool) {
        bytes.append(value ? 1 : 0)
    }

    package mutating func put(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            put(UInt32(utf8.count))
            bytes.append(contentsOf: utf8)
        }
    }

    package mutating func put<Element>(_ list: [Element], _ each: (inout LinkWriter, Element) -> Void) {
        put(UInt32(list.count))
        for element in list { each(&self, element) }
    }

    package mutating func put<Value>(_ value: Value?, _ some: (inout LinkWriter, Value) -> Void) {
        put(value != nil)
        if let value { some(&self, value) }
    }
}

/// Reads fields in the link's fixed layout. Never reads past the end, never trusts a count.
package struct LinkReader {
    private let bytes: [UInt8]
    private var offset = 0

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    package mutating func integer<Value: FixedWidthInteger>(
        _ type: Value.Type = Value.self
    ) throws(LinkFault) -> Value {
        let size = MemoryLayout<Value>.size
        guard bytes.count - offset >= size else { throw .truncated }
        let value = bytes.withUnsafeBytes {
            Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self))
        }
        offset += size
        return value
    }

    package mutating func flag() throws(LinkFault) -> Bool {
        switch try integer(UInt8.self) {
        case 0: return false
        case 1: return true
        case _: throw .badValue
        }
    }

    /// A text in UTF-8 without NUL, so that it can be handed to the system as it is.
    package mutating func text() throws(LinkFault) -> String {
        let count = try size()
        let slice = bytes[offset..<offset + count]
        guard !slice.contains(0), let text = String(validating: slice, as: UTF8.self) else { throw .badText }
        offset += count
        return text
    }

    package mutating func list<Element>(
        _ each: (inout LinkReader) throws(LinkFault) -> Element
    ) throws(LinkFault) -> [Element] {
        // An element takes a byte at least, so a count beyond the rest is a lie and reserves nothing.
        let count = try size()
        var elements: [Element] = []
        for _ in 0..<count { elements.append(try each(&self)) }
        return elements
    }

    package mutating func optional<Value>(
        _ some: (inout LinkReader) throws(LinkFault) -> Value
    ) throws(LinkFault) -> Value? {
        try flag() ? try some(&self) : nil
    }

    /// Every byte has to be used: what is left over is not what we think it is.
    package func finish() throws(LinkFault) {
        guard offset == bytes.count else { throw .trailingBytes }
    }

    private mutating func size() throws(LinkFault) -> Int {
        let count = Int(try integer(UInt32.self))
        guard count <= bytes.count - offset else { throw .truncated }
        return count
    }
}
