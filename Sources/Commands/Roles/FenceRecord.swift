import Domain

/// The fence in the journal: counted up at every start.
struct FenceRecord: RecordCodable {
    static let version: UInt8 = 1

    var fence: UInt64
    var pid: Int
    /// Of the binary.
    var release: String

    init(fence: UInt64, pid: Int, version: String) {
        self.fence = fence
        self.pid = pid
        release = version
    }

    func encode(into writer: inout RecordWriter) {
        writer.put(1, fence)
        writer.put(2, pid)
        writer.put(3, release)
    }

    init(from reader: inout RecordReader) throws(RecordError) {
        self.init(fence: 0, pid: 0, version: "")
        while let tag = try reader.next() {
            switch tag {
            case 1: fence = try reader.uint64()
            case 2: pid = try reader.int()
            case 3: release = try reader.text()
            case _: try reader.skip()
            }
        }
    }
}
