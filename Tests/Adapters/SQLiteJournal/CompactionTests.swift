import Domain
import Foundation
import GRDB
import Ports
import SQLiteJournal
import Testing

@Suite("Compaction and export")
struct CompactionTests {
    private let all = JournalQuery(kinds: [], limit: .max)
    private let retention = JournalRetention(evidence: .milliseconds(100), superseded: .milliseconds(300))

    @Test("drops old evidence and superseded states, keeps the rest, and the chain holds")
    func compact() async throws {
        let scratch = try Scratch()
        try await scratch.filled(6000)
        let store = try await scratch.open()
        let latest = try await store.latest()
        let before = try await store.history(all)
        let report = try await store.compact(keeping: retention, now: 5000)
        let newest = Set(
            before.filter { $0.entry.kind == .service }.reduce(into: [String: Int64]()) {
                let key = "\($1.entry.key) \(String(describing: $1.entry.environment))"
                $0[key] = max($0[key] ?? 0, $1.sequence)
            }.values)
        let kept = before.filter {
            switch $0.entry.kind {
            case .evidence, .recording: $0.entry.at >= 4900
            case .service: $0.entry.at >= 4700 || newest.contains($0.sequence)
            case .environment, .deployment, .release, .event, .quarantine, .fence, .handover, .delivery: true
            }
        }
        #expect(report.dropped == Int64(before.count - kept.count))
        #expect(report.dropped > 1000)
        #expect(report.bytes > 0)
        #expect(try await store.history(all) == kept)
        #expect(try await store.latest() == latest)
        #expect(try await store.compact(keeping: retention, now: 5000).dropped == 0)
        try await store.append([sample(1)])
        _ = try await store.compact(keeping: JournalRetention(evidence: .zero, superseded: .zero), now: .max)
        try await store.close()
        let verified = try await scratch.reader().verify()
        #expect(verified.isWhole, "\(verified.problems)")
        #expect(verified.dropped > report.dropped)
        try await scratch.open().close()
    }

    @Test("runs in batches beside appends")
    func batches() async throws {
        let scratch = try Scratch()
        let store = try await scratch.open()
        for _ in 0..<10 { try await store.append((0..<500).map { sample($0, kind: .evidence) }) }
        async let report = store.compact(keeping: JournalRetention(evidence: .zero, superseded: .zero), now: 1_000_000)
        for number in 0..<50 { try await store.append([sample(number, kind: .event)]) }
        #expect(try await report.checkpoints.count == 3)
        #expect(try await report.dropped == 5000)
        #expect(try await store.history(JournalQuery(kinds: [], limit: .max)).count == 50)
        try await store.close()
        #expect(try await scratch.reader().verify().isWhole)
    }

    @Test("a body dropped beside those of the checkpoint, and one put back, are found")
    func beyond() async throws {
        for sql in [
            "UPDATE entries SET body = NULL, dropped = (SELECT MAX(dropped) FROM entries) WHERE seq = 55",
            "UPDATE entries SET body = NULL, dropped = 3 WHERE seq = 55",
            "UPDATE entries SET body = x'', dropped = 0 WHERE seq = 7",
        ] {
            let scratch = try Scratch()
            try await scratch.filled(100)
            let store = try await scratch.open()
            #expect(try await store.compact(keeping: retention, now: 150).dropped > 0)
            try await store.close()
            let raw = try DatabaseQueue(path: scratch.database)
            try await raw.write { try $0.execute(sql: sql) }
            try raw.close()
            #expect(try await !scratch.reader().verify().isWhole, "\(sql)")
        }
    }

    @Test("export gives everything, oldest first, while the supervisor writes")
    func export() async throws {
        let scratch = try Scratch()
        let store = try await scratch.open()
        for first in stride(from: 0, to: 2000, by: 100) {
            try await store.append((first..<first + 100).map { sample($0) })
        }
        let reader = try await scratch.reader()
        var found: [StoredEntry] = []
        for try await entry in reader.export(all) {
            found.append(entry)
            if entry.sequence % 200 == 0, entry.sequence <= 2000 { try await store.append([sample(found.count)]) }
        }
        // What was written while the last page was consumed is not in it.
        #expect(found.count > 2000 && zip(found, 1...).allSatisfy { $0.sequence == $1 }, "\(found.count)")
        #expect(found.prefix(2000).map(\.entry) == (0..<2000).map { sample($0) })
        #expect(try await reader.verify().isWhole)

        let query = JournalQuery(
            kinds: [.event, .service], environment: shop, key: "key3", before: 1500, after: 300, limit: 9)
        var filtered: [StoredEntry] = []
        for try await entry in reader.export(query) { filtered.append(entry) }
        var unlimited = query
        unlimited.limit = .max
        let expected = try await store.history(unlimited).reversed().prefix(9)
        #expect(filtered == Array(expected))
        #expect(filtered.count == 9)
        try await store.close()
    }
}
