import Deployments
import Domain
import Planning
import Rollouts
import Testing

@Suite struct RollbackPlanTests {
    private func earlier(_ release: Release, isKept: Bool = true) -> EarlierRelease {
        let strategy = StrategySpec(
            kind: .canary(CanarySpec(steps: [.weight(Weight(clamping: 10)), .gate(GateName("up"))])))
        let gate = GateSpec(name: GateName("up"), question: .health)
        return EarlierRelease(release: release, strategy: strategy, gates: [gate], isKept: isKept)
    }

    @Test func theWholeEnvironmentGoesBackInTheOrderOfNeeds() throws {
        let api = try Shop.release(Shop.spec("api", replicas: 2), 1)
        let web = try Shop.release(Shop.spec("web", needs: ["api"]), 1)
        let jobs = try Shop.release(Shop.spec("jobs"), 1)
        let standing = Shop.standing(
            try Shop.release(Shop.spec("api", replicas: 5), 3),
            try Shop.release(Shop.spec("web", needs: ["api"], replicas: 2), 2), jobs)
        let way = WayBack(
            releases: [earlier(web), earlier(api)], newer: [ServiceName("jobs")], takesDown: false,
            target: "deployment #1")
        let plan = planRollback(way, over: standing)
        #expect(plan.items.map(\.service.text) == ["api", "web"])
        #expect(plan.items.map(\.wave) == [0, 1])
        #expect(plan.items[0].from == ReleaseNumber(3) && plan.items[0].to == ReleaseNumber(1))
        #expect(plan.items[0].changes == [FieldChange(field: "replicas", old: "5", new: "2")])
        #expect(plan.items[0].gates.isEmpty, "what stood before has passed its gates")
        #expect(plan.notes.count == 1 && plan.notes[0].hasPrefix("jobs did not stand in deployment #1"))
        var down = way
        down.takesDown = true
        #expect(planRollback(down, over: standing).order(kind: .rollback, reason: "").removals == [jobs.service])
    }

    @Test func whatStandsAlreadyIsLeftAlone() throws {
        let api = try Shop.release(Shop.spec("api"), 3)
        let way = WayBack(releases: [earlier(api)], newer: [], takesDown: false, target: "deployment #1")
        let plan = planRollback(way, over: Shop.standing(api))
        #expect(plan.items.map(\.action) == [.keep])
        #expect(plan.order(kind: .rollback, reason: "").items.isEmpty)
        #expect(planRollback(way, over: Shop.standing(api, down: ["api"])).items.map(\.action) == [.start])
    }

    @Test func lostFilesAndQuarantineAreObjections() throws {
        let api = try Shop.release(Shop.spec("api"), 1)
        var standing = Shop.standing(try Shop.release(Shop.spec("api", replicas: 2), 2))
        let gone = WayBack(releases: [earlier(api, isKept: false)], newer: [], takesDown: false, target: "#1")
        #expect(
            planRollback(gone, over: standing).objections.map(\.message) == [
                "the files of api@1 are not kept any more"
            ])
        standing.state.quarantine = [
            QuarantineEntry(
                service: api.service, release: api.number, digest: api.digest, at: 0, reason: "it failed")
        ]
        let way = WayBack(releases: [earlier(api)], newer: [], takesDown: false, target: "#1")
        let objection = try #require(planRollback(way, over: standing).objections.first)
        #expect(objection.code == .quarantined && objection.message.hasPrefix("api@1 ("))
    }
}
