import Domain
import Rollouts
import Testing

@Suite struct MigrationTests {
    private let now = Moment(wall: 1_000_000, boot: 1_000, bootID: 1)

    private func stages(
        _ kind: StrategyKind, isFirst: Bool = false, isReturn: Bool = false, isCompatible: Bool = true
    ) -> [Stage] {
        RolloutPlan(
            strategy: StrategySpec(kind: kind), gates: [], isFirst: isFirst, isReturn: isReturn, isRouted: true,
            migration: MigrationFacts(schema: "7", isCompatible: isCompatible)
        ).stages
    }

    @Test func aMigrationComesFirstThenStableIsVerified() {
        #expect(stages(.rolling(RollingSpec())) == [.migrate("7"), .verifyStable, .roll])
        #expect(stages(.rolling(RollingSpec()), isCompatible: false) == [.migrate("7"), .verifyStable, .roll])
    }

    @Test func theFirstReleaseHasNoStableToVerify() {
        #expect(stages(.rolling(RollingSpec()), isFirst: true) == [.migrate("7"), .bringUp, .shift(.all)])
    }

    @Test func aReturnMigratesToWhatWasNeverReached() {
        let found = stages(.rolling(RollingSpec()), isReturn: true)
        #expect(found == [.migrate("7"), .verifyStable, .bringUp, .shift(.all)])
    }

    @Test func withRecreateTheOldReleaseNeverMeetsASchemaThatItDoesNotKnow() {
        let strategy = StrategyKind.recreate(RecreateSpec())
        #expect(
            stages(strategy, isCompatible: false) == [.holdRequests, .stopOld, .migrate("7"), .bringUp, .shift(.all)])
        #expect(
            stages(strategy) == [.migrate("7"), .verifyStable, .holdRequests, .stopOld, .bringUp, .shift(.all)])
    }

    @Test func whatAReleaseDoesNotKnowOfIsWhatCameAfterItsMark() {
        var state = ServiceState(service: ServiceName("api"))
        for (schema, release) in [("1", 2), ("2", 4), ("3", 9)] {
            state.schemas.append(
                AppliedSchema(schema: schema, isCompatible: schema != "2", release: ReleaseNumber(release)))
        }
        func beyond(_ number: Int, _ schema: String?, isNew: Bool = false) -> [String] {
            let facts = ReleaseFacts(
                number: ReleaseNumber(number), digest: ContentDigest(words: (1, 0, 0, 0)), replicas: 1, isRouted: true,
                drain: .zero, migration: schema.map { MigrationFacts(schema: $0, isCompatible: true) })
            return state.migrations(beyond: facts, isNew: isNew).map(\.schema)
        }
        #expect(beyond(3, "1") == ["2", "3"])
        #expect(beyond(12, "2", isNew: true) == ["3"])
        #expect(beyond(9, "3") == [])
        #expect(beyond(13, "4", isNew: true) == [], "it has not been migrated to yet")
        #expect(beyond(1, nil) == ["1", "2", "3"])
        #expect(beyond(5, nil) == ["3"])
        #expect(beyond(0, nil, isNew: true) == [], "a new release without a mark says nothing of the schema")
    }

    @Test func recordsComeBack() throws {
        let facts = ReleaseFacts(
            number: ReleaseNumber(3), digest: ContentDigest.of([1]), replicas: 2, isRouted: true, drain: .seconds(1),
            migration: MigrationFacts(
                schema: "2026-02", isCompatible: true, timeout: .minutes(3), verify: .zero, gate: GateName("smoke")))
        #expect(try ReleaseFacts(recorded: facts.recorded(version: 1), known: 1) == facts)
        var run = MigrationRun(attempt: 2, phase: .stopping, since: now, fence: 9)
        run.runningSince = now.advanced(by: .seconds(1))
        run.signalled = now.advanced(by: .seconds(2))
        #expect(try MigrationRun(recorded: run.recorded(version: 1), known: 1) == run)
        var state = ServiceState(service: ServiceName("api"))
        state.schemas = [AppliedSchema(schema: "7", isCompatible: true, release: ReleaseNumber(3))]
        let bytes = state.recorded(version: ServiceState.recordVersion)
        #expect(try ServiceState(recorded: bytes, known: ServiceState.recordVersion) == state)
        let plan = RolloutPlan(
            strategy: .standard, gates: [], isFirst: false, isRouted: true, migration: facts.migration)
        #expect(try RolloutPlan(recorded: plan.recorded(version: 1), known: 1) == plan)
    }
}
