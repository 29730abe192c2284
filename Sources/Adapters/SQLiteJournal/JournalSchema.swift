import GRDB
import Ports

/// The format of the database. One migration per version: a format is never changed, only followed by another.
enum JournalSchema {
    /// `SLPJ`: what `file` and SQLite show of a journal.
    static let applicationID: Int32 = 0x534C_504A
    /// The format that this binary writes; `PRAGMA user_version`.
    static let version: Int32 = 1
    /// The kind of the journal's own entries, which the port never shows.
    static let checkpointKind: UInt8 = 0

    /// Brings a database to `version`, from nothing or from an earlier one.
    static func migrator(identity: String, created: Int64, binary: String) -> DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(sql: firstFormat)
            let meta = [("identity", identity), ("created", String(created)), ("binary", binary)]
            for (name, value) in meta {
                try db.execute(sql: "INSERT INTO meta (name, value) VALUES (?, ?)", arguments: [name, value])
            }
            try db.execute(sql: "PRAGMA user_version = 1")
        }
        return migrator
    }

    /// `dropped` is 0, or the sequence number of the checkpoint that allowed the body to go. The indexes leave dropped
    /// entries out, so that neither a query nor the next compaction wades through them.
    private static let firstFormat = """
        PRAGMA application_id = \(applicationID);
        CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE entries (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            kind INTEGER NOT NULL,
            project TEXT,
            environment TEXT,
            key TEXT NOT NULL,
            at INTEGER NOT NULL,
            dropped INTEGER NOT NULL DEFAULT 0,
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            chain BLOB NOT NULL CHECK (length(chain) = 32),
            body BLOB,
            CHECK ((project IS NULL) = (environment IS NULL)),
            CHECK ((body IS NULL) = (dropped > 0))
        );
        CREATE INDEX entries_by_kind ON entries (kind) WHERE dropped = 0;
        CREATE INDEX entries_by_place ON entries (kind, project, environment, seq, key) WHERE dropped = 0;
        CREATE TABLE latest (
            kind INTEGER NOT NULL,
            project TEXT NOT NULL,
            environment TEXT NOT NULL,
            key TEXT NOT NULL,
            seq INTEGER NOT NULL,
            PRIMARY KEY (kind, project, environment, key)
        ) WITHOUT ROWID;
        """

    /// What every connection sets. Trusted schema off: a database that someone planted runs no code of its own.
    static func configuration(readOnly: Bool) -> Configuration {
        var configuration = Configuration()
        configuration.readonly = readOnly
        configuration.label = "slipway.journal"
        configuration.maximumReaderCount = 2
        configuration.busyMode = .timeout(5)
        configuration.foreignKeysEnabled = false
        configuration.prepareDatabase { db in
            try db.execute(
                sql: """
                    PRAGMA trusted_schema = OFF;
                    PRAGMA cell_size_check = ON;
                    PRAGMA cache_size = -64;
                    PRAGMA journal_size_limit = 16777216;
                    """)
        }
        return configuration
    }
}

/// What a journal says about itself.
package struct JournalAbout: Hashable, Sendable {
    /// 32 hex digits, chosen at creation.
    package var identity: String
    /// The format's version.
    package var format: Int
    /// When it was created, in milliseconds since 1970.
    package var created: Int64
    /// The version of the binary that last opened it for writing.
    package var binary: String
}

extension JournalAbout {
    /// Reads it, and refuses what is not a journal or was written by a later version.
    static func read(_ db: Database, path: String, binary: String) throws -> JournalAbout {
        let application = try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        guard application == Int64(JournalSchema.applicationID) else {
            throw PortError(
                .incompatible, "\(path) is an SQLite database, but not a journal of Slipway",
                hint: "Move it away, or name another state directory.")
        }
        let format = try Int64.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        guard format <= Int64(JournalSchema.version) else {
            // A later format may keep this elsewhere: then its number has to do.
            let writer = try? Self.value("binary", db)
            throw PortError(
                .incompatible,
                "the journal \(path) has format \(format), written by Slipway \(writer ?? "of a later version");"
                    + " this is Slipway \(binary), which knows formats up to \(JournalSchema.version)",
                hint: "Nothing was changed. Start a Slipway at least as new as the one that wrote it.")
        }
        guard format > 0, let identity = try value("identity", db), identity.utf8.count == 32,
            let created = try value("created", db).flatMap({ Int64($0) }), let last = try value("binary", db)
        else { throw PortError.damaged(path, "its table `meta` is incomplete") }
        return JournalAbout(identity: identity, format: Int(format), created: created, binary: last)
    }

    private static func value(_ name: String, _ db: Database) throws -> String? {
        let found = try DatabaseValue.fetchOne(db, sql: "SELECT value FROM meta WHERE name = ?", arguments: [name])
        return found.flatMap(String.fromDatabaseValue)
    }
}
