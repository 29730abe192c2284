import Foundation
import GRDB
import Glibc
import Ports
import SQLiteJournal
import Testing

@Suite("Opening a journal")
struct OpeningTests {
    private func permissions(_ path: String) throws -> Int {
        let found = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        return try #require(found as? NSNumber).intValue
    }

    @Test("creates private files, and finds them again")
    func create() async throws {
        let scratch = try Scratch()
        let first = try await scratch.open()
        try await first.append([sample(1)])
        #expect(try permissions(scratch.journal) == 0o700)
        for file in ["journal.db", "journal.db-wal", "journal.db-shm", "journal.lock"] {
            #expect(try permissions(scratch.journal + "/" + file) == 0o600, "\(file)")
        }
        try await first.close()
        let second = try await JournalStore.open(directory: scratch.journal + "/", binary: "1.1.0", now: 2000)
        #expect(second.about.identity == first.about.identity)
        #expect(second.about.created == 1000)
        #expect(second.about.binary == "1.1.0")
        #expect(second.head == first.head)
        #expect(second.head.sequence == 1)
        try await second.close()
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: scratch.journal).contains("journal.db.new") == false)
    }

    @Test("a second writer is refused, in this process and from another, with the pid")
    func second() async throws {
        let scratch = try Scratch()
        let store = try await scratch.open()
        let here = try await refusal { try await scratch.open() }
        #expect(here?.code == .unavailable)
        #expect(here?.message.contains("pid \(getpid())") == true)
        try await store.close()
        let probe = try ProbeProcess(["hold", scratch.journal], output: scratch.path + "/out")
        #expect(try await eventually(within: 20) { try probe.lines().first == "open \(probe.pid)" })
        let there = try await refusal { try await scratch.open() }
        #expect(there?.code == .unavailable)
        #expect(there?.message.contains("pid \(probe.pid)") == true)
        probe.kill()
        _ = try await probe.end()
        try await scratch.open().close()
    }

    @Test("a newer format is refused by both, naming both versions, and stays as it is")
    func newer() async throws {
        let scratch = try Scratch()
        try await scratch.filled(10)
        let raw = try DatabaseQueue(path: scratch.database)
        try await raw.write { db in
            try db.execute(sql: "PRAGMA user_version = 2; UPDATE meta SET value = '9.9.9' WHERE name = 'binary'")
        }
        try raw.close()
        let before = try Data(contentsOf: URL(fileURLWithPath: scratch.database))
        for error in [try await refusal { try await scratch.open() }, try await refusal { try await scratch.reader() }]
        {
            #expect(error?.code == .incompatible)
            #expect(error?.message.contains("format 2") == true)
            #expect(error?.message.contains("9.9.9") == true)
            #expect(error?.message.contains("1.0.0") == true)
            #expect(error?.hint.contains("at least as new") == true)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: scratch.database)) == before)
    }

    @Test(
        "what is not a journal is refused and not touched", arguments: ["", "x", "no database, but some longer text\n"])
    func foreign(_ content: String) async throws {
        let scratch = try Scratch()
        try FileManager.default.createDirectory(
            atPath: scratch.journal, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        let bytes = Data(String(repeating: content, count: 100).utf8)
        try bytes.write(to: URL(fileURLWithPath: scratch.database))
        #expect(try await refusal { try await scratch.open() }?.code == .incompatible)
        #expect(try await refusal { try await scratch.reader() }?.code == .incompatible)
        #expect(try Data(contentsOf: URL(fileURLWithPath: scratch.database)) == bytes)
    }

    @Test("another program's SQLite database is refused")
    func otherDatabase() async throws {
        let scratch = try Scratch()
        mkdir(scratch.journal, 0o700)
        let raw = try DatabaseQueue(path: scratch.database)
        try await raw.write { try $0.execute(sql: "CREATE TABLE songs (title)") }
        try raw.close()
        let error = try await refusal { try await scratch.open() }
        #expect(error?.code == .incompatible)
        #expect(error?.message.contains("not a journal") == true)
    }

    @Test("a journal that disappeared is not replaced by an empty one")
    func disappeared() async throws {
        let scratch = try Scratch()
        try await scratch.filled(3)
        try FileManager.default.removeItem(atPath: scratch.database)
        let error = try await refusal { try await scratch.open() }
        #expect(error?.code == .incompatible)
        #expect(error?.message.contains("missing") == true)
        #expect(try await refusal { try await scratch.reader() }?.code == .notFound)
        try FileManager.default.removeItem(atPath: scratch.journal + "/journal.lock")
        try await scratch.open().close()
    }

    @Test("an interrupted creation leaves nothing in the way")
    func interrupted() async throws {
        let scratch = try Scratch()
        mkdir(scratch.journal, 0o700)
        try Data("half a database".utf8).write(to: URL(fileURLWithPath: scratch.database + ".new"))
        try await scratch.open().close()
    }

    @Test("a directory that others may enter is refused")
    func open() async throws {
        let scratch = try Scratch()
        mkdir(scratch.journal, 0o755)
        let error = try await refusal { try await scratch.open() }
        #expect(error?.code == .storage)
        #expect(error?.hint.contains("chmod 700") == true)
    }

    @Test("a missing parent, a file in the directory's place")
    func places() async throws {
        let scratch = try Scratch()
        let orphan = try await refusal {
            try await JournalStore.open(directory: scratch.path + "/a/b", binary: "1", now: 1)
        }
        #expect(orphan?.code == .storage)
        try Data("x".utf8).write(to: URL(fileURLWithPath: scratch.journal))
        #expect(try await refusal { try await scratch.open() }?.code == .storage)
    }

    @Test("after close nothing is let in, and everything is in the database file")
    func close() async throws {
        let scratch = try Scratch()
        let store = try await scratch.open()
        try await store.append([sample(3)])
        try await store.close()
        #expect(try await refusal { try await store.append([sample(4)]) }?.code == .storage)
        #expect(try await refusal { try await store.latest() }?.code == .storage)
        let copy = scratch.path + "/copy.db"
        try FileManager.default.copyItem(atPath: scratch.database, toPath: copy)
        let report = try await JournalReader.open(file: copy, binary: "1").verify()
        #expect(report.isWhole)
        #expect(report.entries == 1)
    }
}
