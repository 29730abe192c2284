import Deployments
import Domain
import Rollouts
import Testing

@Suite struct CrossingTests {
    private let now = Moment(wall: 1_000_000, boot: 1_000, bootID: 1)

    private func facts(_ number: Int, schema: String?) -> ReleaseFacts {
        ReleaseFacts(
            number: ReleaseNumber(number), digest: ContentDigest(words: (UInt64(number), 0, 0, 0)), replicas: 1,
            isRouted: true, drain: .zero, migration: schema.map { MigrationFacts(schema: $0, isCompatible: false) })
    }

    /// `api@2` stands, after a migration to `7`.
    private func migrated(isCompatible: Bool) -> EnvironmentState {
        var state = EnvironmentState(id: EnvironmentID(project: "p", name: "e"))
        var service = ServiceState(service: ServiceName("api"))
        service.stable = facts(2, schema: "7")
        service.schemas = [AppliedSchema(schema: "7", isCompatible: isCompatible, release: ReleaseNumber(2))]
        state.services = [service]
        return state
    }

    private func goBack(_ state: EnvironmentState, accept: Bool = false) -> CommandOutcome? {
        var state = state
        var decision = EnvironmentDecision()
        let item = OrderItem(
            service: ServiceName("api"), wave: 0, release: .existing(facts(1, schema: nil)), strategy: .standard,
            gates: [])
        let order = DeployOrder(kind: .rollback, reason: "", items: [item], accept: accept)
        state.take(CommandEnvelope(id: 1, by: "ann", command: .deploy(order)), now: now, into: &decision)
        return decision.answers.first?.outcome
    }

    @Test func goingBackAcrossAMigrationNeedsAWord() {
        guard case .refused(let refusal)? = goBack(migrated(isCompatible: false)) else {
            Issue.record("it must be refused")
            return
        }
        #expect(refusal.code == .needsAccept)
        #expect(refusal.message.contains("schema 7"))
        #expect(refusal.hint.contains("--accept"))
        #expect(goBack(migrated(isCompatible: false), accept: true) == .accepted(DeploymentNumber(1)))
    }

    @Test func goingBackAcrossACompatibleOneDoesNot() {
        #expect(goBack(migrated(isCompatible: true)) == .accepted(DeploymentNumber(1)))
    }

    @Test func aMarkThatWasReachedIsNotMigratedToAgain() {
        var state = migrated(isCompatible: false)
        var decision = EnvironmentDecision()
        let items = [("7", UInt64(8)), ("8", 9)].map { schema, digest in
            OrderItem(
                service: ServiceName(schema == "7" ? "api" : "web"), wave: 0,
                release: .new(
                    facts: ReleaseFacts(
                        number: ReleaseNumber(0), digest: ContentDigest(words: (digest, 0, 0, 0)), replicas: 1,
                        isRouted: true, drain: .zero,
                        migration: MigrationFacts(schema: schema, isCompatible: true)), parts: []),
                strategy: .standard, gates: [])
        }
        let order = DeployOrder(kind: .deploy, reason: "", items: items)
        state.take(CommandEnvelope(id: 1, by: "ann", command: .deploy(order)), now: now, into: &decision)
        #expect(state.deployment?.items.map { $0.plan.migration?.schema } == [nil, "8"])
    }

    @Test func nothingWaitsForAWord() {
        var state = migrated(isCompatible: false)
        var decision = EnvironmentDecision()
        state.take(
            CommandEnvelope(id: 1, by: "ann", command: .migrated(nil, .again, reason: "so")), now: now, into: &decision)
        guard case .refused? = decision.answers.first?.outcome else {
            Issue.record("there is no migration to speak of")
            return
        }
    }
}
