package import Ports

import Dispatch
import Domain
import GRDB

/// The journal in SQLite: a write-ahead log, one writer, and a chain of digests over all entries.
///
/// `append` gathers what concurrent callers write into one transaction. Reads run beside it on connections of their own
/// and see everything that was acknowledged before. Nothing here blocks the cooperative pool.
package final class JournalStore: JournalPort {
    /// The largest body of one entry, in bytes.
    package static let largestBody = 16 << 20

    /// What the journal says about itself.
    package let about: JournalAbout
    let files: JournalFiles
    let pool: DatabasePool
    let writer: JournalWriter
    private let queue: AppendQueue
    /// Held until the store is closed or its last use has ended.
    private let lock: JournalLock

    private init(opened: OpenedJournal, limits: AppendQueue.Limits) {
        about = opened.about
        files = opened.files
        pool = opened.pool
        lock = opened.lock
        writer = JournalWriter(head: opened.head, path: opened.files.database)
        queue = AppendQueue(limits: limits)
    }

    /// Opens the journal in a directory that is its own; creates both when they are missing.
    /// - Parameters:
    ///   - directory: absolute path; its parent must exist. Mode 0700, the user's own.
    ///   - binary: the version of this binary, for people who meet the journal with another one.
    ///   - now: milliseconds since 1970.
    /// - Throws: `PortError`: `unavailable` when another supervisor writes it; `incompatible` when it was written by a
    ///   later version or is damaged; `storage` for the machine below. Nothing is changed then.
    package static func open(directory: String, binary: String, now: Int64) async throws -> JournalStore {
        try await open(directory: directory, binary: binary, now: now, limits: AppendQueue.Limits())
    }

    static func open(
        directory: String, binary: String, now: Int64, limits: AppendQueue.Limits
    ) async throws -> JournalStore {
        try await withCheckedThrowingContinuation { done in
            DispatchQueue.global().async {
                done.resume(
                    with: Result {
                        let opened = try OpenedJournal(directory: directory, binary: binary, now: now)
                        return JournalStore(opened: opened, limits: limits)
                    })
            }
        }
    }

    /// The end of the chain: of everything that was acknowledged.
    package var head: ChainHead { writer.head }

    /// Appends that wait for the writer.
    var waiting: Int { queue.count }
    /// Whether the writer is at work.
    var isWriting: Bool { queue.isBusy }

    /// Makes entries durable, all or none, in order, each after everything acknowledged before. Cancelling the task
    /// does not stop an append that has begun.
    /// - Throws: `PortError`: `storage`; `invalid` for entries that no journal can hold. Nothing of it took hold.
    package func append(_ entries: [JournalEntry]) async throws {
        guard !entries.isEmpty else { return }
        var bytes = 0
        for entry in entries {
            if let flaw = entry.flaw(largestBody: Self.largestBody) { throw flaw }
            bytes += entry.body.count + entry.key.utf8.count + 128
        }
        try await withCheckedThrowingContinuation { done in
            switch queue.offer(WaitingAppend(entries: entries, bytes: bytes, done: done)) {
            case .first:
                // Holds the store, and with it the lock, until the queue is empty.
                pool.asyncWriteWithoutTransaction { db in
                    while case let group = self.queue.nextGroup(), !group.isEmpty { self.writer.commit(group, db) }
                }
            case .queued:
                break
            case .full:
                done.resume(
                    throwing: PortError(
                        .storage, "the journal \(files.database) is too far behind: \(queue.count) appends wait",
                        hint: "The disk is slower than what is to be written. It may be tried again."))
            case .closed:
                done.resume(throwing: PortError(.storage, "the journal \(files.database) is closed"))
            }
        }
    }

    /// The newest entry of every key of the state kinds, in the order in which they were written.
    package func latest() async throws -> [JournalEntry] {
        try await read { [path = files.database] db in
            let sql = """
                SELECT \(EntryRow.columnsOfLatest) FROM latest JOIN entries ON entries.seq = latest.seq
                ORDER BY entries.seq
                """
            return try JournalQuery.stored(db, sql: sql, arguments: [], path: path).map(\.entry)
        }
    }

    /// Entries newest first, or oldest first. No kinds named means all kinds; entries without a body are left out.
    package func history(_ query: JournalQuery) async throws -> [StoredEntry] {
        try await read { [path = files.database] db in try query.found(db, path: path) }
    }

    /// Lets no append in any more, finishes those under way, folds the log into the database and gives up the right to
    /// write. A store that is dropped without this loses nothing.
    /// - Throws: `PortError` with code `storage` when the log could not be folded in; nothing is lost then either.
    package func close() async throws {
        queue.close()
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            // The writer's queue is first in, first out: appends that were let in come before this.
            pool.asyncWriteWithoutTransaction { db in
                let folded = Result { try Self.fold(db) }
                DispatchQueue.global().async {
                    let closed = Result { try self.pool.close() }
                    self.lock.release()
                    done.resume(
                        with: folded.flatMap { closed }.mapError {
                            PortError.database($0, "cannot close the journal", self.files.database)
                        })
                }
            }
        }
    }

    /// Copies the log into the database and empties it. A reader that is in the way for longer than the busy time-out
    /// leaves it as it is, for the next opening.
    private static func fold(_ db: Database) throws {
        do {
            _ = try db.checkpoint(.truncate)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY || error.resultCode == .SQLITE_LOCKED
        {
            return
        }
    }

    private func read<Value: Sendable>(_ value: @Sendable (Database) throws -> Value) async throws -> Value {
        do {
            return try await pool.read(value)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw PortError.database(error, "cannot read the journal", files.database)
        }
    }
}

extension EntryRow {
    /// `columns`, where `latest` is joined, which has columns of the same names.
    static let columnsOfLatest = columns.split(separator: ", ")
        .map { $0.contains(".") ? String($0) : "entries.\($0)" }.joined(separator: ", ")
}

extension JournalEntry {
    /// Why no journal can hold this entry; nil when it can.
    func flaw(largestBody: Int) -> PortError? {
        if let environment, environment.project.isEmpty || environment.name.isEmpty {
            return PortError(.invalid, "an entry's environment `\(environment)` lacks a name")
        }
        for text in [environment?.project ?? "", environment?.name ?? "", key] where text.utf8.contains(0) {
            return PortError(.invalid, "an entry's key or environment contains a NUL character")
        }
        if body.count > largestBody {
            return PortError(
                .invalid, "an entry of \(body.count) bytes is larger than the \(largestBody) that the journal takes")
        }
        return nil
    }
}
