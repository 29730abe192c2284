import Domain
import FoundationEssentials
import Ports
import ProxyControl
import ProxyRoutes
import Testing

@testable import ProxyRouter

@Suite("The whole table out of single wishes")
struct DesiredRoutesTests {
    private let local = SocketAddress(host: "127.0.0.1", port: 19_000)

    private func take(
        _ wish: RouteWish, of release: Release = release(), into routes: inout DesiredRoutes, port: Int = 19_000
    ) throws {
        try routes.take(
            wish, of: release.parts.spec, local: SocketAddress(host: "127.0.0.1", port: port), stickyMaxAge: 60)
    }

    @Test func aWishIsTranslatedWhole() throws {
        var routes = DesiredRoutes()
        var full = wish(3, [target(1, 80, [4001, 4002]), target(2, 20, [4003])], fence: 5)
        full.canary = ReleaseNumber(2)
        full.matches = [.header(name: "X-Preview", value: "yes"), .cookie(name: "c", value: "1")]
        full.sticky = 37
        full.hold = HoldSpec(requests: 9, bytes: 99, time: .milliseconds(1500))
        try take(full, of: release(api, 2, releaseHeader: true), into: &routes)
        let table = routes.table(generation: 12)
        #expect(table.fault() == nil)
        #expect((table.fence, table.generation) == (5, 12))
        let expected = ServiceRoute(
            name: "shop/staging/api", epoch: 1,
            targets: [
                Target(
                    release: 1, role: .stable, weight: 80,
                    backends: [
                        ProxyControl.Backend(instance: "2s", host: "127.0.0.1", port: 4001),
                        ProxyControl.Backend(instance: "2t", host: "127.0.0.1", port: 4002),
                    ]),
                Target(
                    release: 2, role: .canary, weight: 20,
                    backends: [ProxyControl.Backend(instance: "5k", host: "127.0.0.1", port: 4003)]),
            ],
            matches: [
                Match(header: "X-Preview", value: "yes", release: 2), Match(cookie: "c", value: "1", release: 2),
            ],
            sticky: Sticky(cookie: "slipway-api", salt: 37, maxAge: 60),
            hold: Hold(maxRequests: 9, maxBytes: 99, maxSeconds: 2), releaseHeader: true,
            limits: ServiceLimits(tunnelDrainMilliseconds: 7000))
        #expect(table.services == [expected])
    }

    @Test func aBaselineIsATargetOfItsOwn() throws {
        var routes = DesiredRoutes()
        var beside = target(1, 20, [4003])
        beside.release = ReleaseNumber(1).baseline
        beside.backends[0].instance = InstanceID(150)
        var compared = wish(1, [target(1, 60), target(2, 20, [4002]), beside])
        compared.canary = ReleaseNumber(2)
        try take(compared, of: release(api, 2), into: &routes)
        let table = routes.table(generation: 1)
        #expect(table.fault() == nil)
        #expect(table.services[0].targets.map(\.role) == [.stable, .canary, .baseline])
        #expect(table.services[0].targets.map(\.release) == [1, 2, -1])
        #expect(table.services[0].targets.map(\.name) == ["1", "2", "1-baseline"])
        let text = String(decoding: try JSONEncoder().encode(table), as: UTF8.self)
        #expect(try JSONDecoder().decode(RouteTable.self, from: Data(text.utf8)) == table)
    }

    @Test func matchesWaitUntilTheTrialIsAmongTheTargets() throws {
        var routes = DesiredRoutes()
        var early = wish(1)
        early.canary = ReleaseNumber(2)
        early.matches = [.header(name: "X", value: "y")]
        try take(early, into: &routes)
        #expect(routes.table(generation: 1).services[0].matches == nil)
    }

    @Test func instancesWithoutAnAddressAreRefused() throws {
        for backend in [Domain.Backend.none, .name("api.svc")] {
            var routes = DesiredRoutes()
            var bad = wish(1)
            bad.targets[0].backends[0].backend = backend
            #expect { try take(bad, into: &routes) } throws: { ($0 as? PortError)?.code == .invalid }
            #expect(routes.services.isEmpty)
        }
    }

