import Deployments
import Domain
import Engine
import Ports
import Rollouts
import Testing

@Suite("Environments that go from one Slipway to another")
struct HandoverTests {
    private static let shop = EnvironmentID(project: "shop", name: "production")

    private func entries(handover: [Bool]) -> [JournalEntry] {
        let service = ServiceState(service: ServiceName("api"))
        let state = JournalEntry(
            kind: .service, environment: Self.shop, key: "api", at: 1,
            body: service.recorded(version: ServiceState.recordVersion))
        return [state]
            + handover.map { isGiven in
                JournalEntry(
                    kind: .handover, environment: Self.shop, key: "", at: 2,
                    body: HandoverRecord(isGiven: isGiven, owner: "laptop", by: "ada")
                        .recorded(version: HandoverRecord.version))
            }
    }

    @Test("one that was given away is not driven any more")
    func given() throws {
        #expect(try EngineLoop(restoring: entries(handover: [true]), fence: 1).environments.isEmpty)
    }

    @Test("one that was taken over is")
    func taken() throws {
        let loop = try EngineLoop(restoring: entries(handover: [false]), fence: 1)
        #expect(loop.environments.map(\.id) == [Self.shop])
    }

    @Test("a record of it that cannot be read is told by its name")
    func unreadable() {
        let bad = JournalEntry(kind: .handover, environment: Self.shop, key: "", at: 1, body: [99])
        let error = #expect(throws: RestoreError.self) { try EngineLoop(restoring: [bad], fence: 1) }
        #expect(error?.entry.contains("handover") == true && error?.isNewer == true)
    }
}
