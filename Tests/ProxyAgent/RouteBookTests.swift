import FoundationEssentials
import KubernetesObjects
import ProxyControl
import Testing

@testable import ProxyAgent

/// What a proxy inside a cluster is told to do, out of routes and endpoints.
@Suite struct RouteBookTests {
    private func route(
        _ generation: UInt64, _ shares: [(release: Int, percent: Int)], instances: [String] = [], port: Int = 20_001,
        service: String = "shop/prod/api"
    ) -> ClusterRoute {
        let name = service.split(separator: "/").last.map(String.init) ?? ""
        let targets = shares.map { Target(release: $0.release, role: .stable, weight: $0.percent, backends: []) }
        return ClusterRoute(
            fence: 3, generation: generation, service: service, port: port,
            route: shares.isEmpty ? nil : ServiceRoute(name: service, epoch: 1, targets: targets),
            addresses: shares.map { TargetAddress(release: $0.release, service: "\(name)-r\($0.release)") },
            instances: instances.enumerated().map {
                Backend(instance: "\($0.offset + 7)", host: $0.element, port: 8080)
            },
            epoch: 1)
    }

    private func object(_ route: ClusterRoute) throws -> ObjectValue {
        let name = route.service.replacing("/", with: "-")
        let text = String(decoding: try JSONEncoder().encode(route), as: UTF8.self)
        return ["metadata": ["name": .text(name)], "data": .map([ObjectField(ClusterRoute.key, .text(text))])]
    }

    private func slice(_ service: String, _ ready: [String], _ waiting: [String] = []) -> ObjectValue {
        func endpoint(_ host: String, _ isReady: Bool) -> ObjectValue {
            [
                "addresses": [.text(host)], "conditions": ["ready": .bool(isReady)],
                "targetRef": ["name": .text("pod-\(host)")],
            ]
        }
        return [
            "metadata": ["name": .text("\(service)-x"), "labels": ["kubernetes.io/service-name": .text(service)]],
            "ports": [["name": "http", "port": 8080]],
            "endpoints": .list(ready.map { endpoint($0, true) } + waiting.map { endpoint($0, false) }),
        ]
    }

    private func hosts(_ plan: RouteBook.Plan) -> [[String]] {
        plan.services.first?.targets.map { $0.backends.map(\.host) } ?? []
    }

    /// For those who read the pod's log.
    @Test func whatIsLedElsewhereIsNews() {
        func plan(_ services: [String: [(Int, Int)]], held: String? = nil) -> RouteBook.Plan {
            var plan = RouteBook.Plan()
            plan.services = services.sorted { $0.key < $1.key }.map { name, shares in
                ServiceRoute(
                    name: name, epoch: 1,
                    targets: shares.map { Target(release: $0.0, role: .stable, weight: $0.1, backends: []) },
                    hold: name == held ? Hold(maxRequests: 10, maxBytes: 1000, maxSeconds: 1) : nil)
            }
            return plan
        }
        let first = plan(["api": [(1, 100)], "web": [(3, 100)]])
        #expect(first.news(since: nil) == ["leads api: @1 100%", "leads web: @3 100%"])
        #expect(first.news(since: first).isEmpty)
        let second = plan(["api": [(1, 80), (-1, 10), (2, 10)]])
        #expect(second.news(since: first) == ["leads api: @1 80%, @1-baseline 10%, @2 10%", "leads web no more"])
        #expect(plan(["api": [(1, 100)]], held: "api").news(since: first).first == "leads api: requests are held")
        #expect(plan(["api": []]).news(since: first).first == "leads api: nowhere")
    }

    @Test func requestsGoToTheEndpointsThatAreReady() throws {
        var book = RouteBook()
        book.take([try object(route(1, [(1, 90), (2, 10)], instances: ["10.0.0.1", "10.0.0.3"]))])
        book.endpoints.take([slice("api-r1", ["10.0.0.1", "10.0.0.2"], ["10.0.0.9"]), slice("api-r2", ["10.0.0.3"])])
        let plan = book.plan()
        #expect(hosts(plan) == [["10.0.0.1", "10.0.0.2"], ["10.0.0.3"]])
        let names = plan.services.first?.targets.flatMap { $0.backends.map(\.instance) }
        #expect(names == ["7", "pod-10.0.0.2", "8"], "an instance is called as the wish calls it")
        #expect(plan.listeners(on: "10.1.0.1").map(\.address) == ["10.1.0.1:20001"])
        #expect(plan.troubles.isEmpty && plan.provisional.isEmpty)
    }

