import Domain
import Glibc
import Ports
import SQLiteJournal

/// Numbers for docs/internals/journal.md.
enum Bench {
    static func run(directory: String, entries: Int) async throws {
        var store = try await JournalStore.open(directory: directory, binary: "bench", now: 1)
        for kind in [EntryKind.service, .evidence] {
            for tasks in [1, 50] {
                let each = (kind == .service ? 2000 : 20_000) / tasks
                let (seconds, slowest) = try await load(store, kind, tasks: tasks, each: each)
                CrashProbe.say(
                    "\(kind) from \(tasks): \(Int(Double(each * tasks) / seconds)) appends/s,"
                        + " slowest of the median task \(slowest) µs")
            }
        }
        let body = [UInt8](repeating: 65, count: 400)
        while store.head.sequence < entries {
            try await store.append(
                (0..<500).map {
                    JournalEntry(
                        kind: .event, environment: CrashProbe.place, key: "k\($0)", at: store.head.sequence, body: body)
                })
        }
        try await store.close()
        for _ in 0..<3 {
            let start = now()
            store = try await JournalStore.open(directory: directory, binary: "bench", now: 1)
            CrashProbe.say("open with \(store.head.sequence) entries: \((now() - start) / 1000) ms")
            try await store.close()
        }
        store = try await JournalStore.open(directory: directory, binary: "bench", now: 1)
        var start = now()
        let report = try await JournalReader.open(directory: directory, binary: "bench").verify()
        CrashProbe.say("verify: \((now() - start) / 1000) ms, whole: \(report.isWhole)")
        for query in [
            JournalQuery(kinds: [.event]), JournalQuery(kinds: []),
            JournalQuery(kinds: [.event], environment: CrashProbe.place, key: "k7"),
            JournalQuery(kinds: [.event], environment: CrashProbe.place, key: "none"),
        ] {
            start = now()
            let found = try await store.history(query)
            CrashProbe.say("history key \(query.key ?? "-"): \(found.count) in \(now() - start) µs")
        }
        start = now()
        let newest = try await store.latest()
        CrashProbe.say("latest: \(newest.count) in \(now() - start) µs")
        start = now()
        let compacted = try await store.compact(
            keeping: JournalRetention(evidence: .zero, superseded: .zero), now: .max)
        CrashProbe.say("compact: \(compacted.dropped) dropped in \((now() - start) / 1000) ms")
        try await store.close()
    }

    private static func load(
        _ store: JournalStore, _ kind: EntryKind, tasks: Int, each: Int
    ) async throws -> (seconds: Double, slowest: Int) {
        let start = now()
        let slowest = try await withThrowingTaskGroup { group in
            for task in 0..<tasks {
                group.addTask {
                    var slowest = 0
                    for number in 0..<each {
                        let began = now()
                        let body = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 600)
                        try await store.append([
                            JournalEntry(
                                kind: kind, environment: CrashProbe.place, key: "t\(task)", at: 1, body: body)
                        ])
                        slowest = max(slowest, now() - began)
                    }
                    return slowest
                }
            }
            var all: [Int] = []
            for try await one in group { all.append(one) }
            return all.sorted()[all.count / 2]
        }
        return (Double(now() - start) / 1_000_000, slowest)
    }

    /// Microseconds of the monotonic clock.
    private static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
    }
}