    @Test func theEpochCountsChangesOfTheSplitOnly() throws {
        var routes = DesiredRoutes()
        func epoch() -> UInt64? { routes.services[ServiceKey(api, in: staging)]?.epoch }
        try take(wish(1, [target(1, 100, [4001])]), into: &routes)
        #expect(epoch() == 1)
        try take(wish(2, [target(1, 100, [4001, 4002])]), into: &routes)
        #expect(epoch() == 1, "other instances are the same split")
        try take(wish(3, [target(1, 90), target(2, 10, [4003])]), into: &routes)
        #expect(epoch() == 2)
        try take(wish(4, []), into: &routes)
        try take(wish(5, [target(1, 90), target(2, 10, [4003])]), into: &routes)
        #expect(epoch() == 2, "being down in between is no new split")
        var salted = wish(6, [target(1, 90), target(2, 10, [4003])])
        salted.sticky = 1
        try take(salted, into: &routes)
        #expect(epoch() == 3, "cohorts are drawn anew")
        var seeded = DesiredRoutes(seed: routes.table(generation: 1))
        try take(wish(1, [target(2, 100, [4003])], fence: 2), into: &seeded)
        #expect(seeded.services[ServiceKey(api, in: staging)]?.epoch == 4)
    }

    @Test func whoWantsTheSameRequestsIsNamed() throws {
        var routes = DesiredRoutes()
        let edge = [RouteSpec(listen: "127.0.0.1:8080", host: "Shop.localhost", path: "/a/")]
        try take(wish(1), of: release(routes: edge), into: &routes)
        let same = [RouteSpec(listen: "127.0.0.1:8080", host: "shop.localhost", path: "/a")]
        do {
            try take(wish(1, of: web), of: release(web, routes: same), into: &routes, port: 19_001)
            Issue.record("the clash was taken")
        } catch let error as PortError {
            #expect(error.code == .invalid)
            #expect(error.message.contains("shop/staging/web and shop/staging/api both want 127.0.0.1:8080"))
        }
        let other = [RouteSpec(listen: "127.0.0.1:8080", host: "shop.localhost", path: "/b")]
        try take(wish(1, of: web), of: release(web, routes: other), into: &routes, port: 19_001)
        #expect(routes.table(generation: 1).fault() == nil)
        try take(wish(2, []), of: release(routes: edge), into: &routes)
        try take(wish(2, of: web), of: release(web, routes: same), into: &routes, port: 19_001)
        #expect(routes.addresses.map(\.port).sorted() == [8080, 19_001], "a service that is down holds nothing")
    }

    @Test func theSeedIsTheTableThatItWasMadeOf() throws {
        var routes = DesiredRoutes()
        let edge = [
            RouteSpec(listen: "[::1]:8080", host: "*.example.com", path: "/x"), RouteSpec(listen: "0.0.0.0:80"),
        ]
        try take(wish(1), of: release(routes: edge), into: &routes)
        try take(wish(1, of: web), of: release(web), into: &routes, port: 19_001)
        let table = routes.table(generation: 5)
        #expect(DesiredRoutes(seed: table).table(generation: 5) == table)
    }
}

@Suite("Cumulative counts")
struct CountLedgerTests {
    private let key = ServiceKey(api, in: staging)

    private func snapshot(_ boot: String, _ releases: [ReleaseCounts]) -> ProxySnapshot {
        ProxySnapshot(
            bootID: boot, fence: 1, generation: 1, now: 0, connections: 0, unrouted: 0, listeners: [],
            services: [ServiceCounts(name: "shop/staging/api", epoch: 1, held: 0, refused: 0, releases: releases)])
    }

