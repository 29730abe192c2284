package import Ports

import Dispatch
import GRDB
import Glibc

/// Reads a journal without the right to write it: beside a supervisor that writes, or without one. It opens damaged
/// journals too, as long as SQLite can make out a database, so that what is left can be looked at and saved.
package final class JournalReader: Sendable {
    package let about: JournalAbout
    let path: String
    let queue: DatabaseQueue

    /// Entries and bytes that one read takes at most: the memory that a walk over the journal needs.
    static let pageEntries = 256
    static let pageBytes = 1 << 20

    private init(path: String, binary: String) throws {
        self.path = path
        let database: DatabaseQueue
        do {
            database = try Self.connect(path)
            about = try database.read { try JournalAbout.read($0, path: path, binary: binary) }
        } catch {
            throw PortError.database(error, "cannot open the journal", path)
        }
        queue = database
    }

    /// Opens the journal of a state directory.
    /// - Throws: `PortError`: `notFound`; `incompatible` for what is not a journal of a known format; `storage`.
    package static func open(directory: String, binary: String) async throws -> JournalReader {
        try await open(file: JournalFiles(directory: directory).database, binary: binary)
    }

    /// Opens a journal by its file: a backup, say.
    package static func open(file: String, binary: String) async throws -> JournalReader {
        try await withCheckedThrowingContinuation { done in
            DispatchQueue.global().async {
                done.resume(with: Result { try JournalReader(path: file, binary: binary) })
            }
        }
    }

    /// Entries oldest first, in bounded memory. `limit` counts from the oldest; `Int.max` means all. It reads page by
    /// page and holds no transaction in between, so that a slow consumer does not keep the log of a running supervisor
    /// from being folded in. Entries that cannot be read are left out and told to `unreadable`.
    package func export(
        _ query: JournalQuery, unreadable: @escaping @Sendable (JournalProblem) -> Void = { _ in }
    ) -> JournalExport {
        JournalExport(reader: self, query: query, unreadable: unreadable)
    }

    /// Each statement sees a snapshot of its own. A transaction around them would fail at its end once one of them met
    /// a damaged page, and take what the others found with it. The connection cannot write.
    func read<Value: Sendable>(_ value: @Sendable (Database) throws -> Value) async throws -> Value {
        do {
            return try await queue.unsafeRead(value)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw PortError.database(error, "cannot read the journal", path)
        }
    }

    private static func connect(_ path: String) throws -> DatabaseQueue {
        guard let status = try JournalFiles.status(of: path) else {
            throw PortError(.notFound, "there is no journal at \(path)", hint: "Nothing was deployed from here yet.")
        }
        guard status.isRegular, status.size > 0 else {
            throw PortError.damaged(path, status.isRegular ? "the file is empty" : "it is not a regular file")
        }
        let configuration = JournalSchema.configuration(readOnly: true)
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.read { _ = try Int64.fetchOne($0, sql: "SELECT COUNT(*) FROM sqlite_schema") }
            return queue
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CANTOPEN {
            // Readers of a write-ahead log share an index file beside it. Where none can be made, on a read-only
            // medium, nobody writes either: without a log the database can be read as it is.
            let log = try JournalFiles.status(of: path + "-wal")
            guard access(path, R_OK) == 0, log == nil || log?.size == 0 else { throw error }
            let escaped = path.flatMap { "%?#".contains($0) ? "%" + hexadecimal(Array(String($0).utf8)) : String($0) }
            return try DatabaseQueue(path: "file:\(String(escaped))?immutable=1", configuration: configuration)
        }
    }
}
