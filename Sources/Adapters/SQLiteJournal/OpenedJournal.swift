import FoundationEssentials
import GRDB
import Glibc
import Ports

/// A journal that passed all checks and may be written. Everything here blocks.
struct OpenedJournal {
    let files: JournalFiles
    let about: JournalAbout
    let pool: DatabasePool
    let lock: JournalLock
    let head: ChainHead

    /// Up to this size the whole structure of the database is checked at each opening; beyond it, its end only.
    static let fullyCheckedBytes: Int64 = 256 << 20
    /// So many of the last links of the chain are followed at each opening.
    static let checkedLinks: Int64 = 1000

    init(directory: String, binary: String, now: Int64) throws(PortError) {
        files = JournalFiles(directory: directory)
        try files.prepareDirectory()
        lock = try JournalLock(files.lock)
        if try Self.isMissing(files, remembered: lock.rememberedIdentity) {
            try Self.create(files, binary: binary, now: now)
        }
        let path = files.database
        do {
            // Looks before it writes anything: a refused journal stays as it is.
            let found = try Self.inspect(path, binary: binary)
            if chmod(path, 0o600) != 0 { throw PortError.machine(errno, "cannot close \(path) to other users") }
            pool = try DatabasePool(path: path, configuration: JournalSchema.configuration(readOnly: false))
            try JournalSchema.migrator(identity: found.about.identity, created: now, binary: binary).migrate(pool)
            if found.about.binary != binary {
                try pool.write { db in
                    try db.execute(sql: "UPDATE meta SET value = ? WHERE name = 'binary'", arguments: [binary])
                }
            }
            about = try pool.read { try JournalAbout.read($0, path: path, binary: binary) }
            head = found.head
        } catch {
            throw PortError.database(error, "cannot open the journal", path)
        }
        try lock.remember(about.identity)
    }

    /// Whether there is no journal yet, and refuses what only looks like that.
    private static func isMissing(_ files: JournalFiles, remembered: String?) throws(PortError) -> Bool {
        let log = try JournalFiles.status(of: files.writeAheadLog)
        guard let status = try JournalFiles.status(of: files.database) else {
            if let log, log.size > 0 {
                throw PortError.damaged(files.database, "it is missing, and its write-ahead log is there")
            }
            if let remembered {
                throw PortError(
                    .incompatible, "the journal \(files.database) is missing (identity \(remembered))",
                    hint: """
                        Something removed it. Put a backup in its place. To start a new, empty one, which knows nothing \
                        of what runs, remove \(files.lock) too.
                        """)
            }
            return true
        }
        guard status.isRegular else {
            throw PortError(.storage, "\(files.database) is not a regular file", hint: "Move it away.")
        }
        guard status.owner == geteuid() else {
            throw PortError(
                .storage, "\(files.database) belongs to another user (uid \(status.owner))",
                hint: "Run Slipway as that user, or give the file to yourself.")
        }
        guard status.size > 0 else { throw PortError.damaged(files.database, "the file is empty") }
        return false
    }

    /// Builds the database beside its place and moves it there when it is whole and durable, so that a journal is
    /// either there or not, whatever happens in between.
    private static func create(_ files: JournalFiles, binary: String, now: Int64) throws(PortError) {
        for leftover in [files.draft, files.draft + "-journal"] where unlink(leftover) != 0 && errno != ENOENT {
            throw PortError.machine(errno, "cannot remove \(leftover), left by an interrupted start")
        }
        let descriptor = Glibc.open(files.draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw PortError.machine(errno, "cannot create \(files.draft)") }
        Glibc.close(descriptor)
        do {
            let draft = try DatabaseQueue(
                path: files.draft, configuration: JournalSchema.configuration(readOnly: false))
            let identity = hexadecimal((0..<16).map { _ in UInt8.random(in: .min ... .max) })
            try JournalSchema.migrator(identity: identity, created: now, binary: binary).migrate(draft)
            try draft.close()
        } catch {
            throw PortError.database(error, "cannot create the journal", files.database)
        }
        try JournalFiles.sync(files.draft)
        guard rename(files.draft, files.database) == 0 else {
            throw PortError.machine(errno, "cannot move \(files.draft) to \(files.database)")
        }
        try files.syncDirectory()
    }

    /// Looks at a journal through a connection that cannot write: its format, its structure, the end of its chain.
    private static func inspect(_ path: String, binary: String) throws -> (about: JournalAbout, head: ChainHead) {
        let queue = try DatabaseQueue(path: path, configuration: JournalSchema.configuration(readOnly: true))
        let found = try queue.read { db in
            let about = try JournalAbout.read(db, path: path, binary: binary)
            let pages = try Int64.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            let size = try Int64.fetchOne(db, sql: "PRAGMA page_size") ?? 0
            if pages * size <= fullyCheckedBytes {
                let answer = try String.fetchOne(db, sql: "PRAGMA quick_check(1)") ?? "no answer"
                guard answer == "ok" else { throw PortError.damaged(path, answer) }
            }
            return (about, try end(of: about, db, path: path))
        }
        try queue.close()
        return found
    }

    /// Follows the last links and gives the head.
    private static func end(of about: JournalAbout, _ db: Database, path: String) throws -> ChainHead {
        let last = try JournalEnd.read(db)
        guard last.counted == last.stored else { throw PortError.damaged(path, last.problem.description) }
        let start = max(0, last.stored - checkedLinks)
        var walk = ChainWalk(genesis: ChainLink.genesis(identity: about.identity))
        if start > 0 {
            guard let row = try Row.fetchOne(db, sql: EntryRow.bySequence, arguments: [start]),
                let entry = EntryRow(row)
            else { throw PortError.damaged(path, "entry \(start) is missing or malformed") }
            walk = ChainWalk(following: entry)
        }
        let rows = try Row.fetchCursor(
            db, sql: "SELECT \(EntryRow.columns) FROM entries WHERE seq > ? ORDER BY seq", arguments: [start])
        while let row = try rows.next() {
            if let problem = walk.see(EntryRow(row), at: EntryRow.integer(row, 0)).first {
                throw PortError.damaged(path, problem.description)
            }
        }
        guard walk.head.sequence == last.stored else {
            throw PortError.damaged(path, "the entries after \(walk.head.sequence) are missing")
        }
        return walk.head
    }
}

/// Where the journal ends, told twice: by its entries and by SQLite's own count of numbers given out.
struct JournalEnd {
    /// The highest sequence number of an entry.
    var stored: Int64
    /// The last number given out.
    var counted: Int64

    var problem: JournalProblem {
        JournalProblem(
            .missing, sequence: stored + 1,
            "the journal ends at entry \(stored), but \(counted) were written: its end was cut off")
    }

    /// Both in one statement, and so in one snapshot.
    static func read(_ db: Database) throws -> JournalEnd {
        let row = try Row.fetchOne(
            db, sql: "SELECT (SELECT MAX(seq) FROM entries), (SELECT seq FROM sqlite_sequence WHERE name = 'entries')")
        guard let row else { return JournalEnd(stored: 0, counted: 0) }
        return JournalEnd(stored: EntryRow.integer(row, 0) ?? 0, counted: EntryRow.integer(row, 1) ?? 0)
    }
}
