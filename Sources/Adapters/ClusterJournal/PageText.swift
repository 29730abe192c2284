import Domain
import FoundationEssentials
import Ports

/// Entries as the bytes of a page: each in the record codec, after its length in four bytes, the lowest first.
enum PageText {
    private static let version: UInt8 = 1

    static func bytes(of entries: [JournalEntry]) -> [UInt8] {
        var bytes: [UInt8] = []
        for entry in entries {
            var writer = RecordWriter(version: version, capacity: entry.body.count + entry.key.utf8.count + 64)
            writer.put(1, Int(entry.kind.rawValue))
            writer.put(2, entry.environment?.project ?? "")
            writer.put(3, entry.environment?.name ?? "")
            writer.put(4, entry.key)
            writer.put(5, entry.at)
            writer.put(6, entry.body)
            let count = writer.bytes.count
            for index in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: count >> (8 * index))) }
            bytes += writer.bytes
        }
        return bytes
    }

    /// - Throws: `PortError` with code `incompatible` for bytes that no journal of this version has written.
    static func entries(_ bytes: [UInt8], page: String) throws(PortError) -> [JournalEntry] {
        var entries: [JournalEntry] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard rest.count >= 4 else { throw damaged(page) }
            let count = rest.prefix(4).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
            rest = rest.dropFirst(4)
            guard rest.count >= count else { throw damaged(page) }
            do throws(RecordError) {
                entries.append(try entry(Array(rest.prefix(count))))
            } catch {
                throw damaged(page)
            }
            rest = rest.dropFirst(count)
        }
        return entries
    }

    private static func entry(_ bytes: [UInt8]) throws(RecordError) -> JournalEntry {
        var reader = try RecordReader(bytes, known: version)
        var kind: EntryKind?
        var (project, environment) = ("", "")
        var entry = JournalEntry(kind: .event, environment: nil, key: "", at: 0, body: [])
        while let tag = try reader.next() {
            switch tag {
            case 1: kind = EntryKind(rawValue: UInt8(truncatingIfNeeded: try reader.int()))
            case 2: project = try reader.text()
            case 3: environment = try reader.text()
            case 4: entry.key = try reader.text()
            case 5: entry.at = try reader.int64()
            case 6: entry.body = try reader.data()
            case _: try reader.skip()
            }
        }
        guard let kind else { throw .missing("the kind of an entry") }
        entry.kind = kind
        if !project.isEmpty { entry.environment = EnvironmentID(project: project, name: environment) }
        return entry
    }

    static func damaged(_ page: String) -> PortError {
        PortError(
            .incompatible, "the page \(page) of the journal in the cluster cannot be read",
            hint: "was it written by a later version, or by hand?")
    }

    static func text(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    /// - Throws: `PortError` with code `incompatible` for a text that is no base64.
    static func bytes(_ text: String, page: String) throws(PortError) -> [UInt8] {
        guard let data = Data(base64Encoded: text) else { throw damaged(page) }
        return [UInt8](data)
    }
}
