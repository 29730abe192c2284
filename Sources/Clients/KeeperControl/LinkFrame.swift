/// One message of the link between the keeper and a role.
///
/// Layout, little-endian: `UInt32` length of the body, `UInt16` kind, `UInt8` version, `UInt8` descriptors (0 or 1),
/// `UInt64` id, body. The id of a request is repeated by its reply and is 0 for events. A descriptor travels as
/// SCM_RIGHTS with the frame's first byte.
package struct LinkFrame: Equatable {
    package static let version: UInt8 = 1
    package static let headerLength = 16
    /// Largest body in bytes.
    package static let bodyLimit = 1 << 20

    package var kind: UInt16
    package var id: UInt64
    package var body: [UInt8]
    package var carriesDescriptor: Bool

    package init(kind: UInt16, id: UInt64, body: [UInt8], carriesDescriptor: Bool = false) {
        self.kind = kind
        self.id = id
        self.body = body
        self.carriesDescriptor = carriesDescriptor
    }

    package var encoded: [UInt8] {
        var writer = LinkWriter()
        writer.put(UInt32(body.count))
        writer.put(kind)
        writer.put(Self.version)
        writer.put(UInt8(carriesDescriptor ? 1 : 0))
        writer.put(id)
        return writer.bytes + body
    }
}

/// Cuts the byte stream of a link into frames.
package struct LinkFrameBuffer {
    private var bytes: [UInt8] = []
    private var offset = 0

    package init() {}

    package mutating func append(_ part: UnsafeRawBufferPointer) {
        if offset > 0 {
            bytes.removeFirst(offset)
            offset = 0
        }
        bytes.append(contentsOf: part)
    }

    /// The next whole frame, nil when more bytes are needed.
    package mutating func next() throws(LinkFault) -> LinkFrame? {
        guard bytes.count - offset >= LinkFrame.headerLength else { return nil }
        var header = LinkReader(Array(bytes[offset..<offset + LinkFrame.headerLength]))
        let length = Int(try header.integer(UInt32.self))
        let kind = try header.integer(UInt16.self)
        let version = try header.integer(UInt8.self)
        let descriptors = try header.integer(UInt8.self)
        let id = try header.integer(UInt64.self)
        guard version == LinkFrame.version else { throw .badVersion(version) }
        guard length <= LinkFrame.bodyLimit else { throw .tooLarge }
        guard descriptors <= 1 else { throw .badValue }
        let end = offset + LinkFrame.headerLength + length
        guard bytes.count >= end else { return nil }
        let body = Array(bytes[offset + LinkFrame.headerLength..<end])
        offset = end
        if offset == bytes.count {
            // A large frame's memory is given back, a small one's is kept.
            bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 16)
            offset = 0
        }
        return LinkFrame(kind: kind, id: id, body: body, carriesDescriptor: descriptors == 1)
    }
}