    private func counts(_ release: Int, _ epoch: UInt64, requests: UInt64, errors: UInt64) -> ReleaseCounts {
        var counts = ReleaseCounts(release: release, epoch: epoch)
        counts.requests = requests
        counts.routes = [
            RouteCounts(host: nil, path: "/", requests: requests - 1, errors: errors),
            RouteCounts(host: nil, path: "/x", requests: 1, errors: 0),
        ]
        var dense = [UInt64](repeating: 0, count: LatencyBuckets.count)
        dense[LatencyBuckets.index(microseconds: 1000)] = requests
        counts.latency = LatencyHistogram(dense: dense)
        counts.inFlight = 1
        return counts
    }

    @Test func epochsAreAddedUpAndOutliveTheProxysMemory() {
        var ledger = CountLedger()
        #expect(ledger.counts(key).releases.isEmpty)
        ledger.absorb(snapshot("a", [counts(1, 1, requests: 10, errors: 1), counts(1, 2, requests: 5, errors: 0)]))
        ledger.absorb(snapshot("a", [counts(1, 2, requests: 7, errors: 2), counts(2, 3, requests: 4, errors: 4)]))
        ledger.absorb(snapshot("a", [counts(1, 2, requests: 7, errors: 2), counts(2, 3, requests: 5, errors: 4)]))
        let found = ledger.counts(key)
        #expect(found.source == "a")
        #expect(found.releases.map(\.release.value) == [1, 2])
        #expect(found.releases.map(\.requests) == [17, 5])
        #expect(found.releases.map(\.errors) == [3, 4])
        #expect(found.releases.map(\.inFlight) == [1, 1])
        #expect(found.releases[0].latency.map(\.count) == [17])
        let bound = found.releases[0].latency[0].microseconds
        #expect((1000...1010).contains(bound), "\(bound) is not within 1 % above 1000")
    }

    private func split(_ release: Int, _ epoch: UInt64, weight: Int, requests: UInt64) -> ReleaseCounts {
        var counts = counts(release, epoch, requests: requests, errors: 1)
        counts.weight = weight
        counts.isSticky = true
        counts.cohortSets = CohortSets(
            seen: CohortBits([release, 9999]), failed: CohortBits([release]), slowest: Self.slowest([0, 0, 101, 201]))
        counts.instances = [
            InstanceCounts(instance: "\(release)", inFlight: 0, requests: requests, errors: 1, failedCohorts: 1)
        ]
        return counts
    }

    private static func slowest(_ places: [UInt16]) -> ProxyControl.CohortLatencies {
        places.withUnsafeBufferPointer { ProxyControl.CohortLatencies(dense: $0) }
    }

