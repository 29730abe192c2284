import Domain
import Ports
import ProxyControl
import ProxyRouter
import Testing

@Suite("The router on Slipway's proxy", .timeLimit(.minutes(1)))
struct EmbeddedRouterTests {
    private let proxy = FakeProxy()
    private let scratch: ScratchDirectory
    private let router: EmbeddedRouter<FakeProxy, FakeProxy>

    init() throws {
        scratch = try ScratchDirectory()
        router = try Self.router(proxy, scratch)
    }

    private static func router(
        _ proxy: FakeProxy, _ scratch: ScratchDirectory
    ) throws -> EmbeddedRouter<FakeProxy, FakeProxy> {
        let ports = try LocalPorts(path: scratch.file("ports.json"), isFree: { _ in true })
        return EmbeddedRouter(
            link: proxy, sockets: proxy, ports: ports,
            configuration: EmbeddedRouterConfiguration(tableFile: scratch.file("routes.json")))
    }

    @Test func sendsOneTableAtATimeAndTheNewestWishesInIt() async throws {
        defer { scratch.remove() }
        await proxy.slowDown()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...10 {
                group.addTask {
                    try await self.router.apply(
                        wish(1, of: ServiceName("s\(number)")), service: release(ServiceName("s\(number)")))
                }
            }
            #expect(try await eventually { await proxy.waiting == 1 })
            #expect(try await eventually { await proxy.openCount == 10 })
            await proxy.letGo()
            try await group.waitForAll()
        }
        #expect(await proxy.mostAtOnce == 1)
        let tables = await proxy.tables
        #expect(tables.count <= 3, "\(tables.count) tables for ten wishes")
        #expect(tables.last?.services.count == 10)
        #expect(zip(tables, tables.dropFirst()).allSatisfy { $0.generation < $1.generation })
    }

    @Test func opensSocketsBeforeTheTableAndClosesThemAfterIt() async throws {
        defer { scratch.remove() }
        let edge = [RouteSpec(listen: "127.0.0.1:8080", host: "shop.localhost")]
        try await router.apply(wish(1), service: release(routes: edge))
        try await router.apply(wish(2), service: release(api, 2))
        let local = try router.localAddress(of: api, in: staging)
        #expect(
            await proxy.log == [
                "open 127.0.0.1:8080", "open \(local)", "table shop/staging/api", "table shop/staging/api",
                "close 127.0.0.1:8080",
            ])
        let rules = await proxy.tables.first?.listeners.flatMap { listener in
            listener.rules.map { "\(listener.address) \($0.host ?? "*") \($0.path) \($0.service)" }
        }
        #expect(rules == ["127.0.0.1:8080 shop.localhost / shop/staging/api", "\(local) * / shop/staging/api"])
    }

    @Test func aPortInUseRefusesTheWishAndChangesNothing() async throws {
        defer { scratch.remove() }
        try await router.apply(wish(1), service: release())
        await proxy.refuse(port: 8080)
        let edge = [RouteSpec(listen: "127.0.0.1:8080")]
        await #expect(throws: PortError.self) { try await router.apply(wish(2), service: release(routes: edge)) }
        #expect(try await router.observe(staging)[api]?.generation == 1)
        try await router.apply(wish(1, of: web), service: release(web))
        #expect(try await router.observe(staging)[web]?.generation == 1)
        #expect(await proxy.tables.last?.listeners.count == 2)
    }

    @Test func aProxyThatIsDownIsSaidSoAndGetsTheNewestWishLater() async throws {
        defer { scratch.remove() }
        try await router.apply(wish(1), service: release())
        await proxy.fail(ProxyControlError(code: .unreachable, message: "nobody listens"))
        await #expect { try await router.apply(wish(2, [target(2, 100)]), service: release(api, 2)) } throws: {
            ($0 as? PortError)?.code == .unavailable
        }
        await #expect { try await router.observe(staging) } throws: { ($0 as? PortError)?.code == .unavailable }
        await proxy.fail(nil)
        #expect(try await router.observe(staging)[api]?.generation == 1)
        try await router.apply(wish(1, of: web), service: release(web))
        let view = try await router.observe(staging)[api]
        #expect(view?.generation == 2)
        #expect(view?.targets.map(\.release.value) == [2])
    }

    @Test func nobodyQueuesForFiguresBehindAProxyThatHangs() async throws {
        defer { scratch.remove() }
        try await router.apply(wish(1), service: release())
        await proxy.fail(ProxyControlError(code: .timeout, message: "no answer in time"))
        await #expect { try await router.observe(staging) } throws: { ($0 as? PortError)?.code == .unavailable }
        await proxy.hang()
        async let observed = router.observe(staging)
        #expect(try await eventually { await proxy.waiting == 1 })
        // Answered while the other question still hangs.
        await #expect { try await router.counts(api, in: staging) } throws: { ($0 as? PortError)?.code == .unavailable }
        #expect(await proxy.waiting == 1)
        await proxy.fail(nil)
        await proxy.letGo()
        #expect(try await observed[api] != nil)
        #expect(try await router.counts(api, in: staging) != nil)
    }

    @Test func aProxyThatLostItsTableIsSentItAgain() async throws {
        defer { scratch.remove() }
        try await router.apply(wish(4), service: release())
        await proxy.change {
            $0.bootID = "two"
            $0.fence = 0
            $0.generation = 0
        }
        #expect(try await router.observe(staging)[api]?.generation == 4)
        #expect(await proxy.tables.count == 2)
        #expect(await proxy.tables.last?.services.count == 1)
    }

    @Test func anotherSupervisorsTableIsNotCalledOurs() async throws {
        defer { scratch.remove() }
        try await router.apply(wish(1), service: release())
        await proxy.change { $0.fence = 9 }
        await #expect { try await router.observe(staging) } throws: { ($0 as? PortError)?.code == .stale }
        await #expect { try await router.apply(wish(2), service: release()) } throws: {
            ($0 as? PortError)?.code == .stale
        }
    }

    @Test func instancesThatLeftTheTableStayBusyUntilTheyHaveDrained() async throws {
        defer { scratch.remove() }
        try await router.apply(wish(1, [target(1, 100), target(2, 0, [4002])]), service: release())
        await proxy.change { snapshot in
            var old = ReleaseCounts(release: 1, epoch: 1)
            old.instances = [
                InstanceCounts(instance: InstanceID(7).description, inFlight: 2, requests: 9, errors: 0),
                InstanceCounts(instance: InstanceID(100).description, inFlight: 1, requests: 9, errors: 0),
            ]
            var new = ReleaseCounts(release: 1, epoch: 2)
            new.instances = [
                InstanceCounts(instance: InstanceID(100).description, inFlight: 3, requests: 1, errors: 0),
                InstanceCounts(instance: InstanceID(101).description, inFlight: 0, requests: 1, errors: 0),
            ]
            let service = ServiceCounts(name: "shop/staging/api", epoch: 2, held: 5, refused: 0, releases: [old, new])
            snapshot.services = [service]
        }
        let view = try #require(try await router.observe(staging)[api])
        #expect(
            view.busy == [
                InstanceTraffic(instance: InstanceID(7), inFlight: 2),
                InstanceTraffic(instance: InstanceID(100), inFlight: 4),
            ])
        #expect(view.held == 5)
    }

    @Test func forgettingDropsRoutesAndSocketsButNotTheAddress() async throws {
        defer { scratch.remove() }
        let before = try router.localAddress(of: api, in: staging)
        try await router.apply(wish(1), service: release())
        try await router.apply(wish(1, of: web), service: release(web))
        let gone = ForgetWish(environment: staging, service: api, fence: 1, generation: 2)
        try await router.forget(gone)
        #expect(await proxy.tables.last?.services.map(\.name) == ["shop/staging/web"])
        #expect(await proxy.log.last == "close \(before)")
        #expect(try await router.observe(staging)[api] == nil)
        #expect(try router.localAddress(of: api, in: staging) == before)
        let sent = await proxy.tables.count
        try await router.forget(gone)
        #expect(await proxy.tables.count == sent)
    }

    @Test func aWishOfAnotherServiceThanItsReleaseIsRefused() async throws {
        defer { scratch.remove() }
        await #expect { try await router.apply(wish(1, of: web), service: release()) } throws: {
            ($0 as? PortError)?.code == .invalid
        }
    }

    @Test func aTableThatIsDamagedIsNotTakenForEmpty() async throws {
        defer { scratch.remove() }
        try SmallText.write("{\"version\":1", to: scratch.file("routes.json"))
        await #expect { try await router.apply(wish(1), service: release()) } throws: {
            ($0 as? PortError)?.code == .incompatible
        }
        #expect(await proxy.tables.isEmpty)
    }

    @Test func socketsOfTheTableOnDiskAreOpenedAtTheStart() async throws {
        defer { scratch.remove() }
        try SmallText.write(
            """
            {"version":1,"fence":3,"generation":8,
             "listeners":[{"address":"127.0.0.1:8081","rules":[{"path":"/","service":"shop/staging/web"}]}],
             "services":[{"name":"shop/staging/web","epoch":6,"targets":[
               {"release":2,"role":"stable","weight":100,"backends":[]}]}]}
            """, to: scratch.file("routes.json"))
        await proxy.change {
            $0.fence = 3
            $0.generation = 8
        }
        try await router.restore()
        #expect(await proxy.log == ["open 127.0.0.1:8081"])
        let seeded = try await router.observe(staging)[web]
        #expect(seeded?.fence == 0 && seeded?.generation == 0)
        #expect(seeded?.targets.map(\.release.value) == [2])
        try await router.apply(wish(1, fence: 4), service: release())
        let table = try #require(await proxy.tables.last)
        #expect((table.fence, table.generation) == (4, 9))
        #expect(table.services.map(\.name) == ["shop/staging/api", "shop/staging/web"])
        let open = await proxy.open
        #expect(open.contains(SocketAddress(host: "127.0.0.1", port: 8081)))
    }
}
