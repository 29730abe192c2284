import KubernetesObjects
import Ports

/// A page of the journal. The one called `head` is the only one that is ever written again, always under the
/// `resourceVersion` that was seen last: that one write is what makes an append durable, and it fails for whoever is
/// not the last to have written. A full head is copied to a page of its own first, and names it.
struct JournalPage: Sendable {
    static let head = "head"

    var name: String
    /// Of the journal; made up when it begins.
    var identity: String
    /// Which process wrote it last, and its how many-th write that was: an answer that was lost is found again by this.
    var writer: String
    var write: Int64
    /// The number of its first entry.
    var first: Int64
    /// How many entries it has.
    var count: Int64
    /// The page before; empty: none.
    var previous: String
    /// Every state up to this number stands in an object of its own.
    var projected: Int64
    /// Entries below this number are no longer kept, but for states.
    var floor: Int64
    var entries: [UInt8]
    /// `resourceVersion`; nil: it is not there yet.
    var version: String?

    init(identity: String, writer: String) {
        name = Self.head
        self.identity = identity
        self.writer = writer
        write = 0
        first = 1
        count = 0
        previous = ""
        projected = 0
        floor = 1
        entries = []
    }

    /// The number of its last entry; of the one before it, while it is empty.
    var last: Int64 { first + count - 1 }

    /// - Throws: `PortError` with code `incompatible` when it makes no sense.
    init(_ sheet: RecordSheet) throws(PortError) {
        guard let first = sheet.number("first"), let count = sheet.number("count"), first > 0, count >= 0 else {
            throw PageText.damaged(sheet.name)
        }
        name = sheet.name
        identity = sheet.text("identity")
        writer = sheet.text("writer")
        write = sheet.number("write") ?? 0
        self.first = first
        self.count = count
        previous = sheet.text("previous")
        projected = sheet.number("projected") ?? 0
        floor = sheet.number("floor") ?? 1
        entries = try PageText.bytes(sheet.text("entries"), page: sheet.name)
        version = sheet.version
    }

    var sheet: RecordSheet {
        var fixed = [
            ObjectField("identity", .text(identity)), ObjectField("writer", .text(writer)),
            ObjectField("write", .number(write)), ObjectField("first", .number(first)),
            ObjectField("count", .number(count)), ObjectField("previous", .text(previous)),
            ObjectField("projected", .number(projected)), ObjectField("floor", .number(floor)),
        ]
        // To Kubernetes an empty text is no base64.
        if !entries.isEmpty { fixed.append(ObjectField("entries", .text(PageText.text(entries)))) }
        return RecordSheet(.page, name: name, fixed: fixed, version: version)
    }

    /// Whether this is what the other was written as.
    func isWrite(of other: JournalPage) -> Bool {
        identity == other.identity && writer == other.writer && write == other.write
    }

    /// Its entries with their numbers.
    func stored() throws(PortError) -> [StoredEntry] {
        let entries = try PageText.entries(entries, page: name)
        guard entries.count == count else { throw PageText.damaged(name) }
        return entries.enumerated().map { StoredEntry(sequence: first + Int64($0.offset), entry: $0.element) }
    }
}
