import Domain
import Testing

@testable import Engine

/// Effects wait for their turn, and only what was said last of a subject counts.
@Suite struct EffectLaneTests {
    private static let shop = EnvironmentID(project: "shop", name: "production")
    private static let other = EnvironmentID(project: "shop", name: "staging")

    private func run(_ service: String, _ generation: UInt64, in environment: EnvironmentID = shop) -> Effect {
        .run(
            RuntimeWish(
                environment: environment, service: ServiceName(service), fence: 1, generation: generation, sets: []))
    }

    @Test func soManyAreCarriedOutAtATime() {
        let lanes = EffectLanes(width: 2)
        #expect(lanes.enter(run("a", 1)) && lanes.enter(run("b", 1)))
        #expect(!lanes.enter(run("c", 1)))
        #expect(lanes.enter(run("a", 1, in: Self.other)), "another environment has a lane of its own")
        #expect(lanes.next(after: run("a", 1)) == run("c", 1))
        #expect(lanes.next(after: run("b", 1)) == nil)
        #expect(lanes.enter(run("d", 1)), "b has left its place")
        #expect(!lanes.enter(run("e", 1)))
    }

    @Test func onlyTheLastWordOfASubjectHasItsTurn() {
        let lanes = EffectLanes(width: 1)
        #expect(lanes.enter(run("a", 1)))
        let letGo = Effect.letGo(Self.shop, ServiceName("b"), [])
        for effect in [run("b", 1), run("c", 1), letGo, run("b", 2)] { #expect(!lanes.enter(effect)) }
        #expect(lanes.next(after: run("a", 1)) == run("b", 2))
        #expect(!lanes.enter(run("b", 3)), "it is said anew while it is carried out")
        #expect(lanes.next(after: run("b", 2)) == run("c", 1))
        #expect(lanes.next(after: run("c", 1)) == letGo)
        #expect(lanes.next(after: letGo) == run("b", 3))
        #expect(lanes.next(after: run("b", 3)) == nil)
        #expect(lanes.enter(run("a", 2)), "the lane is empty")
    }

    @Test func whoWaitsKeepsItsTurnHoweverLongTheLaneIsBusy() {
        let lanes = EffectLanes(width: 1)
        #expect(lanes.enter(run("a", 1)))
        var current = run("a", 1)
        #expect(!lanes.enter(run("s0", 1)))
        for index in 0..<3000 {
            #expect(!lanes.enter(run("s\(index + 1)", 1)))
            guard let next = lanes.next(after: current) else {
                Issue.record("s\(index) lost its turn")
                return
            }
            #expect(next == run("s\(index)", 1))
            current = next
        }
    }
}
