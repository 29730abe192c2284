import Deployments
import Domain
import Planning
import Rollouts
import Testing

@Suite struct DeployPlanTests {
    @Test func itNamesReleasesWavesAndDifferences() throws {
        let standing = Shop.standing(try Shop.release(Shop.spec("api"), 4))
        let project = Shop.project(Shop.spec("api", replicas: 3), Shop.spec("web", needs: ["api"]))
        let plan = try Shop.plan(Desired(project: project, artifacts: []), standing)
        #expect(plan.items.map(\.service.text) == ["api", "web"])
        #expect(plan.items.map(\.wave) == [0, 1])
        #expect(plan.items.map(\.action) == [.change, .create])
        #expect(plan.items[0].from == ReleaseNumber(4) && plan.items[0].to == ReleaseNumber(5))
        #expect(plan.items[0].changes == [FieldChange(field: "replicas", old: "1", new: "3")])
        #expect(plan.order(kind: .deploy, reason: "").items.count == 2)
    }

    @Test func whatAClustersRouterCannotShareOutIsRefused() throws {
        func objections(_ router: ClusterRouter, routes: Bool, matches: Int = 0) throws -> [String] {
            var spec = Shop.spec("api")
            spec.image = "registry.example.com/api:1"
            spec.command = []
            if routes { spec.routes = [RouteSpec(listen: "80", host: "shop.example.com")] }
            let canary = CanarySpec(
                steps: [.weight(Weight(clamping: 10))],
                matches: (0..<matches).map { .header(name: "X-\($0)", value: "1") })
            let project = ProjectSpec(
                environment: Shop.id, runtime: .kubernetes,
                services: [ServicePlanSpec(spec: spec, strategy: StrategySpec(kind: .canary(canary)))],
                cluster: ClusterSpec(namespace: "shop", router: router))
            return try Shop.plan(Desired(project: project, artifacts: []), Shop.standing()).objections.map(\.message)
        }
        for router in [ClusterRouter.gateway, .nginx, .istio] {
            #expect(try objections(router, routes: true, matches: 1) == [])
        }
        let outside = "api has no `routes`, and `router: gateway` shares only requests from outside"
        #expect(try objections(.gateway, routes: false) == [outside])
        #expect(try objections(.istio, routes: false) == [])
        #expect(
            try objections(.nginx, routes: true, matches: 2) == ["api has 2 `matches`, and an NGINX Ingress knows one"])
        #expect(try objections(.slipway, routes: false, matches: 2) == [])
    }

    @Test func whereNobodySplitsRequestsInstancesShareThem() throws {
        func plan(_ change: (inout ServicePlanSpec) -> Void = { _ in }) throws -> DeployPlan {
            var spec = Shop.spec("api", replicas: 4)
            spec.image = "registry.example.com/api:1"
            spec.command = []
            let canary = CanarySpec(
                steps: [5, 20, 50, 80].map { .weight(Weight(clamping: $0)) } + [.hold(.seconds(1))], sticky: false)
            var planned = ServicePlanSpec(spec: spec, strategy: StrategySpec(kind: .canary(canary)))
            change(&planned)
            let project = ProjectSpec(
                environment: Shop.id, runtime: .kubernetes, services: [planned],
                cluster: ClusterSpec(namespace: "shop", router: .replicas))
            return try Shop.plan(Desired(project: project, artifacts: []), Shop.standing())
        }
        let shared = try plan()
        #expect(shared.objections.isEmpty)
        #expect(
            shared.notes == [
                "api: instances share the requests: 5% is 1 of 5 (20%), 20% is 1 of 5, 50% is 4 of 8, 80% is 4 of 5"
            ])
        guard case .canary(let spec) = shared.items[0].order?.strategy.kind else {
            Issue.record("the order is no canary")
            return
        }
        #expect(spec.sharesReplicas)
        let scaled = try messages(of: plan { $0.spec.scale = ScaleSpec(min: 1, max: 8, targets: []) })
        #expect(scaled.contains { $0.hasPrefix("api has `scale` and a canary") })
        let warm = try messages(of: plan { $0.strategy.keepWarm = 1 })
        #expect(warm.contains { $0.hasPrefix("api has `keepWarm` and a canary") })
    }

    @Test func whatARouterCannotHoldIsSaidToBeRefused() throws {
        let recreate = StrategySpec(kind: .recreate(RecreateSpec()))
        var standing = Shop.standing(try Shop.release(Shop.spec("api"), 4))
        let desired = Desired(project: Shop.project(Shop.spec("api", replicas: 3), strategy: recreate), artifacts: [])
        #expect(try Shop.plan(desired, standing).notes.isEmpty)
        standing.router.hold = false
        let plan = try Shop.plan(desired, standing)
        #expect(plan.objections.isEmpty)
        #expect(plan.notes == ["api: requests are refused while it is replaced: this router cannot hold them"])
    }

    private func messages(of plan: DeployPlan) -> [String] { plan.objections.map(\.message) }

    /// A migration is a Job there, and runs first as everywhere.
    @Test func aMigrationIsRunOnAClusterToo() throws {
        var spec = Shop.spec("api")
        spec.image = "registry.example.com/api:1"
        spec.command = []
        spec.migrate = MigrationSpec(command: ["./migrate"], schema: "7")
        let project = ProjectSpec(
            environment: Shop.id, runtime: .kubernetes,
            services: [ServicePlanSpec(spec: spec, strategy: StrategySpec(kind: .rolling(RollingSpec())))],
            cluster: ClusterSpec(namespace: "shop"))
        let plan = try Shop.plan(Desired(project: project, artifacts: []), Shop.standing())
        #expect(plan.objections.isEmpty && plan.order(kind: .deploy, reason: "").items.count == 1)
    }

    @Test func anEnvironmentStaysInItsNamespaceWhileItStands() throws {
        var spec = Shop.spec("api")
        spec.image = "registry.example.com/api:1"
        let parts = ReleaseParts(
            artifact: nil, spec: spec, place: ClusterPlace(cluster: ClusterSpec(namespace: "shop")))
        let release = Release(
            environment: Shop.id, number: ReleaseNumber(1), digest: try parts.digest(), parts: parts, createdAt: 0,
            createdBy: "ann")
        func objections(_ namespace: String, down: [String] = []) throws -> [String] {
            let project = ProjectSpec(
                environment: Shop.id, runtime: .kubernetes,
                services: [ServicePlanSpec(spec: spec, strategy: .standard)],
                cluster: ClusterSpec(namespace: namespace))
            return try messages(
                of: Shop.plan(Desired(project: project, artifacts: []), Shop.standing(release, down: down)))
        }
        #expect(try objections("shop").isEmpty)
        #expect(
            try objections("other") == [
                "api stands in namespace shop, and is wanted in other: an environment cannot move while it stands"
            ])
        #expect(try objections("other", down: ["api"]).isEmpty)
        var moved = parts
        moved.place?.cluster.namespace = "other"
        let earlier = Release(
            environment: Shop.id, number: ReleaseNumber(1), digest: try moved.digest(), parts: moved, createdAt: 0,
            createdBy: "ann")
        let way = WayBack(
            releases: [EarlierRelease(release: earlier, strategy: .standard, gates: [], isKept: true)], newer: [],
            takesDown: false, target: "#1")
        #expect(messages(of: planRollback(way, over: Shop.standing(release))).count == 1)
    }

    /// A release is made anew for its place alone too: the plan says for which field.
    @Test func whatDiffersOnAClusterIsToldFieldByField() throws {
        var spec = Shop.spec("api")
        spec.kubernetes = KubernetesSpec()
        let here = ClusterPlace(cluster: ClusterSpec(namespace: "shop"))
        var there = here
        there.callers = [ServiceName("web")]
        there.peers = [ClusterPeer(service: ServiceName("queue"), port: 5672)]
        there.cluster.ingress.rateLimit = 20
        var other = spec
        other.kubernetes?.security.user = 1000
        other.kubernetes?.labels = [Variable(name: "team", value: "shop")]
        let found = changes(
            from: ReleaseParts(artifact: nil, spec: spec, place: here),
            to: ReleaseParts(artifact: nil, spec: other, place: there))
        let fields = found.map { "\($0.field): \($0.old) -> \($0.new)" }
        #expect(
            fields == [
                "kubernetes.labels.0.name:  -> team", "kubernetes.labels.0.value:  -> shop",
                "kubernetes.security.user:  -> 1000", "cluster.ingress.rateLimit:  -> 20", "needs.queue:  -> port 5672",
                "neededBy:  -> web",
            ])
    }

    @Test func aVariableThatIsEmptyIsNotOneThatIsMissing() throws {
        let spec = Shop.spec("api")
        var (full, empty) = (spec, spec)
        full.env = [Variable(name: "BANNER", value: "sale")]
        empty.env = [Variable(name: "BANNER", value: "")]
        let parts = [spec, full, empty].map { ReleaseParts(artifact: nil, spec: $0, place: nil) }
        #expect(
            changes(from: parts[0], to: parts[2]) == [FieldChange(field: "env.BANNER", old: "", new: "\"\"")])
        #expect(
            changes(from: parts[1], to: parts[2]) == [FieldChange(field: "env.BANNER", old: "sale", new: "\"\"")])
    }

    @Test func itSaysHowAReleaseIsWatchedAndWhichWatchEnds() throws {
        var standing = Shop.standing(try Shop.release(Shop.spec("api"), 4))
        let watch = WatchSpec(span: .minutes(5))
        let strategy = StrategySpec(kind: .rolling(RollingSpec()), watch: watch)
        let project = Shop.project(Shop.spec("api", replicas: 3), strategy: strategy)
        let plan = try Shop.plan(Desired(project: project, artifacts: []), standing)
        #expect(plan.items.map(\.watch) == [watch] && plan.notes.isEmpty)
        standing.state.services[0].watch = WatchState(
            deployment: DeploymentNumber(7), release: try #require(standing.state.services[0].stable), from: nil,
            spec: watch, gates: [], since: Moment(wall: 0, boot: 0, bootID: 0), lastRun: 0)
        let next = try Shop.plan(Desired(project: project, artifacts: []), standing)
        #expect(next.notes == ["the watch of deployment #7 (api) ends with this one"])
    }

    @Test func aFreshBaselineIsToldOfAndRefusedWhereItCannotBe() throws {
        let gate = GateSpec(
            name: GateName("better"), question: .analysis(AnalysisSpec(errors: .absolute(1), baseline: .fresh)))
        func plan(_ weight: Int, router: RouterCapabilities = Shop.router) throws -> DeployPlan {
            let steps: [CanaryStep] = [.weight(Weight(clamping: weight)), .gate(gate.name)]
            var project = Shop.project(
                Shop.spec("api", replicas: 4), strategy: StrategySpec(kind: .canary(CanarySpec(steps: steps))))
            project.gates = [gate]
            var standing = Shop.standing(try Shop.release(Shop.spec("api"), 13))
            standing.router = router
            return try Shop.plan(Desired(project: project, artifacts: []), standing)
        }
        let good = try plan(50)
        #expect(good.objections.isEmpty)
        #expect(
            good.notes == ["api: up to 2 fresh instances of api@13 run beside the canary, as the baseline of better"])
        let heavy = try plan(60)
        #expect(heavy.objections.count == 1 && heavy.objections[0].message.contains("where there is none"))
        var lesser = Shop.router
        lesser.baseline = false
        let refused = try plan(50, router: lesser)
        #expect(refused.objections.map(\.message).contains { $0.contains("a fresh baseline beside its canary") })
    }

    @Test func aChoiceMustBringWhatItNeeds() throws {
        let project = Shop.project(Shop.spec("api"), Shop.spec("web", needs: ["api"]))
        let desired = Desired(project: project, artifacts: [], only: [ServiceName("web")])
        let alone = try Shop.plan(desired, Shop.standing())
        #expect(alone.objections.map(\.message) == ["web needs api, which does not stand in shop/production"])
        let api = try Shop.release(Shop.spec("api"), 1)
        #expect(try Shop.plan(desired, Shop.standing(api)).objections.isEmpty)
        #expect(try Shop.plan(desired, Shop.standing(api, down: ["api"])).objections.count == 1)
    }

    @Test func aServiceThatIsNamedNoMoreIsLeftOrTakenDown() throws {
        let standing = Shop.standing(try Shop.release(Shop.spec("api"), 1), try Shop.release(Shop.spec("old"), 7))
        let project = Shop.project(Shop.spec("api"))
        let left = try Shop.plan(Desired(project: project, artifacts: []), standing)
        #expect(left.notes.count == 1 && left.notes[0].contains("old runs") && left.notes[0].contains("--prune"))
        #expect(left.order(kind: .deploy, reason: "").removals.isEmpty)
        let pruned = try Shop.plan(Desired(project: project, artifacts: [], prunes: true), standing)
        #expect(pruned.items.map(\.action) == [.keep, .remove])
        #expect(pruned.items[1].from == ReleaseNumber(7) && pruned.notes.isEmpty)
        #expect(pruned.order(kind: .deploy, reason: "").removals == [ServiceName("old")])
    }

    @Test func anEarlierReleaseIsDeployedAsItWas() throws {
        let old = try Shop.release(Shop.spec("api", replicas: 2), 3)
        let standing = Shop.standing(try Shop.release(Shop.spec("api", replicas: 4), 5))
        let strategy = StrategySpec(kind: .canary(CanarySpec(steps: [.weight(Weight(clamping: 10))])))
        let desired = Desired(
            project: Shop.project(Shop.spec("api", replicas: 9), strategy: strategy), artifacts: [],
            only: [ServiceName("api")], pinned: [old])
        let item = try #require(try Shop.plan(desired, standing).items.first)
        #expect(item.from == ReleaseNumber(5) && item.to == ReleaseNumber(3))
        #expect(item.changes == [FieldChange(field: "replicas", old: "4", new: "2")])
        #expect(item.order?.release == .existing(old.facts))
        #expect(item.stages.first == "weight 10%", "it goes through its strategy, unlike a rollback")
        #expect(try Shop.plan(desired, Shop.standing(old)).items.map(\.action) == [.keep])
    }

    @Test func quarantineHasACodeAndOneLine() throws {
        let release = try Shop.release(Shop.spec("api"), 1)
        var standing = Shop.standing()
        standing.state.quarantine = [
            QuarantineEntry(
                service: release.service, release: release.number, digest: release.digest, at: 0,
                reason: "it died\n  | line one\n  | line two")
        ]
        let plan = try Shop.plan(Desired(project: Shop.project(Shop.spec("api")), artifacts: []), standing)
        let objection = try #require(plan.objections.first)
        #expect(objection.code == .quarantined)
        #expect(objection.message.hasSuffix("is in quarantine: it died"))
        #expect(objection.hint.contains("slipway quarantine lift"))
    }

    @Test func theSwitchForFailuresIsSaidWhereItHasNoEffect() throws {
        let project = Shop.project(Shop.spec("api"), Shop.spec("jobs", port: nil))
        let plan = try Shop.plan(Desired(project: project, artifacts: [], onFailure: .hold), Shop.standing())
        #expect(plan.items.map(\.onFailure) == [.hold, .revert])
        #expect(plan.notes.count == 1 && plan.notes[0].hasPrefix("jobs: a failure is reverted, not held"))
    }
}
