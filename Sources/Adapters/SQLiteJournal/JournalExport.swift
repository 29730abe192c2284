package import Ports

import Domain
import GRDB

/// Entries of a journal, oldest first, page by page.
package struct JournalExport: AsyncSequence, Sendable {
    let reader: JournalReader
    let query: JournalQuery
    let unreadable: @Sendable (JournalProblem) -> Void

    package func makeAsyncIterator() -> Iterator { Iterator(export: self) }

    package struct Iterator: AsyncIteratorProtocol {
        private let export: JournalExport
        private var page: ArraySlice<StoredEntry> = []
        private var pages: EntryPages
        private var left: Int

        fileprivate init(export: JournalExport) {
            self.export = export
            left = export.query.limit
            pages = EntryPages(after: export.query.after ?? 0, before: export.query.before, path: export.reader.path)
        }

        /// - Throws: `PortError`; `CancellationError`.
        package mutating func next() async throws -> StoredEntry? {
            guard left > 0 else { return nil }
            while page.isEmpty, !pages.isAtEnd {
                let next = try await export.reader.read { [pages] db in try pages.next(db) }
                pages = next.rest
                for problem in next.problems { export.unreadable(problem) }
                page = try next.entries.compactMap(wanted)[...]
            }
            guard let entry = page.popFirst() else { return nil }
            left -= 1
            return entry
        }

        private func wanted(_ read: ReadEntry) throws -> StoredEntry? {
            guard case .row(let row) = read else { return nil }
            let query = export.query
            let link = row.link
            guard query.kinds.isEmpty || query.kinds.contains(where: { $0.rawValue == link.kind }),
                query.key == nil || query.key?.utf8.elementsEqual(link.key.utf8) == true
            else { return nil }
            if let environment = query.environment {
                guard environment.project == link.project, environment.name == link.environment else { return nil }
            }
            return try row.stored(path: export.reader.path)
        }
    }
}

/// One entry as it was read.
enum ReadEntry: Sendable {
    case row(EntryRow)
    /// The number of a malformed row.
    case malformed(Int64)
}

/// A walk over all entries in the order of their numbers, a bounded number at a time, that goes on behind pages of the
/// database that cannot be read.
struct EntryPages: Sendable {
    /// What one read gave.
    struct Page: Sendable {
        var entries: [ReadEntry] = []
        var problems: [JournalProblem] = []
        var rest: EntryPages
    }

    private(set) var after: Int64
    let before: Int64?
    let path: String
    private(set) var isAtEnd = false

    init(after: Int64, before: Int64?, path: String) {
        self.after = after
        self.before = before
        self.path = path
    }

    func next(_ db: Database) throws -> Page {
        var page = Page(rest: self)
        var bytes = 0
        let bound = try Self.largestNumber(db)
        do {
            let rows = try Row.fetchCursor(
                db, sql: "SELECT \(EntryRow.columns) FROM entries WHERE seq > ? AND seq < ? ORDER BY seq",
                arguments: [after, before ?? .max])
            while page.entries.count < JournalReader.pageEntries, bytes < JournalReader.pageBytes {
                guard let row = try rows.next() else {
                    page.rest.isAtEnd = true
                    return page
                }
                let number = EntryRow.integer(row, 0) ?? page.rest.after + 1
                guard number <= bound else {
                    page.problems.append(
                        JournalProblem(.unreadable, "there is an entry with the impossible number \(number)"))
                    continue
                }
                // A damaged index of pages can lead backwards.
                guard number > page.rest.after else { throw DatabaseError(resultCode: .SQLITE_CORRUPT) }
                page.rest.after = number
                if let entry = EntryRow(row) {
                    bytes += entry.body?.count ?? 0
                    page.entries.append(.row(entry))
                } else {
                    page.entries.append(.malformed(number))
                    page.problems.append(JournalProblem(.unreadable, sequence: number, "entry \(number) is malformed"))
                }
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT {
            try page.skipUnreadable(db, before: before, bound: bound)
        }
        return page
    }
}

extension EntryPages.Page {
    /// Finds the next entry that can be read, by asking for one number after the other.
    fileprivate mutating func skipUnreadable(_ db: Database, before: Int64?, bound: Int64) throws {
        let first = rest.after + 1
        let last = min(try Self.lastNumber(db) ?? bound, bound, (before ?? .max) - 1)
        var number = first
        var found: EntryRow?
        while number <= last, found == nil {
            do {
                found = try Row.fetchOne(db, sql: EntryRow.bySequence, arguments: [number]).flatMap(EntryRow.init)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT {}
            number += 1
        }
        // The entry found is taken along: a walk that fails again right before it must not come back to it for ever.
        if let found, found.link.sequence == number - 1 { entries.append(.row(found)) }
        let unreadable = found == nil ? number - 1 : number - 2
        if unreadable >= first {
            problems.append(
                JournalProblem(.unreadable, sequence: first, "entries \(first) to \(unreadable) cannot be read"))
        } else {
            problems.append(JournalProblem(.structure, sequence: first, "the way to entry \(first) is damaged"))
        }
        rest.skip(to: number - 1, isAtEnd: number > last)
    }

    /// The last number given out, as far as anything still tells: the highest of several answers, because any of them
    /// may be damaged. Nil when nothing does.
    private static func lastNumber(_ db: Database) throws -> Int64? {
        var highest: Int64?
        for sql in [
            "SELECT seq FROM sqlite_sequence WHERE name = 'entries'", "SELECT MAX(seq) FROM latest",
            "SELECT MAX(seq) FROM entries",
        ] {
            do {
                guard let value = try DatabaseValue.fetchOne(db, sql: sql), let number = Int64.fromDatabaseValue(value)
                else { continue }
                highest = max(highest ?? number, number)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT {}
        }
        return highest
    }
}

extension EntryPages {
    /// A number that no entry exceeds: numbers have no gaps, and each entry takes more than 64 bytes, which its two
    /// digests alone need. Keeps a damaged number from sending the walk astray.
    private static func largestNumber(_ db: Database) throws -> Int64 {
        let pages = try Int64.fetchOne(db, sql: "PRAGMA page_count") ?? 0
        let size = try Int64.fetchOne(db, sql: "PRAGMA page_size") ?? 0
        return pages * size / 64
    }

    fileprivate mutating func skip(to sequence: Int64, isAtEnd: Bool) {
        after = max(after, sequence)
        self.isAtEnd = isAtEnd
    }
}
