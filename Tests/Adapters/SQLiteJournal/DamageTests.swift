import Foundation
import GRDB
import Ports
import SQLiteJournal
import Synchronization
import Testing

@Suite("Damage is found, never repaired in silence")
struct DamageTests {
    private func change(_ scratch: Scratch, _ sql: String) throws {
        let raw = try DatabaseQueue(path: scratch.database)
        try raw.writeWithoutTransaction { db in try db.execute(sql: sql) }
        try raw.close()
    }

    private func problems(_ scratch: Scratch) async throws -> [JournalProblem] {
        try await scratch.reader().verify().problems
    }

    @Test("a whole journal has no problems")
    func whole() async throws {
        let scratch = try Scratch()
        try await scratch.filled(1500)
        let report = try await scratch.reader().verify()
        #expect(report.isWhole, "\(report.problems)")
        #expect(report.entries == 1500)
        #expect(report.first == 1)
        #expect(report.last == 1500)
        #expect(report.dropped == 0)
        try await scratch.open().close()
    }

    @Test(
        "tampering with any column is found at its entry",
        arguments: [
            "kind = kind % 8 + 1", "project = 'other', environment = 'dev'", "key = key || 'x'", "at = at + 1",
            "body = x'00'", "digest = zeroblob(32)", "chain = zeroblob(32)", "seq = 100000",
            "project = NULL, environment = NULL",
        ])
    func tampered(_ change: String) async throws {
        let scratch = try Scratch()
        try await scratch.filled(400)
        try self.change(scratch, "UPDATE entries SET \(change) WHERE seq = 123")
        let found = try await problems(scratch)
        #expect(found.contains { $0.sequence == 123 && [.changed, .missing].contains($0.kind) }, "\(found)")
        #expect(
            found.allSatisfy { $0.sequence == nil || (123...124).contains($0.sequence ?? 0) || $0.kind == .missing })
        // Among the last links it is found at the opening, too.
        #expect(try await refusal { try await scratch.open() }?.code == .incompatible)
    }

    @Test("removed entries are found: one, several, the first, the last, all")
    func removed() async throws {
        for (condition, first) in [
            ("seq = 50", 50), ("seq BETWEEN 20 AND 30", 20), ("seq = 1", 1), ("seq >= 90", 90), ("1", 1),
        ] as [(String, Int64)] {
            let scratch = try Scratch()
            try await scratch.filled(100)
            try change(scratch, "DELETE FROM latest WHERE \(condition); DELETE FROM entries WHERE \(condition)")
            let found = try await problems(scratch)
            #expect(found.contains { $0.kind == .missing && $0.sequence == first }, "\(condition): \(found)")
            #expect(try await refusal { try await scratch.open() }?.code == .incompatible, "\(condition)")
        }
    }

    @Test("a body that is gone without a checkpoint is found")
    func gone() async throws {
        let scratch = try Scratch()
        try await scratch.filled(100)
        try change(scratch, "UPDATE entries SET body = NULL, dropped = 101 WHERE seq = 40")
        let found = try await problems(scratch)
        #expect(found.contains { $0.kind == .unexplained }, "\(found)")
    }

    @Test("a wrong table of newest entries is found")
    func latest() async throws {
        for sql in [
            "UPDATE latest SET seq = seq - 8 WHERE seq > 60", "DELETE FROM latest WHERE kind = 1",
            "INSERT INTO latest VALUES (1, 'a', 'b', 'c', 3)",
        ] {
            let scratch = try Scratch()
            try await scratch.filled(100)
            try change(scratch, sql)
            let found = try await problems(scratch)
            #expect(found.contains { $0.kind == .latest }, "\(sql): \(found)")
        }
    }

    @Test("a chain that was computed anew is found with a head noted before")
    func noted() async throws {
        let scratch = try Scratch()
        try await scratch.filled(20)
        let head = try await scratch.reader().verify().head
        #expect(ChainHead(head.description) == head)
        let store = try await scratch.open()
        try await store.append([sample(20)])
        try await store.close()
        #expect(try await scratch.reader().verify(noted: head).isWhole)

        let other = try Scratch()
        try await other.filled(30)
        let report = try await other.reader().verify(noted: head)
        #expect(report.problems.map(\.kind) == [.head])
    }

    @Test(
        "flipped bytes anywhere: either it is refused or reported, or nothing that is read differs",
        .timeLimit(.minutes(2)), arguments: 0..<60)
    func flipped(_ seed: UInt64) async throws {
        let scratch = try Scratch()
        try await scratch.filled(400)
        var intact: [StoredEntry] = []
        for try await entry in try await scratch.reader().export(JournalQuery(kinds: [], limit: .max)) {
            intact.append(entry)
        }
        try #require(intact.count == 400)

        var random = SplitMix(state: seed)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: scratch.database))
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let start = Int.random(in: 0..<bytes.count, using: &random)
            for place in start..<min(bytes.count, start + Int.random(in: 1...64, using: &random)) {
                bytes[place] = .random(in: .min ... .max, using: &random)
            }
        }
        try bytes.write(to: URL(fileURLWithPath: scratch.database))
        do {
            let reader = try await scratch.reader()
            let report = try await reader.verify()
            var found: [StoredEntry] = []
            for try await entry in reader.export(JournalQuery(kinds: [], limit: .max)) { found.append(entry) }
            if report.isWhole {
                #expect(found == intact, "seed \(seed): damage was not noticed")
            } else {
                #expect(report.problems.count <= VerifyReport.mostProblems)
            }
        } catch let error as PortError {
            #expect(error.code == .incompatible, "seed \(seed): \(error)")
        }
    }

    @Test("behind a destroyed page the rest can still be exported")
    func exportBehindDamage() async throws {
        let scratch = try Scratch()
        try await scratch.filled(3000)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: scratch.database))
        // A page in the middle of the file that holds entries and nothing else: a leaf of a table has type 13.
        let page = try #require((bytes.count / 8192..<bytes.count / 4096).first { bytes[$0 * 4096] == 13 })
        bytes.replaceSubrange(page * 4096..<(page + 1) * 4096, with: Data(repeating: 0xAA, count: 4096))
        try bytes.write(to: URL(fileURLWithPath: scratch.database))

        let refused = try await refusal { try await scratch.open() }
        #expect(refused?.code == .incompatible)
        #expect(refused?.hint.contains("journal export") == true)
        let reader = try await scratch.reader()
        let report = try await reader.verify()
        #expect(report.problems.contains { $0.kind == .unreadable || $0.kind == .structure })
        let lost = Collected()
        var found: [StoredEntry] = []
        for try await entry in reader.export(
            JournalQuery(kinds: [], limit: .max), unreadable: { lost.add($0) })
        { found.append(entry) }
        #expect(lost.problems.count == 1, "\(lost.problems)")
        #expect(found.count > 2900 && found.count < 3000, "\(found.count)")
        #expect(found.allSatisfy { $0.entry == sample(Int($0.sequence) - 1) })
        #expect(found.last?.sequence == 3000)
    }

    @Test("a log that a power failure tore off leaves a whole prefix", arguments: 0..<12)
    func tornLog(_ seed: UInt64) async throws {
        let scratch = try Scratch()
        let store = try await scratch.open()
        for number in 0..<60 { try await store.append([sample(number)]) }
        // The files as they are in the middle of the work, with the end of the log lost or garbled.
        let copy = try Scratch()
        try FileManager.default.createDirectory(
            atPath: copy.journal, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        try FileManager.default.copyItem(atPath: scratch.database, toPath: copy.database)
        var random = SplitMix(state: seed)
        var log = try Data(contentsOf: URL(fileURLWithPath: scratch.database + "-wal"))
        let cut = Int.random(in: 0..<log.count, using: &random)
        if seed.isMultiple(of: 2) {
            log = log.prefix(cut)
        } else {
            for place in cut..<min(log.count, cut + 4096) { log[place] = .random(in: .min ... .max, using: &random) }
        }
        try log.write(to: URL(fileURLWithPath: copy.database + "-wal"))
        let opened = try await copy.open()
        let found = try await opened.history(JournalQuery(kinds: [], limit: .max))
        #expect(found.reversed().map(\.entry) == (0..<found.count).map { sample($0) })
        try await opened.append([sample(1000)])
        try await opened.close()
        #expect(try await copy.reader().verify().isWhole)
        try await store.close()
    }
}

/// Problems told from elsewhere.
final class Collected: Sendable {
    private let found = Mutex<[JournalProblem]>([])
    func add(_ problem: JournalProblem) { found.withLock { $0.append(problem) } }
    var problems: [JournalProblem] { found.withLock { $0 } }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, seedable.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
