import ClusterDouble
import Domain
import KubernetesAPI
import KubernetesCluster
import KubernetesObjects
import Ports
import RuntimeConformance
import Testing

/// Requests are led by a Service's selector, and stay led so whoever touches it.
@Suite(.timeLimit(.minutes(3))) struct KubernetesRouterTests {
    private let environment = EnvironmentID(project: "shop", name: "prod")
    private let service = ServiceName("api")
    private static let services = APIResource(.service)

    private static var times: RouterTimes {
        var times = RouterTimes()
        times.lag = .milliseconds(10)
        times.refusal = .milliseconds(20)
        times.silence = .seconds(60)
        return times
    }

    private static let routes = APIResource(.route)

    private func release(_ bench: ClusterBench, _ number: Int, _ kind: ClusterRouter) throws -> Release {
        var release = try bench.release(.serves, number, of: service, in: environment)
        release.parts.place?.cluster.router = kind
        if kind != .service {
            release.parts.spec.routes = [RouteSpec(listen: "80", host: "shop.example.com", path: "/")]
        }
        return release
    }

    /// What a gateway says of the route as it stands.
    private func answer(_ client: KubernetesClient, accepted: Bool = true) async throws {
        let route = try await client.get(Self.routes, namespace: "shop-prod", name: "api")
        let conditions = ["Accepted", "ResolvedRefs"].map { type -> ObjectValue in
            [
                "type": .text(type), "status": accepted ? "True" : "False", "reason": "NoMatchingParent",
                "message": "there is no such listener", "observedGeneration": route.at("metadata", "generation"),
            ]
        }
        _ = try await client.replace(
            Self.routes, namespace: "shop-prod", name: "api",
            route.setting(["status", "parents"], to: [["conditions": .list(conditions)]]), part: "status")
    }

    /// Two releases with two ready instances each, and a router that follows them.
    private func with(
        _ kind: ClusterRouter = .service, defined: [ObjectKind] = [], faults: FaultPlan = FaultPlan(),
        _ body: @Sendable (ClusterBench, KubernetesRouter, KubernetesClient) async throws -> Void
    ) async throws {
        try await ClusterBench.with(faults: faults) { bench in
            let client = KubernetesClient(bench.double.access)
            for kind in defined { try await client.define(kind, in: "shop-prod") }
            try await bench.begin(environment)
            let releases = try [1, 2].map { try release(bench, $0, kind) }
            try await bench.runtime.apply(
                RuntimeWish(
                    environment: environment, service: service, fence: 1, generation: 1,
                    sets: releases.map { SetWish(release: $0.number, count: 2) }),
                releases: releases)
            try await until("four ready") {
                try await instances(bench).count == 4
            }
            try await body(bench, KubernetesRouter(bench.desk, times: Self.times), client)
            try await client.shutdown()
        }
    }

    private func instances(_ bench: ClusterBench) async throws -> [InstanceView] {
        try await bench.runtime.observe(environment)[service]?.instances.filter { $0.phase == .ready } ?? []
    }

    /// All requests to one release.
    private func lead(
        _ bench: ClusterBench, _ router: KubernetesRouter, to number: Int, _ generation: UInt64
    ) async throws {
        try await share(bench, router, .service, [(number, 100)], generation)
    }

    private func share(
        _ bench: ClusterBench, _ router: KubernetesRouter, _ kind: ClusterRouter,
        _ weights: [(release: Int, percent: Int)], _ generation: UInt64, matches: [MatchSpec] = []
    ) async throws {
        let ready = try await instances(bench)
        let targets = weights.map { number, percent in
            TargetWish(
                release: ReleaseNumber(number), weight: Weight(clamping: percent),
                backends: ready.filter { $0.release == ReleaseNumber(number) }.map {
                    BackendWish(instance: $0.id, backend: $0.backend)
                })
        }
        try await router.apply(
            RouteWish(
                environment: environment, service: service, fence: 1, generation: generation, targets: targets,
                canary: weights.count > 1 ? ReleaseNumber(weights[1].release) : nil, matches: matches),
            service: try release(bench, weights.last?.release ?? 1, kind))
    }

    /// While a table waits for endpoints that do not come, and is told again and again, a younger one is not held up.
    @Test func aTableThatCannotBeFollowedHoldsUpNoYoungerOne() async throws {
        try await with(.nginx) { bench, router, client in
            let release = try release(bench, 3, .nginx)
            let stranger = BackendWish(instance: InstanceID(99), backend: .address(host: "10.9.9.9", port: 8080))
            let hopeless = RouteWish(
                environment: environment, service: service, fence: 1, generation: 1,
                targets: [TargetWish(release: release.number, weight: .all, backends: [stranger])])
            let began = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        await #expect(throws: PortError.self) { try await router.apply(hopeless, service: release) }
                    }
                }
                try await until("a table that waits") {
                    try await client.find(Self.services, namespace: "shop-prod", name: "api-r3") != nil
                }
                try await share(bench, router, .nginx, [(1, 100)], 2)
                try await group.waitForAll()
            }
            #expect(began.duration(to: .now) < Self.times.endpoints)
        }
    }

    @Test func aTableThatNoProxyFollowsHoldsUpNoYoungerOne() async throws {
        try await with(.slipway) { bench, _, _ in
            var times = Self.times
            times.endpoints = .seconds(3)
            let proxies = ClusterProxyRouter(bench.desk, times: times)
            let release = try release(bench, 1, .slipway)
            let table = RouteWish(environment: environment, service: service, fence: 1, generation: 1, targets: [])
            var younger = table
            younger.generation = 2
            let last = younger
            let began = ContinuousClock.now
            await withTaskGroup(of: Void.self) { group in
                for wish in Array(repeating: table, count: 20) + [last] {
                    group.addTask {
                        await #expect(throws: PortError.self) { try await proxies.apply(wish, service: release) }
                    }
                }
            }
            #expect(began.duration(to: .now) < times.endpoints * 3)
        }
    }

    private func until(_ what: String, _ holds: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try await !holds() {
            guard ContinuousClock.now < deadline else {
                Issue.record("\(what) did not come")
                throw Late()
            }
            // Between two looks, until the deadline.
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private struct Late: Error {}

    /// What has the name of a service, and was never taken over, stays when the service is taken down.
    @Test(arguments: [ClusterRouter.service, .nginx, .slipway]) func whatOthersMadeStays(
        _ kind: ClusterRouter
    ) async throws {
        try await ClusterBench.with { bench in
            let client = KubernetesClient(bench.double.access)
            let release = try release(bench, 1, kind)
            try await bench.runtime.apply(
                RuntimeWish(environment: environment, service: service, fence: 1, generation: 1, sets: []),
                releases: [release])
            _ = try await client.create(
                Self.services, namespace: "shop-prod",
                [
                    "apiVersion": "v1", "kind": "Service", "metadata": ["name": "api"],
                    "spec": ["selector": ["app": "old"], "ports": [["port": 80]]],
                ])
            let backend: ObjectValue = ["service": ["name": "api", "port": ["number": 80]]]
            _ = try await client.create(
                APIResource(.ingress), namespace: "shop-prod",
                [
                    "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": ["name": "api"],
                    "spec": ["defaultBackend": backend],
                ])
            let routers = ClusterRouters(bench.desk, times: Self.times)
            try await routers.forget(
                ForgetWish(environment: environment, service: service, fence: 1, generation: 2))
            let left = try await client.find(Self.services, namespace: "shop-prod", name: "api")
            let entrance = try await client.find(APIResource(.ingress), namespace: "shop-prod", name: "api")
            try await client.shutdown()
            #expect(left != nil && entrance != nil)
        }
    }

    private func generation(_ router: KubernetesRouter) async throws -> UInt64 {
        try await router.observe(environment)[service]?.generation ?? 0
    }

    private func selected(_ client: KubernetesClient) async throws -> String? {
        try await client.find(Self.services, namespace: "shop-prod", name: "api")?
            .at("spec", "selector", "slipway.dev/release")?.text
    }

    @Test func requestsFollowTheTable() async throws {
        try await with { bench, router, client in
            for (generation, release) in [(UInt64(1), 1), (2, 2), (3, 1)] {
                try await lead(bench, router, to: release, generation)
                try await until("table \(generation)") { try await self.generation(router) == generation }
                let selected = try await selected(client)
                #expect(selected == "\(ReleaseNumber(release))")
            }
            await #expect(throws: PortError.self) { try await lead(bench, router, to: 2, 2) }
            let writes = bench.double.writes.count
            for _ in 0..<100 { try await lead(bench, router, to: 1, 3) }
            #expect(bench.double.writes.count == writes)
        }
    }

    @Test func whatEndpointsLackIsTold() async throws {
        try await with { bench, router, client in
            func missing() async throws -> String? { try await router.observe(environment)[service]?.missing }
            let stranger = BackendWish(instance: InstanceID(99), backend: .address(host: "10.9.9.9", port: 8080))
            let ready = try await instances(bench).filter { $0.release == ReleaseNumber(1) }
            try await router.apply(
                RouteWish(
                    environment: environment, service: service, fence: 1, generation: 1,
                    targets: [
                        TargetWish(
                            release: ReleaseNumber(1), weight: .all,
                            backends: ready.map { BackendWish(instance: $0.id, backend: $0.backend) } + [stranger])
                    ]), service: try release(bench, 1, .service))
            let few = "the cluster does not count 10.9.9.9 among the ready endpoints of service/api"
            try await until("what is missing") { try await missing() == few }
            try await lead(bench, router, to: 1, 2)
            try await until("that nothing is missing") {
                let view = try await router.observe(environment)[service]
                return view?.generation == 2 && view?.missing == nil
            }
            let slices = try await client.list(.slices, namespace: "shop-prod").items
            let labels = slices.first?.at("metadata", "labels")
            _ = try await client.create(
                .slices, namespace: "shop-prod",
                [
                    "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                    "metadata": ["name": "by-hand", "labels": labels],
                    "endpoints": [["addresses": ["10.8.8.8"], "conditions": ["ready": true]]],
                ])
            let many = "service/api leads to 10.8.8.8, which should get no requests"
            try await until("what is too many") { try await missing() == many }
        }
    }

    @Test func aServiceThatSomebodyDeletesIsMadeAgain() async throws {
        try await with { bench, router, client in
            try await lead(bench, router, to: 1, 1)
            try await until("the table") { try await generation(router) == 1 }
            try await client.delete(Self.services, namespace: "shop-prod", name: "api")
            try await until("that it is gone to be seen") { try await generation(router) == 0 }
            try await lead(bench, router, to: 1, 1)
            try await until("the table again") { try await generation(router) == 1 }
        }
    }

    @Test func aServiceThatSomebodyEditsIsPutBack() async throws {
        try await with { bench, router, client in
            try await lead(bench, router, to: 1, 1)
            try await until("the table") { try await generation(router) == 1 }
            let edit: ObjectValue = [
                "apiVersion": "v1", "kind": "Service", "metadata": ["name": "api"],
                "spec": ["selector": ["slipway.dev/release": .text("\(ReleaseNumber(2))")]],
            ]
            _ = try await client.apply(
                Self.services, namespace: "shop-prod", name: "api", edit, manager: "somebody", isForced: true)
            try await until("the edit to be seen") { try await generation(router) == 0 }
            try await lead(bench, router, to: 1, 1)
            try await until("the table again") { try await generation(router) == 1 }
            let selected = try await selected(client)
            #expect(selected == "\(ReleaseNumber(1))")
        }
    }

    // MARK: - Routers that split

    private func backends(_ rule: ObjectValue?) -> [String] {
        (rule?["backendRefs"]?.items ?? []).map { "\($0["name"]?.text ?? "")=\($0["weight"]?.number ?? 100)" }
    }

    @Test func aGatewaySharesRequestsByWeightAndTellsWhenItDoes() async throws {
        try await with(.gateway, defined: [.route]) { bench, router, client in
            try await share(bench, router, .gateway, [(1, 100)], 1)
            try await answer(client)
            try await until("the first table") { try await generation(router) == 1 }
            try await share(
                bench, router, .gateway, [(1, 90), (2, 10)], 2, matches: [.header(name: "X-Team", value: "a")])
            let route = try await client.get(Self.routes, namespace: "shop-prod", name: "api")
            let rules = route.at("spec", "rules")?.items ?? []
            #expect(backends(rules.first) == ["api-r2=100"] && backends(rules.last) == ["api-r1=90", "api-r2=10"])
            let header = rules.first?["matches"]?.items.first?["headers"]?.items.first
            #expect(header == ["name": "X-Team", "value": "a"])
            // What it said of the route before does not count.
            let before = try await generation(router)
            #expect(before == 1)
            try await answer(client)
            try await until("the second table") { try await generation(router) == 2 }
            let inside = try await selected(client)
            #expect(inside == "1", "callers inside reach the larger share")
            try await share(bench, router, .gateway, [(2, 100)], 3)
            try await answer(client)
            try await until("the last table") { try await generation(router) == 3 }
            let after = try await selected(client)
            #expect(after == "2")
        }
    }

    @Test func aGatewaysRefusalIsToldInItsWords() async throws {
        try await with(.gateway, defined: [.route]) { bench, router, client in
            try await share(bench, router, .gateway, [(1, 100)], 1)
            try await answer(client, accepted: false)
            try await until("its words") {
                try await router.observe(environment)[service]?.objection
                    == "the gateway does not take the route: NoMatchingParent: there is no such listener"
            }
            try await answer(client)
            try await until("the table") { try await generation(router) == 1 }
            let view = try await router.observe(environment)[service]
            #expect(view?.objection == "")
        }
    }

    @Test func aRouteThatSomebodyDeletesIsMadeAgainAndAReleasesServiceGoesWithIt() async throws {
        try await with(.gateway, defined: [.route]) { bench, router, client in
            try await share(bench, router, .gateway, [(1, 50), (2, 50)], 1)
            try await answer(client)
            try await until("the table") { try await generation(router) == 1 }
            try await client.delete(Self.routes, namespace: "shop-prod", name: "api")
            try await until("that it is gone to be seen") { try await generation(router) == 0 }
            try await share(bench, router, .gateway, [(1, 50), (2, 50)], 1)
            try await answer(client)
            try await until("the table again") { try await generation(router) == 1 }
            try await share(bench, router, .gateway, [(2, 100)], 2)
            try await client.delete(APIResource(.deployment), namespace: "shop-prod", name: "api-r1")
            try await until("the Service of the first release to go") {
                try await client.find(Self.services, namespace: "shop-prod", name: "api-r1") == nil
            }
        }
    }

    @Test func anNGINXIngressGetsACanaryAndLosesIt() async throws {
        try await with(.nginx) { bench, router, client in
            let ingresses = APIResource(.ingress)
            func leads(_ name: String) async throws -> String? {
                try await client.find(ingresses, namespace: "shop-prod", name: name)?
                    .at("spec", "rules")?.items.first?.at("http", "paths")?.items.first?
                    .at("backend", "service", "name")?.text
            }
            try await share(bench, router, .nginx, [(1, 75), (2, 25)], 1)
            try await until("the table") { try await generation(router) == 1 }
            let canary = try await client.get(ingresses, namespace: "shop-prod", name: "api-canary")
            let weight = canary.at("metadata", "annotations", "nginx.ingress.kubernetes.io/canary-weight")?.text
            let (first, second) = (try await leads("api"), try await leads("api-canary"))
            #expect(weight == "25" && first == "api-r1" && second == "api-r2")
            try await share(bench, router, .nginx, [(2, 100)], 2)
            try await until("the next table") { try await generation(router) == 2 }
            let (all, none) = (try await leads("api"), try await leads("api-canary"))
            #expect(all == "api-r2" && none == nil)
        }
    }

    /// An abort right after a step: what was said a moment ago is known, though nobody has shown it yet. And so
    /// is what a Slipway that was killed has left.
    @Test func noCanaryStaysBehind() async throws {
        // The mirror is never told of an Ingress that came after its first look.
        let late = FaultPlan { mark in mark.isWatch && mark.path.contains("/ingresses") ? .silent : nil }
        try await with(.nginx, faults: late) { bench, router, client in
            func canary() async throws -> ObjectValue? {
                try await client.find(APIResource(.ingress), namespace: "shop-prod", name: "api-canary")
            }
            for round in UInt64(0)..<3 {
                try await share(bench, router, .nginx, [(1, 75), (2, 25)], round * 2 + 1)
                try await share(bench, router, .nginx, [(1, 100)], round * 2 + 2)
                let left = try await canary()
                #expect(left == nil, "round \(round)")
            }
            try await share(bench, router, .nginx, [(1, 75), (2, 25)], 21)
            let access = bench.double.access
            let other = try ClusterDesk(path: nil) { _ in access }
            async let running: Void = other.run()
            try await share(bench, KubernetesRouter(other, times: Self.times), .nginx, [(1, 100)], 22)
            let left = try await canary()
            #expect(left == nil, "after a restart")
            other.stop()
            await running
        }
    }

    @Test func aGatewayThatFallsSilentIsTold() async throws {
        try await with(.gateway, defined: [.route]) { bench, _, client in
            var times = Self.times
            times.silence = .milliseconds(200)
            let router = KubernetesRouter(bench.desk, times: times)
            try await share(bench, router, .gateway, [(1, 100)], 1)
            try await answer(client)
            try await until("the table") { try await generation(router) == 1 }
            try await share(bench, router, .gateway, [(1, 50), (2, 50)], 2)
            try await until("that nobody takes it") {
                try await router.observe(environment)[service]?.objection.contains("no gateway has taken") ?? false
            }
            let missing = try await router.observe(environment)[service]?.missing
            #expect(missing == "no gateway has taken the route yet")
        }
    }

    @Test func aMeshSharesRequestsInsideAndAtItsEdge() async throws {
        try await with(.istio, defined: [.virtualService, .destinationRule, .peerAuthentication]) {
            bench, router, client in
            try await share(
                bench, router, .istio, [(1, 95), (2, 5)], 1, matches: [.cookie(name: "tester", value: "a.b")])
            try await until("the table") { try await generation(router) == 1 }
            let inside = try await client.get(APIResource(.virtualService), namespace: "shop-prod", name: "api")
            let rules = inside.at("spec", "http")?.items ?? []
            let weights = (rules.last?["route"]?.items ?? []).map {
                "\($0.at("destination", "host")?.text ?? "")=\($0["weight"]?.number ?? 0)"
            }
            #expect(weights == ["api-r1=95", "api-r2=5"])
            let cookie = rules.first?["match"]?.items.first?.at("headers", "cookie", "regex")?.text
            #expect(cookie == #"^(.*; ?)?tester=a\.b(;.*)?$"#)
        }
    }
}
