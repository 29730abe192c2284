import Domain
import FoundationEssentials
import GRDB
import Ports

/// One row of `entries`, read without trusting it: a damaged page may hold any type in any column.
struct EntryRow {
    static let columns = "entries.seq, kind, project, environment, key, at, dropped, digest, chain, body"
    static let bySequence = "SELECT \(columns) FROM entries WHERE seq = ?"

    var link: ChainLink
    /// The checkpoint that allowed the body to go; 0: it is there.
    var dropped: Int64
    var chain: [UInt8]
    var body: [UInt8]?

    /// Nil when a column has not the type that it must have.
    init?(_ row: Row) {
        guard let sequence = Self.integer(row, 0), let kind = Self.integer(row, 1).flatMap({ UInt8(exactly: $0) }),
            let key = Self.text(row, 4), let at = Self.integer(row, 5), let dropped = Self.integer(row, 6),
            let digest = Self.bytes(row, 7), let chain = Self.bytes(row, 8)
        else { return nil }
        let project = Self.text(row, 2)
        let environment = Self.text(row, 3)
        guard (project == nil) == Self.isNull(row, 2), (environment == nil) == Self.isNull(row, 3) else { return nil }
        let body = Self.bytes(row, 9)
        guard (body == nil) == Self.isNull(row, 9) else { return nil }
        link = ChainLink(
            sequence: sequence, kind: kind, project: project, environment: environment, key: key, at: at,
            digest: digest)
        self.dropped = dropped
        self.chain = chain
        self.body = body
    }

    /// The entry for the port; nil for the journal's own entries and for those whose body was dropped.
    /// - Throws: `PortError` with code `incompatible` for a kind that this binary does not know.
    func stored(path: String) throws(PortError) -> StoredEntry? {
        guard let body, link.kind != JournalSchema.checkpointKind else { return nil }
        guard let kind = EntryKind(rawValue: link.kind) else {
            throw PortError(
                .incompatible, "entry \(link.sequence) of the journal \(path) has the unknown kind \(link.kind)",
                hint: "A later Slipway wrote it, or it is damaged: `slipway journal verify` tells which.")
        }
        var place: EnvironmentID?
        if let project = link.project, let name = link.environment {
            place = EnvironmentID(project: project, name: name)
        }
        let entry = JournalEntry(kind: kind, environment: place, key: link.key, at: link.at, body: body)
        return StoredEntry(sequence: link.sequence, entry: entry)
    }

    static func integer(_ row: Row, _ index: Int) -> Int64? {
        if case .int64(let value) = (row[index] as DatabaseValue).storage { value } else { nil }
    }

    static func text(_ row: Row, _ index: Int) -> String? {
        if case .string(let value) = (row[index] as DatabaseValue).storage { value } else { nil }
    }

    static func bytes(_ row: Row, _ index: Int) -> [UInt8]? {
        if case .blob(let value) = (row[index] as DatabaseValue).storage { [UInt8](value) } else { nil }
    }

    private static func isNull(_ row: Row, _ index: Int) -> Bool { (row[index] as DatabaseValue).isNull }
}

extension JournalQuery {
    /// The kinds asked for, each once; none named means all.
    var askedKinds: [EntryKind] {
        kinds.isEmpty ? EntryKind.allCases : EntryKind.allCases.filter(kinds.contains)
    }

    /// The conditions beside the kind, with their arguments.
    var conditions: (sql: String, arguments: [any DatabaseValueConvertible]) {
        var sql = "dropped = 0"
        var arguments: [any DatabaseValueConvertible] = []
        if let environment {
            sql += " AND project = ? AND environment = ?"
            arguments += [environment.project, environment.name]
        }
        if let key {
            sql += " AND key = ?"
            arguments.append(key)
        }
        if let before {
            sql += " AND seq < ?"
            arguments.append(before)
        }
        if let after {
            sql += " AND seq > ?"
            arguments.append(after)
        }
        return (sql, arguments)
    }

    /// Each kind walks its own index from the end that is asked for, at most `limit` steps that match.
    func found(_ db: Database, path: String) throws -> [StoredEntry] {
        guard limit > 0 else { return [] }
        let (conditions, values) = conditions
        let order = isOldestFirst ? "ASC" : "DESC"
        var parts: [String] = []
        var arguments: [any DatabaseValueConvertible] = []
        for kind in askedKinds {
            parts.append(
                """
                SELECT * FROM (
                    SELECT seq FROM entries WHERE kind = ? AND \(conditions) ORDER BY seq \(order) LIMIT ?
                )
                """)
            arguments += [Int64(kind.rawValue)] + values + [limit]
        }
        let sql = """
            SELECT \(EntryRow.columns) FROM entries WHERE seq IN (
                SELECT seq FROM (\(parts.joined(separator: " UNION ALL "))) ORDER BY seq \(order) LIMIT ?
            ) ORDER BY seq \(order)
            """
        return try Self.stored(db, sql: sql, arguments: arguments + [limit], path: path)
    }

    static func stored(
        _ db: Database, sql: String, arguments: [any DatabaseValueConvertible], path: String
    ) throws -> [StoredEntry] {
        var found: [StoredEntry] = []
        let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: StatementArguments(arguments))
        while let row = try rows.next() {
            guard let entry = EntryRow(row) else { throw PortError.damaged(path, "a row of `entries` is malformed") }
            if let stored = try entry.stored(path: path) { found.append(stored) }
        }
        return found
    }
}
