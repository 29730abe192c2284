package import Domain
package import Ports

/// A router without a network: the twin of the real ones in tests. Requests are calls of `send`; instances answer as
/// `RouterSubject` demands. What survives `restarted()` is what a real router keeps on its own.
package actor SimulatedRouter: RouterPort {
    private struct Key: Hashable {
        var environment: EnvironmentID
        var service: ServiceName
    }

    private struct Route {
        var wish: RouteWish
        /// Taken from an earlier supervisor, which its fence and generation belong to.
        var isInherited = false
        /// How far each target is behind its share, for the smooth weighted choice.
        var credit: [Int: Int] = [:]
        var turn = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private struct Tally {
        var requests = 0
        var errors = 0
    }

    private var routes: [Key: Route] = [:]
    private var tallies: [Key: [ReleaseNumber: Tally]] = [:]
    private var version: UInt64 = 0
    private var visitors: UInt64 = 0
    private var forgotten: [Key: (fence: UInt64, generation: UInt64)] = [:]

    package init() {}

    package nonisolated var capabilities: RouterCapabilities {
        RouterCapabilities(
            granularity: 1, matchesHeaders: true, matchesCookies: true, sticky: true, hold: true, counts: true)
    }

    package func apply(_ wish: RouteWish, service release: Release) async throws {
        let key = Key(environment: wish.environment, service: wish.service)
        if let known = routes[key] {
            let isOlder =
                known.isInherited
                ? wish.fence < known.wish.fence
                : (wish.fence, wish.generation) < (known.wish.fence, known.wish.generation)
            if isOlder { throw PortError(.stale, "a newer wish for \(wish.service) has been taken") }
        }
        if let gone = forgotten[key], (wish.fence, wish.generation) < (gone.fence, gone.generation) {
            throw PortError(.stale, "\(wish.service) has been dropped since")
        }
        let sum = wish.targets.reduce(0) { $0 + $1.weight.percent }
        guard wish.targets.isEmpty || sum == 100 else {
            throw PortError(.invalid, "the weights of \(wish.service) sum to \(sum), not to 100")
        }
        var route = routes[key] ?? Route(wish: wish)
        route.wish = wish
        route.isInherited = false
        route.credit = [:]
        let woken = wish.hold == nil ? route.waiting : []
        if wish.hold == nil { route.waiting = [] }
        routes[key] = route
        for waiter in woken { waiter.resume() }
    }

    package func forget(_ wish: ForgetWish) async throws {
        let key = Key(environment: wish.environment, service: wish.service)
        if let known = routes[key]?.wish, (wish.fence, wish.generation) < (known.fence, known.generation) {
            throw PortError(.stale, "a newer wish for \(wish.service) has been taken")
        }
        for waiter in routes[key]?.waiting ?? [] { waiter.resume() }
        routes[key] = nil
        tallies[key] = nil
        forgotten[key] = (wish.fence, wish.generation)
    }

    package func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RouterView] {
        version += 1
        var views: [ServiceName: RouterView] = [:]
        for (key, route) in routes where key.environment == environment {
            let targets = route.wish.targets.map { target in
                TargetView(
                    release: target.release, weight: target.weight, instances: target.backends.map(\.instance).sorted())
            }
            views[key.service] = RouterView(
                version: version, fence: route.isInherited ? 0 : route.wish.fence,
                generation: route.isInherited ? 0 : route.wish.generation, isHolding: route.wish.hold != nil,
                held: route.waiting.count, targets: targets)
        }
        return views
    }

    package func counts(_ service: ServiceName, in environment: EnvironmentID) async throws -> TrafficCounts? {
        let tally = tallies[Key(environment: environment, service: service)] ?? [:]
        let releases = tally.keys.sorted().map { release in
            let counts = tally[release] ?? Tally()
            return ReleaseTraffic(
                release: release, requests: counts.requests, errors: counts.errors, inFlight: 0,
                latency: counts.requests > 0 ? [LatencyBucket(microseconds: 1000, count: counts.requests)] : [])
        }
        return TrafficCounts(source: "simulated", releases: releases)
    }

    /// The router stays, its supervisor is a new one.
    package func restarted() {
        for key in routes.keys { routes[key]?.isInherited = true }
    }

    // MARK: Requests

    package func send(
        _ request: TrialRequest, to service: ServiceName, in environment: EnvironmentID
    ) async -> TrialAnswer {
        let key = Key(environment: environment, service: service)
        while let hold = routes[key]?.wish.hold {
            guard let waiting = routes[key]?.waiting, waiting.count < hold.requests else {
                return TrialAnswer(status: 503)
            }
            await withCheckedContinuation { routes[key]?.waiting.append($0) }
        }
        guard var route = routes[key], !route.wish.targets.isEmpty else { return TrialAnswer(status: 404) }
        var cookies: [Variable] = []
        let place = choose(&route, request, &cookies)
        let target = route.wish.targets[place]
        route.turn += 1
        let turn = route.turn
        routes[key] = route
        guard !target.backends.isEmpty else {
            count(key, target.release, isError: true)
            return TrialAnswer(status: 503, cookies: cookies)
        }
        let isError = request.path == "/fail"
        count(key, target.release, isError: isError)
        return TrialAnswer(
            status: isError ? 500 : 200, release: target.release,
            instance: target.backends[turn % target.backends.count].instance, cookies: cookies)
    }

    private func count(_ key: Key, _ release: ReleaseNumber, isError: Bool) {
        tallies[key, default: [:]][release, default: Tally()].requests += 1
        if isError { tallies[key]?[release]?.errors += 1 }
    }

    private func choose(_ route: inout Route, _ request: TrialRequest, _ cookies: inout [Variable]) -> Int {
        let wish = route.wish
        if let canary = wish.targets.firstIndex(where: { $0.release == wish.canary }),
            wish.matches.contains(where: { $0.fits(request) })
        {
            return canary
        }
        if let salt = wish.sticky {
            let name = "simulated-\(wish.service)"
            var id = request.cookies.first { $0.name == name }.flatMap { UInt64($0.value) }
            if id == nil {
                visitors += 1
                id = visitors
                cookies.append(Variable(name: name, value: "\(visitors)"))
            }
            return Self.place(of: (id ?? 0) &* 7919 &+ salt, in: wish)
        }
        // Each target earns its weight; the richest pays for the request.
        var best = 0
        for index in wish.targets.indices {
            route.credit[index, default: 0] += wish.targets[index].weight.percent
            if route.credit[index, default: 0] > route.credit[best, default: 0] { best = index }
        }
        route.credit[best, default: 0] -= 100
        return best
    }

    /// The release on trial has the low end of the cohorts.
    private static func place(of visitor: UInt64, in wish: RouteWish) -> Int {
        let cohort = Int(visitor % 100)
        let trial = wish.targets.indices.filter { wish.targets[$0].release == wish.canary }
        let others = wish.targets.indices.filter { wish.targets[$0].release != wish.canary }
        var end = 0
        for index in trial + others {
            end += wish.targets[index].weight.percent
            if cohort < end { return index }
        }
        return others.last ?? 0
    }
}

extension MatchSpec {
    fileprivate func fits(_ request: TrialRequest) -> Bool {
        switch self {
        case .header(let name, let value):
            request.headers.contains { $0.name.lowercased() == name.lowercased() && $0.value == value }
        case .cookie(let name, let value): request.cookies.contains { $0.name == name && $0.value == value }
        }
    }
}

/// The twin as a subject of the suite.
package struct SimulatedSubject: RouterSubject {
    package init() {}

    package func make() async throws -> SimulatedRouter { SimulatedRouter() }

    package func reopen(_ router: SimulatedRouter) async throws -> SimulatedRouter {
        await router.restarted()
        return router
    }

    package func discard(_ router: SimulatedRouter) async throws {}

    package func backend(_ instance: InstanceID, release: ReleaseNumber) async throws -> Backend {
        .address(host: "127.0.0.1", port: 1)
    }

    package func send(
        _ request: TrialRequest, to service: ServiceName, in environment: EnvironmentID, through router: SimulatedRouter
    ) async throws -> TrialAnswer {
        await router.send(request, to: service, in: environment)
    }
}
