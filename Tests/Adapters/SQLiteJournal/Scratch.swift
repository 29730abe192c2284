import Domain
import Foundation
import Glibc
import JournalConformance
import Ports
import SQLiteJournal
import Testing

/// A directory of its own for one test, removed when the test is done.
final class Scratch: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/slipway-journal-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw PortError(.storage, "mkdtemp: \(errno)") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: path) } catch { Issue.record(error, "left \(path) behind") }
    }

    var journal: String { path + "/journal" }
    var database: String { journal + "/journal.db" }

    func open() async throws -> JournalStore {
        try await JournalStore.open(directory: journal, binary: "1.0.0", now: 1000)
    }

    func reader() async throws -> JournalReader {
        try await JournalReader.open(directory: journal, binary: "1.0.0")
    }

    /// A journal with some entries, closed again.
    func filled(_ entries: Int) async throws {
        let store = try await open()
        for first in stride(from: 0, to: entries, by: 50) {
            try await store.append((first..<min(entries, first + 50)).map { sample($0) })
        }
        try await store.close()
    }
}

let shop = EnvironmentID(project: "shop", name: "production")

/// One of many different entries.
func sample(_ number: Int, kind: EntryKind? = nil) -> JournalEntry {
    JournalEntry(
        kind: kind ?? EntryKind.allCases[number % EntryKind.allCases.count],
        environment: number % 5 == 0 ? nil : shop, key: "key\(number % 7)", at: Int64(number),
        body: (0..<(20 + number % 300)).map { UInt8(truncatingIfNeeded: $0 &* number) })
}

/// The SQLite journal for the conformance suite.
struct StoreSubject: JournalSubject {
    let scratch: Scratch

    func make() async throws -> JournalStore { try await scratch.open() }

    func reopen(_ journal: JournalStore) async throws -> JournalStore {
        try await journal.close()
        return try await scratch.open()
    }

    func discard(_ journal: JournalStore) async throws {
        try await journal.close()
        let report = try await scratch.reader().verify()
        #expect(report.isWhole, "\(report.problems)")
    }
}

/// The twin for the conformance suite.
struct MemorySubject: JournalSubject {
    func make() async throws -> MemoryJournal { MemoryJournal() }
    func reopen(_ journal: MemoryJournal) async throws -> MemoryJournal { journal.afterKill() }
    func discard(_ journal: MemoryJournal) async throws { journal.close() }
}

/// What an operation was refused with; nil, and an issue, when it was not.
func refusal(
    _ operation: () async throws -> some Any, sourceLocation: SourceLocation = #_sourceLocation
) async throws -> PortError? {
    do {
        _ = try await operation()
        Issue.record("was not refused", sourceLocation: sourceLocation)
        return nil
    } catch let error as PortError {
        return error
    }
}

/// Polls until a condition holds.
func eventually(within seconds: Double, _ condition: () throws -> Bool) async throws -> Bool {
    let end = Date.now.addingTimeInterval(seconds)
    while Date.now < end {
        if try condition() { return true }
        try await Task.sleep(for: .milliseconds(2))
    }
    return try condition()
}

/// Whether a tool that a test needs is there. What is missing is skipped aloud on a laptop and an error in CI.
func isAvailable(_ what: String, _ condition: Bool) -> Bool {
    if !condition {
        if ProcessInfo.processInfo.environment["SLIPWAY_REQUIRE_PEERS"] == "1" {
            Issue.record("needs \(what)")
        } else {
            print("SKIPPED: needs \(what)")
        }
    }
    return condition
}

/// Whether a file system of one's own can be mounted: root in a container often may not (CAP_SYS_ADMIN). Without it a
/// test is skipped aloud, even in CI: nothing that could be installed would help.
func mayMount() -> Bool {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    let effective = line.flatMap { UInt64($0.dropFirst(7).trimmingPrefix(while: \.isWhitespace), radix: 16) } ?? 0
    let mayMount = effective & (1 << 21) != 0
    if !mayMount { print("SKIPPED: nothing can be mounted here") }
    return mayMount
}