    @Test func splitsAreToldApartAndKeptWhenTheProxyForgetsThem() {
        var ledger = CountLedger()
        var matched = split(2, 1, weight: 25, requests: 50)
        matched.isMatched = true
        let first = [split(1, 1, weight: 75, requests: 30), split(2, 1, weight: 25, requests: 10)]
        ledger.absorb(snapshot("a", first + [matched]))
        ledger.absorb(snapshot("a", [split(1, 2, weight: 50, requests: 4), split(2, 2, weight: 50, requests: 5)]))
        let found = ledger.counts(key)
        #expect(found.releases.map(\.requests) == [34, 65])
        #expect(found.epochs.map(\.epoch) == [1, 2])
        #expect(found.epochs.map { $0.releases.map(\.requests) } == [[30, 10], [4, 5]])
        #expect(found.epochs.map { $0.releases.map(\.weight.percent) } == [[75, 25], [50, 50]])
        let canary = found.epochs[0].releases[1]
        #expect(found.epochs[0].isSticky && canary.seen == CohortSet([2, 9999]) && canary.failed == CohortSet([2]))
        #expect(
            canary.instances == [InstanceOutcome(instance: InstanceID(2), requests: 10, errors: 1, failedCohorts: 1)])
        // Microseconds up to 255 have a bucket each.
        #expect(canary.slowest.cohorts { $0 > 99 } == CohortSet([2, 3]))
        #expect(canary.slowest.cohorts { $0 > 100 } == CohortSet([3]))
        #expect(canary.slowest.cohorts { $0 > 200 } == CohortSet())
        #expect(canary.errors == 1 && canary.latency.map(\.count) == [10])
    }

    @Test func splitsOfLongAgoAreForgotten() {
        var ledger = CountLedger()
        for epoch in UInt64(1)...100 { ledger.absorb(snapshot("a", [split(1, epoch, weight: 100, requests: 1)])) }
        let epochs = ledger.counts(key).epochs
        #expect(epochs.count == CountLedger.epochsKept + 1 && epochs.last?.epoch == 100)
    }

    @Test func splitsOfRolloutsThatAreOverAreForgotten() {
        var ledger = CountLedger()
        for release in 1...20 {
            let epoch = UInt64(release)
            ledger.absorb(snapshot("a", [split(release, epoch, weight: 100, requests: 1)]))
        }
        #expect(ledger.counts(key).epochs.map(\.epoch) == [16, 17, 18, 19, 20])
    }

    @Test func splitsAreKeptWhenAThirdReleaseLeaves() {
        var ledger = CountLedger()
        for epoch in UInt64(1)...20 {
            let two = [split(2, epoch, weight: 25, requests: 1), split(3, epoch, weight: 25, requests: 1)]
            ledger.absorb(snapshot("a", epoch > 10 ? two : two + [split(1, epoch, weight: 50, requests: 1)]))
        }
        #expect(ledger.counts(key).epochs.count == 20)
    }

    @Test func splitsOfALongRolloutAreKept() {
        var ledger = CountLedger()
        for epoch in UInt64(1)...20 {
            let both = [split(1, epoch, weight: 60, requests: 1), split(2, epoch, weight: 40, requests: 1)]
            ledger.absorb(snapshot("a", both))
        }
        #expect(ledger.counts(key).epochs.count == 20)
    }

    @Test func setsOfCohortsTravelAsText() throws {
        let bits = CohortBits([0, 63, 64, 9999])
        let text = try JSONEncoder().encode([bits, CohortBits()])
        #expect(try JSONDecoder().decode([CohortBits].self, from: text) == [bits, CohortBits()])
        #expect(CohortSet(words: bits.words) == CohortSet([9999, 64, 0, 63]))
        let slowest = [Self.slowest([0, 1, 255, 3968, 0]), Self.slowest([0, 0]), Self.slowest([4096 - 129])]
        let coded = try JSONEncoder().encode(slowest)
        #expect(String(decoding: coded, as: UTF8.self) == "[\"0000010fff80\",\"\",\"f7f\"]")
        #expect(try JSONDecoder().decode([ProxyControl.CohortLatencies].self, from: coded) == slowest)
        for damaged in ["[\"00\"]", "[\"fff\"]", "[\"0g0\"]"] {
            #expect(throws: DecodingError.self) {
                try JSONDecoder().decode([ProxyControl.CohortLatencies].self, from: Data(damaged.utf8))
            }
        }
        for damaged in ["[\"0\"]", "[\"000000000000000g\"]"] {
            #expect(throws: DecodingError.self) {
                try JSONDecoder().decode([CohortBits].self, from: Data(damaged.utf8))
            }
        }
    }

    @Test func anotherStartOfTheProxyCountsAnew() {
        var ledger = CountLedger()
        ledger.absorb(snapshot("a", [counts(1, 1, requests: 10, errors: 1)]))
        ledger.absorb(snapshot("b", [counts(1, 1, requests: 2, errors: 0)]))
        #expect(ledger.counts(key).source == "b")
        #expect(ledger.counts(key).releases.map(\.requests) == [2])
    }

    @Test func oldReleasesAreForgotten() {
        var ledger = CountLedger()
        for release in 1...100 { ledger.absorb(snapshot("a", [counts(release, 1, requests: 1, errors: 0)])) }
        #expect(ledger.counts(key).releases.count <= CountLedger.releasesKept + 1)
        #expect(ledger.counts(key).releases.last?.release.value == 100)
    }
}
