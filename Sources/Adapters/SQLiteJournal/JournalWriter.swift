import Domain
import FoundationEssentials
import GRDB
import Ports
import Synchronization

/// Writes groups of appends. Runs only on the writer connection's own queue, so one transaction at a time; the lock
/// makes what it remembers visible to others.
final class JournalWriter: Sendable {
    private struct State {
        var head: ChainHead
        /// Set once the device refused to make a commit durable: nothing may be promised after that.
        var failure: PortError?
        /// What `PRAGMA synchronous` is set to; nil: not set yet.
        var isSyncing: Bool?
    }

    private let path: String
    private let state: Mutex<State>

    init(head: ChainHead, path: String) {
        self.path = path
        state = Mutex(State(head: head))
    }

    var head: ChainHead { state.withLock { $0.head } }

    /// Writes a group in one transaction and tells each append how it ended. When the transaction fails, each append is
    /// tried alone, in order, so that one that cannot be written fails alone; unless the database is held by another
    /// program, for which each of them would wait in turn.
    func commit(_ group: [WaitingAppend], _ db: Database) {
        do throws(CommitFailure) {
            try attempt(durable: group.contains { $0.entries.contains(where: \.kind.isDurableBeforeEffects) }, db) {
                for append in group { try insert(append.entries, after: &$0, db) }
            }
            for append in group { append.done.resume() }
        } catch {
            guard group.count > 1, !error.concernsAll else {
                for append in group { append.done.resume(throwing: error.error) }
                return
            }
            for append in group { commit([append], db) }
        }
    }

    /// Runs a transaction that moves the head, and moves it only when the transaction took hold.
    func transaction(
        durable: Bool, _ db: Database, _ work: (inout ChainHead) throws -> Void
    ) throws(PortError) {
        do throws(CommitFailure) { try attempt(durable: durable, db, work) } catch { throw error.error }
    }

    /// In WAL mode a commit is appended to one file. With `synchronous=FULL` that file is synced at the end of the
    /// commit, and with it every commit before: what is durable is always a prefix of what was acknowledged, whichever
    /// commits were written with NORMAL in between. SQLite does not allow the setting to change inside a transaction.
    private func attempt(
        durable: Bool, _ db: Database, _ work: (inout ChainHead) throws -> Void
    ) throws(CommitFailure) {
        let (before, failure, isSyncing) = state.withLock { ($0.head, $0.failure, $0.isSyncing) }
        if let failure { throw CommitFailure(error: failure, concernsAll: true) }
        var head = before
        do {
            if isSyncing != durable {
                try db.execute(sql: durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL")
                state.withLock { $0.isSyncing = durable }
            }
            try db.inTransaction(.immediate) {
                try work(&head)
                return .commit
            }
            state.withLock { [head] in $0.head = head }
        } catch {
            let failure = PortError.database(error, "cannot write the journal", path)
            guard PortError.leavesOutcomeUnknown(error) else {
                throw CommitFailure(error: failure, concernsAll: PortError.isHeldByOthers(error))
            }
            let last = PortError(
                .storage, failure.message,
                hint: """
                    The device refused to make the journal durable, so nothing more is written: a later success would \
                    prove nothing. What runs keeps serving. Look at `dmesg`, mend the device, restart the supervisor.
                    """)
            state.withLock { $0.failure = last }
            // Of this one commit the bytes were written: whoever reads the journal next may find it.
            let open = PortError(
                .storage,
                "\(failure.message); whether this was written is not known until the supervisor has been restarted",
                hint: last.hint)
            throw CommitFailure(error: open, concernsAll: true)
        }
    }

    /// Inserts entries one after the other and moves the head along.
    func insert(_ entries: [JournalEntry], after head: inout ChainHead, _ db: Database) throws {
        for entry in entries {
            let link = ChainLink(
                sequence: head.sequence + 1, kind: entry.kind.rawValue, project: entry.environment?.project,
                environment: entry.environment?.name, key: entry.key, at: entry.at,
                digest: ChainLink.digest(entry.body))
            try insert(link, body: entry.body, after: &head, db)
            guard entry.kind.isState else { continue }
            try db.cachedStatement(
                sql: """
                    INSERT INTO latest (kind, project, environment, key, seq) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT DO UPDATE SET seq = excluded.seq
                    """
            ).execute(arguments: [
                Int64(link.kind), link.project ?? "", link.environment ?? "", link.key, link.sequence,
            ])
        }
    }

    /// Inserts one link with its body.
    func insert(_ link: ChainLink, body: [UInt8], after head: inout ChainHead, _ db: Database) throws {
        let chain = link.chained(to: head.digest)
        try db.cachedStatement(
            sql: """
                INSERT INTO entries (seq, kind, project, environment, key, at, digest, chain, body)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            link.sequence, Int64(link.kind), link.project, link.environment, link.key, link.at, Data(link.digest),
            Data(chain), Data(body),
        ])
        head = ChainHead(sequence: link.sequence, digest: chain)
    }
}

/// Why a transaction did not take hold.
private struct CommitFailure: Error {
    var error: PortError
    /// Whether no other transaction would fare better right now.
    var concernsAll: Bool
}
