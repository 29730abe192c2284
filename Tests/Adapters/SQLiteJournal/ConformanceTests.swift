import JournalConformance
import Testing

@Suite("The journal keeps the port's promises")
struct ConformanceTests {
    @Test("SQLite", arguments: JournalCheck.all)
    func store(_ check: JournalCheck) async throws {
        try await check.run(StoreSubject(scratch: try Scratch()))
    }

    @Test("in memory", arguments: JournalCheck.all)
    func memory(_ check: JournalCheck) async throws {
        try await check.run(MemorySubject())
    }
}
