import GRDB
import Ports

extension JournalReader {
    /// Reads everything and says what is wrong: the file's structure, every link of the chain, every body, every gap,
    /// the checkpoints of compactions, the table of newest entries. Takes the time of reading the whole file; a
    /// supervisor may go on writing meanwhile, and what it adds is not looked at.
    ///
    /// The chain finds damage and tampering, but not an attacker who computes it anew from his change to the end:
    /// against that, note a report's `head` elsewhere and pass it here later.
    /// - Parameter noted: a head that an earlier `verify` gave.
    /// - Throws: `PortError` with code `storage` when the file cannot be read at all; damage is a result.
    package func verify(noted: ChainHead? = nil) async throws -> VerifyReport {
        let genesis = ChainLink.genesis(identity: about.identity)
        var report = VerifyReport(
            entries: 0, dropped: 0, first: nil, last: nil, head: ChainHead(sequence: 0, digest: genesis), problems: [],
            further: 0)
        let start = try await read { [path] db in Self.structure(db, path: path) }
        report.note(start.problems)
        var walk = ChainWalk(genesis: genesis)
        var pages = EntryPages(after: 0, before: start.last == .max ? nil : start.last + 1, path: path)
        var isNotedSeen = noted == nil || (noted?.sequence == 0 && noted?.digest == genesis)
        while !pages.isAtEnd {
            let page = try await read { [pages] db in try pages.next(db) }
            for entry in page.entries {
                switch entry {
                case .row(let row):
                    report.note(walk.see(row, at: row.link.sequence))
                    report.first = report.first ?? row.link.sequence
                    if walk.head == noted { isNotedSeen = true }
                case .malformed(let number):
                    _ = walk.see(nil, at: number)
                }
            }
            pages = page.rest
            report.note(page.problems)
            // Behind entries that cannot be read the chain starts anew.
            if pages.after > walk.head.sequence { walk.skip(to: pages.after) }
        }
        report.note(walk.ending())
        report.entries = walk.count
        report.dropped = walk.droppedCount
        report.last = walk.count == 0 ? nil : walk.head.sequence
        report.head = walk.head
        if !isNotedSeen, let noted {
            report.note([
                JournalProblem(
                    .head, sequence: noted.sequence,
                    "the head noted earlier is not part of this journal: entries up to \(noted.sequence) were replaced")
            ])
        }
        return report
    }

    /// What SQLite can say, with the number of the last entry to look at.
    private static func structure(_ db: Database, path: String) -> (last: Int64, problems: [JournalProblem]) {
        var problems: [JournalProblem] = []
        var last: Int64 = .max
        /// One question; what it cannot answer is a problem of its own.
        func ask(_ what: String, _ question: () throws -> Void) {
            do {
                try question()
            } catch {
                problems.append(JournalProblem(.structure, "\(what): \(error)"))
            }
        }
        ask("the file's structure") {
            for answer in try String.fetchAll(db, sql: "PRAGMA integrity_check(20)") where answer != "ok" {
                problems.append(JournalProblem(.structure, answer))
            }
        }
        ask("the journal's end") {
            let end = try JournalEnd.read(db)
            last = max(end.stored, end.counted)
            if end.stored != end.counted { problems.append(end.problem) }
        }
        ask("the newest entries") {
            let difference = try Int64.fetchOne(db, sql: latestDifference) ?? 0
            if difference > 0 {
                problems.append(
                    JournalProblem(.latest, "the table of newest entries is wrong about \(difference) keys"))
            }
        }
        return (last, problems)
    }

    /// Counts keys for which `latest` and the entries disagree, and newest entries whose body is gone.
    private static let latestDifference: String = {
        let states = EntryKind.allCases.filter(\.isState).map { String($0.rawValue) }.joined(separator: ", ")
        let newest = """
            SELECT kind, IFNULL(project, ''), IFNULL(environment, ''), key, MAX(seq) FROM entries
            WHERE kind IN (\(states)) GROUP BY 1, 2, 3, 4
            """
        let table = "SELECT kind, project, environment, key, seq FROM latest"
        return """
            SELECT (SELECT COUNT(*) FROM (\(newest) EXCEPT \(table))) + (SELECT COUNT(*) FROM (\(table) EXCEPT \(newest)))
                + (SELECT COUNT(*) FROM latest JOIN entries ON entries.seq = latest.seq WHERE entries.dropped > 0)
            """
    }()
}
