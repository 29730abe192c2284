/// That an environment was given to another Slipway, or taken over from one. Whoever has given one drives it no longer.
package struct HandoverRecord: Hashable, Sendable, RecordCodable {
    package static let version: UInt8 = 1

    package var isGiven: Bool
    /// How the one who has given it signs what it writes to clusters.
    package var owner: String
    package var by: String

    package init(isGiven: Bool, owner: String, by: String) {
        self.isGiven = isGiven
        self.owner = owner
        self.by = by
    }

    package func encode(into writer: inout RecordWriter) {
        writer.put(1, isGiven)
        writer.put(2, owner)
        writer.put(3, by)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(isGiven: false, owner: "", by: "")
        while let tag = try reader.next() {
            switch tag {
            case 1: isGiven = try reader.bool()
            case 2: owner = try reader.text()
            case 3: by = try reader.text()
            case _: try reader.skip()
            }
        }
    }
}
