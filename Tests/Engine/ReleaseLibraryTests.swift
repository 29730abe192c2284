import Domain
import Engine
import FoundationEssentials
import JournalConformance
import Ports
import Synchronization
import Testing

/// Releases are read from the journal when they are asked for, and let go of again.
struct ReleaseLibraryTests {
    private let environment = EnvironmentID(project: "shop", name: "prod")
    private let service = ServiceName("api")

    @Test func everyReleaseIsFoundHoweverManyThereAre() async throws {
        let journal = CountingJournal(MemoryJournal())
        let library = ReleaseLibrary(journal: journal)
        for number in 1...40 {
            try await journal.append([try entry(number)])
        }
        for number in [40, 1, 17, 40] {
            let release = try await library.release(ReleaseNumber(number), of: service, in: environment)
            #expect(release.number == ReleaseNumber(number) && release.parts.spec.image == "api:\(number)")
        }
        #expect(journal.reads == 3, "the last one was known")
        let baseline = try await library.release(ReleaseNumber(17).baseline, of: service, in: environment)
        #expect(baseline.number == ReleaseNumber(17).baseline && journal.reads == 3)
        for number in 1...10 { _ = try await library.release(ReleaseNumber(number), of: service, in: environment) }
        _ = try await library.release(ReleaseNumber(40), of: service, in: environment)
        #expect(journal.reads == 13, "those of long ago are read again; the first was known")
        await #expect(throws: PortError.self) {
            try await library.release(ReleaseNumber(41), of: service, in: environment)
        }
    }

    @Test(arguments: [0, 1, 31, 32, 33, 64, 100])
    func allAreReadOnceAndTheNewestFirst(_ count: Int) async throws {
        let journal = MemoryJournal()
        for number in 1...count + 1 where number <= count { try await journal.append([try entry(number)]) }
        var numbers: [ReleaseNumber] = []
        try await ReleaseLibrary(journal: journal).each(in: environment) { numbers.append($0.number) }
        #expect(numbers == (0..<count).map { ReleaseNumber(count - $0) })
    }

    private func entry(_ number: Int) throws -> JournalEntry {
        let parts = ReleaseParts(artifact: nil, spec: ServiceSpec(service: service, image: "api:\(number)"))
        let release = Release(
            environment: environment, number: ReleaseNumber(number), digest: try parts.digest(), parts: parts,
            createdAt: 0, createdBy: "a test")
        let record = ReleaseRecord(
            facts: release.facts, createdAt: 0, createdBy: "a test", parts: Array(try JSONEncoder().encode(parts)))
        return JournalEntry(
            kind: .release, environment: environment, key: release.label, at: 0,
            body: record.recorded(version: ReleaseRecord.version, capacity: 512))
    }
}

/// Counts who reads.
private final class CountingJournal: JournalPort {
    private let journal: MemoryJournal
    private let count = Mutex(0)

    init(_ journal: MemoryJournal) { self.journal = journal }

    var reads: Int { count.withLock { $0 } }

    func append(_ entries: [JournalEntry]) async throws { try await journal.append(entries) }

    func latest() async throws -> [JournalEntry] { try await journal.latest() }

    func history(_ query: JournalQuery) async throws -> [StoredEntry] {
        count.withLock { $0 += 1 }
        return try await journal.history(query)
    }
}
