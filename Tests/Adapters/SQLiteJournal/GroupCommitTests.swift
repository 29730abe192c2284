import Foundation
import GRDB
import JournalConformance
import Ports
@testable import SQLiteJournal
import Testing

@Suite("Group commit")
struct GroupCommitTests {
    /// A journal in whose database a trigger refuses one key: stands for whatever makes one write fail.
    private func picky(_ scratch: Scratch) async throws -> JournalStore {
        try await scratch.filled(0)
        let raw = try DatabaseQueue(path: scratch.database)
        try await raw.write { db in
            try db.execute(
                sql: """
                    CREATE TRIGGER refuse AFTER INSERT ON entries WHEN NEW.key = 'bad'
                    BEGIN SELECT RAISE(ABORT, 'refused'); END
                    """)
        }
        try raw.close()
        return try await scratch.open()
    }

    private func entry(_ key: String, _ body: [UInt8]) -> JournalEntry {
        JournalEntry(kind: .service, environment: shop, key: key, at: 1, body: body)
    }

    @Test("one append that cannot be written fails alone, as a whole; the others keep their order")
    func alone() async throws {
        let scratch = try Scratch()
        let store = try await picky(scratch)
        try await withThrowingTaskGroup { group in
            for task in 0..<40 {
                group.addTask {
                    for number in UInt8(0)..<10 {
                        try await store.append([entry("t\(task)", [number])])
                        guard task % 4 == 0 else { continue }
                        do {
                            try await store.append([entry("part", [number]), entry("bad", [number])])
                            Issue.record("the bad append was taken")
                        } catch let error as PortError {
                            #expect(error.code == .storage)
                            #expect(error.message.contains("refused"))
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let found = try await store.history(JournalQuery(kinds: [], limit: .max)).reversed().map(\.entry)
        #expect(found.count == 400)
        for task in 0..<40 {
            #expect(found.filter { $0.key == "t\(task)" }.map(\.body) == (UInt8(0)..<10).map { [$0] })
        }
        try await store.close()
        let raw = try DatabaseQueue(path: scratch.database)
        try await raw.write { try $0.execute(sql: "DROP TRIGGER refuse") }
        try raw.close()
        #expect(try await scratch.reader().verify().isWhole)
    }

    @Test("what waits is bounded; a database that another program holds fails all that wait, once, in order")
    func bounded() async throws {
        let scratch = try Scratch()
        let limits = AppendQueue.Limits(waiting: 3)
        let store = try await JournalStore.open(directory: scratch.journal, binary: "1", now: 1, limits: limits)
        var unsafe = Configuration()
        unsafe.allowsUnsafeTransactions = true
        let holder = try DatabaseQueue(path: scratch.database, configuration: unsafe)
        try holder.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE") }
        // One append is taken by the writer, which now waits for the database; three wait behind it.
        let first = Task { try await store.append([entry("first", [0])]) }
        #expect(try await eventually(within: 5) { store.isWriting && store.waiting == 0 })
        let behind = (0..<3).map { number in Task { try await store.append([entry("behind", [UInt8(number)])]) } }
        #expect(try await eventually(within: 5) { store.waiting == 3 })
        let full = try await refusal { try await store.append([entry("k", [2])]) }
        #expect(full?.code == .storage)
        #expect(full?.message.contains("3 appends wait") == true)
        for task in [first] + behind {
            guard case .failure(let error) = await task.result else { return #expect(Bool(false), "was written") }
            #expect((error as? PortError)?.hint.contains("Another program") == true, "\(error)")
        }
        try holder.inDatabase { try $0.execute(sql: "COMMIT") }
        try await store.append([entry("k", [3])])
        #expect(try await store.history(JournalQuery(kinds: [], limit: .max)).map(\.sequence) == [1])
        try await store.close()
        try holder.close()
    }

    @Test("what is dropped without closing is all there, and another may write at once")
    func dropped() async throws {
        let scratch = try Scratch()
        do {
            let store = try await scratch.open()
            try await withThrowingTaskGroup { group in
                for number in 0..<30 { group.addTask { try await store.append([sample(number)]) } }
                try await group.waitForAll()
            }
        }
        let store = try await scratch.open()
        #expect(store.head.sequence == 30)
        try await store.close()
    }

    @Test("close writes what was let in before")
    func closing() async throws {
        let scratch = try Scratch()
        let store = try await scratch.open()
        let tasks = (0..<200).map { number in Task { try await store.append([sample(number)]) } }
        try await store.close()
        var written = 0
        for task in tasks {
            switch await task.result {
            case .success: written += 1
            case .failure(let error): #expect((error as? PortError)?.code == .storage)
            }
        }
        let again = try await scratch.open()
        #expect(Int(again.head.sequence) == written)
        try await again.close()
    }

    @Test("the twin fails when it is told to, and forgets what a power failure may take")
    func twin() async throws {
        let journal = MemoryJournal()
        journal.failNext([PortError(.storage, "full")])
        #expect(try await refusal { try await journal.append([sample(1)]) }?.message == "full")
        try await journal.append([sample(0, kind: .evidence), sample(1, kind: .service)])
        try await journal.append([sample(2, kind: .evidence), sample(3, kind: .evidence)])
        let all = JournalQuery(kinds: [], limit: .max)
        #expect(try await journal.afterKill().history(all).count == 4)
        #expect(try await journal.afterPowerFailure(surviving: 0).history(all).count == 2)
        #expect(try await journal.afterPowerFailure(surviving: 1).history(all).count == 3)
    }

    @Test("an entry that is too large is refused as such")
    func tooLarge() async throws {
        let scratch = try Scratch()
        let store = try await scratch.open()
        let body = [UInt8](repeating: 0, count: JournalStore.largestBody + 1)
        #expect(try await refusal { try await store.append([entry("k", body)]) }?.code == .invalid)
        try await store.append([entry("k", Array(body.dropFirst()))])
        try await store.close()
    }
}