    /// A Service that was made a moment ago has no endpoints yet.
    @Test func requestsStayWhereTheyAreUntilTheClusterTellsOfEveryInstance() throws {
        var book = RouteBook()
        book.take([try object(route(1, [(1, 100)], instances: ["10.0.0.1"]))])
        book.endpoints.take(slice("api-r1", ["10.0.0.1"]))
        book.follow(book.plan())
        book.take(try object(route(2, [(2, 100)], instances: ["10.0.0.2"])))
        let early = book.plan()
        #expect(hosts(early) == [["10.0.0.1"]] && early.troubles["shop/prod/api"] != nil)
        #expect(book.report(early.troubles).first?.generation == 1)
        book.endpoints.take(slice("api-r2", [], ["10.0.0.2"]))
        let later = book.plan()
        #expect(hosts(later) == [[]] && later.troubles.isEmpty, "told of, and not ready")
        book.follow(later)
        #expect(book.report(later.troubles).first?.generation == 2)
    }

    /// A proxy that comes anew serves as well as it can, and says that it is not there yet.
    @Test func withoutAnEarlierWishThereIsAMakeshift() throws {
        var book = RouteBook()
        book.take([try object(route(4, [(1, 100)], instances: ["10.0.0.1", "10.0.0.2"]))])
        book.endpoints.take(slice("api-r1", ["10.0.0.1"]))
        let plan = book.plan()
        #expect(hosts(plan) == [["10.0.0.1"]] && plan.provisional == ["shop/prod/api"])
        book.follow(plan)
        #expect(book.report(plan.troubles).first?.generation == 0)
        book.endpoints.take(slice("api-r1", ["10.0.0.1", "10.0.0.2"]))
        book.follow(book.plan())
        #expect(book.report([:]).first?.generation == 4)
    }

    /// An instance that ends afterwards takes nothing away from what was followed.
    @Test func whatIsFollowedStaysFollowed() throws {
        var book = RouteBook()
        book.take([try object(route(1, [(1, 100)], instances: ["10.0.0.1", "10.0.0.2"]))])
        book.endpoints.take(slice("api-r1", ["10.0.0.1", "10.0.0.2"]))
        book.follow(book.plan())
        book.endpoints.take(slice("api-r1", ["10.0.0.1"]))
        let plan = book.plan()
        #expect(hosts(plan) == [["10.0.0.1"]] && plan.troubles.isEmpty)
    }

    @Test func whatCannotBeReadIsNotFollowed() throws {
        var book = RouteBook()
        book.take([try object(route(1, [(1, 100)]))])
        book.follow(book.plan())
        var broken = try object(route(2, [(1, 100)]))
        broken = broken.setting(["data", ClusterRoute.key], to: "{}")
        book.take(broken)
        #expect(book.plan().routes["shop/prod/api"]?.generation == 1)
        #expect(book.report([:]).first?.trouble != nil)
        book.take(try object(route(3, [(1, 90)])))
        #expect(book.plan().routes["shop/prod/api"]?.generation == 1)
        #expect(book.plan().troubles["shop/prod/api"] != nil, "weights of 90 in all")
    }

    @Test func aPortHasOneService() throws {
        var book = RouteBook()
        book.take([
            try object(route(1, [(1, 100)])), try object(route(1, [(1, 100)], service: "shop/prod/web")),
            try object(route(1, [(1, 100)], port: 20_002, service: "shop/prod/mail")),
        ])
        let plan = book.plan(closed: [20_002: "it is in use"])
        #expect(plan.services.map(\.name) == ["shop/prod/api"])
        #expect(plan.troubles.keys.sorted() == ["shop/prod/mail", "shop/prod/web"])
    }

    @Test func aServiceThatIsDownOrDroppedListensNoMore() throws {
        var book = RouteBook()
        let one = try object(route(1, [(1, 100)]))
        book.take([one])
        book.follow(book.plan())
        book.take(try object(route(2, [])))
        let down = book.plan()
        #expect(down.ports.isEmpty && down.services.isEmpty)
        book.follow(down)
        #expect(book.report([:]).map(\.generation) == [2])
        book.drop(one)
        book.follow(book.plan())
        #expect(book.report([:]).isEmpty)
    }
}
