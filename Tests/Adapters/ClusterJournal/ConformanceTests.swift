import ClusterJournal
import JournalConformance
import Testing

@Suite("The journal in a cluster keeps the port's promises")
struct ConformanceTests {
    @Test("in custom resources", arguments: JournalCheck.all)
    func custom(_ check: JournalCheck) async throws {
        try await check.run(ClusterSubject(.crd))
    }

    @Test("in ConfigMaps", arguments: JournalCheck.all)
    func configMaps(_ check: JournalCheck) async throws {
        try await check.run(ClusterSubject(.configmaps))
    }
}
