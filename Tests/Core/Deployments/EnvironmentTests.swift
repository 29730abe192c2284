import Deployments
import Domain
import Rollouts
import Testing

@Suite struct EnvironmentTests {
    let now = Moment(wall: 1_000_000, boot: 1_000, bootID: 1)

    private func item(_ name: String, wave: Int, digest: UInt64) -> OrderItem {
        OrderItem(
            service: ServiceName(name), wave: wave,
            release: .new(
                facts: ReleaseFacts(
                    number: ReleaseNumber(0), digest: ContentDigest(words: (digest, 0, 0, 0)), replicas: 1,
                    isRouted: true, drain: .zero), parts: []),
            strategy: .standard, gates: [])
    }

    private func ask(
        _ state: inout EnvironmentState, _ command: EnvironmentCommand
    ) -> (EnvironmentDecision, CommandOutcome?) {
        var decision = EnvironmentDecision()
        state.take(CommandEnvelope(id: 1, by: "ann", command: command), now: now, into: &decision)
        return (decision, decision.answers.first?.outcome)
    }

    @Test func wavesBecomeDenseAndTheFirstBegins() {
        var state = EnvironmentState(id: EnvironmentID(project: "p", name: "e"))
        let order = DeployOrder(
            kind: .deploy, reason: "", items: [item("web", wave: 7, digest: 1), item("api", wave: 2, digest: 2)])
        let (decision, outcome) = ask(&state, .deploy(order))
        #expect(outcome == .accepted(DeploymentNumber(1)))
        #expect(state.deployment?.items.map(\.wave) == [0, 1])
        #expect(decision.events.filter { $0.kind == .rolloutStarted }.map(\.service) == [ServiceName("api")])
    }

    @Test func quarantineIsHonoured() {
        var state = EnvironmentState(id: EnvironmentID(project: "p", name: "e"))
        let digest = ContentDigest(words: (1, 0, 0, 0))
        _ = ask(&state, .quarantine(service: ServiceName("web"), digest: digest, reason: "bad"))
        let order = DeployOrder(kind: .deploy, reason: "", items: [item("web", wave: 0, digest: 1)])
        guard case .refused(let refusal)? = ask(&state, .deploy(order)).1 else {
            Issue.record("it must be refused")
            return
        }
        #expect(refusal.code == .quarantined)
        _ = ask(&state, .liftQuarantine(digest: digest, reason: "fine"))
        #expect(ask(&state, .deploy(order)).1 == .accepted(DeploymentNumber(1)))
    }

    @Test func aDeploymentThatOnlyRemovesIsCommittedAndRecorded() throws {
        var state = EnvironmentState(id: EnvironmentID(project: "p", name: "e"))
        var old = ServiceState(service: ServiceName("old"))
        old.stable = ReleaseFacts(
            number: ReleaseNumber(3), digest: ContentDigest(words: (3, 0, 0, 0)), replicas: 1, isRouted: true,
            drain: .zero)
        state.services = [old]
        let order = DeployOrder(
            kind: .deploy, reason: "", items: [], removals: [ServiceName("old"), ServiceName("unknown")],
            origin: "staging #2")
        #expect(ask(&state, .deploy(order)).1 == .accepted(DeploymentNumber(1)))
        #expect(state.deployment?.removals == [ServiceName("old")])
        #expect(!state.services[0].isDown, "nothing is taken down before the commit")
        var decision = EnvironmentDecision()
        state.step([ServiceObservation(now: now, fence: 1)], now: now, into: &decision)
        let ended = try #require(decision.ended.first)
        #expect(ended.phase == .committed && ended.standing.isEmpty)
        let again = try DeploymentState(recorded: ended.recorded(version: 1), known: 1)
        #expect(again == ended && again.origin == "staging #2")
        #expect(state.services[0].isDown && state.services[0].isPruned)
        let service = try ServiceState(recorded: state.services[0].recorded(version: 1), known: 1)
        #expect(service == state.services[0])
        guard case .nothingToDo? = ask(&state, .deploy(order)).1 else {
            Issue.record("it is gone already")
            return
        }
    }

    @Test func strategiesKeepWhatBecomesOfAFailure() throws {
        var strategy = StrategySpec.standard
        strategy.onFailure = .hold
        #expect(try StrategySpec(recorded: strategy.recorded(version: 1), known: 1) == strategy)
        #expect(try StrategySpec(recorded: StrategySpec.standard.recorded(version: 1), known: 1).onFailure == .revert)
    }

    @Test func promoteWithoutADeploymentIsRefused() {
        var state = EnvironmentState(id: EnvironmentID(project: "p", name: "e"))
        guard case .refused? = ask(&state, .promote(nil, skipGate: nil)).1 else {
            Issue.record("there is nothing to promote")
            return
        }
    }
}
