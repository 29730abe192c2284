import Deployments
import Domain
import Engine
import Ports
import Testing

@Suite struct EngineLoopTests {
    let id = EnvironmentID(project: "shop", name: "dev")
    let now = Moment(wall: 1_000_000, boot: 1_000, bootID: 1)

    private func deploy(_ digest: UInt64 = 1) -> AddressedCommand {
        let facts = ReleaseFacts(
            number: ReleaseNumber(0), digest: ContentDigest(words: (digest, 0, 0, 0)), replicas: 1, isRouted: true,
            drain: .seconds(1))
        let item = OrderItem(
            service: ServiceName("web"), wave: 0, release: .new(facts: facts, parts: []), strategy: .standard, gates: []
        )
        return AddressedCommand(
            environment: id,
            envelope: CommandEnvelope(
                id: 7, by: "ann", command: .deploy(DeployOrder(kind: .deploy, reason: "", items: [item]))))
    }

    @Test func aDeployIsAnsweredWrittenAndCarriedOut() throws {
        var loop = try EngineLoop(restoring: [], fence: 3)
        let turn = loop.turn([], [deploy()], now: now)
        #expect(turn.answers == [CommandAnswer(id: 7, outcome: .accepted(DeploymentNumber(1)))])
        #expect(turn.entries.contains { $0.kind == .release && $0.key == "web@1" })
        #expect(turn.entries.contains { $0.kind == .service && $0.key == "web" })
        #expect(turn.effects.contains { if case .run(let wish) = $0 { wish.fence == 3 } else { false } })
    }

    @Test func aSecondDeployIsRefused() throws {
        var loop = try EngineLoop(restoring: [], fence: 1)
        _ = loop.turn([], [deploy()], now: now)
        let turn = loop.turn([], [deploy(2)], now: now)
        guard case .refused(let refusal)? = turn.answers.first?.outcome else {
            Issue.record("it must be refused")
            return
        }
        #expect(refusal.code == .busy)
        #expect(turn.entries.isEmpty)
    }

    @Test func aRestartGoesOnWhereTheJournalEnds() throws {
        var loop = try EngineLoop(restoring: [], fence: 1)
        let entries = loop.turn([], [deploy()], now: now).entries
        let other = try EngineLoop(restoring: entries, fence: 2)
        #expect(other.environments == loop.environments)
    }

    @Test func aNewSupervisorLeavesTheTableUntilItKnowsWhatRuns() throws {
        var loop = try EngineLoop(restoring: [], fence: 1)
        var entries = loop.turn([], [deploy()], now: now).entries
        let view = RuntimeView(
            version: 1, fence: 1, generation: 1, sets: [SetView(release: ReleaseNumber(1), state: .prepared)],
            instances: [InstanceView(id: InstanceID(1), release: ReleaseNumber(1), phase: .ready)])
        let seen = EnvironmentSnapshot(id: id, services: [ServiceSnapshot(service: ServiceName("web"), runtime: view)])
        for _ in 0..<4 { entries += loop.turn([seen], [], now: now).entries }
        var newest: [String: JournalEntry] = [:]
        for entry in entries where entry.kind.isState { newest["\(entry.kind) \(entry.key)"] = entry }
        var other = try EngineLoop(restoring: newest.values.sorted { $0.key < $1.key }, fence: 2)
        let turn = other.turn([], [], now: now)
        #expect(!turn.effects.contains { if case .route = $0 { true } else { false } })
        #expect(turn.effects.contains { if case .run = $0 { true } else { false } })
    }

    @Test func damageIsNamedAndNotRepaired() {
        let entry = JournalEntry(kind: .service, environment: id, key: "web", at: 0, body: [1, 255])
        do {
            _ = try EngineLoop(restoring: [entry], fence: 1)
            Issue.record("it must not start")
        } catch {
            #expect("\(error)".contains("service web of shop/dev"))
        }
    }
}
