import Domain
import SupervisorAPI
import Testing

@testable import Commands

@Suite struct QuarantineTests {
    init() { inUTC }

    @Test func list() throws {
        let entries = [(15, "gate smoke: status 500\nmore"), (0, "leaks memory")].map { number, reason in
            QuarantinedRelease(
                service: Sample.api, release: ReleaseNumber(number), digest: .of([UInt8(number)]), at: Sample.now,
                reason: reason)
        }
        try expectGolden("quarantine", QuarantineCommand.lines(QuarantineReport(entries: entries)))
        #expect(QuarantineCommand.lines(QuarantineReport(entries: [])) == ["nothing is in quarantine"])
    }
}
