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
        /// How far each target is behind its share: other than the real ones it takes turns.
        var credit: [Int: Int] = [:]
        var turn = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private struct Tally {
        var requests = 0
        var errors = 0
    }

    /// A request that was drawn, and what became of it.
    private struct Draw {
        var place: Int
        /// False: a header or a cookie sent it.
        var isDrawn: Bool
        var cohort: Int?
    }

    private var routes: [Key: Route] = [:]
    private var tallies: [Key: [ReleaseNumber: Tally]] = [:]
    private var epochs: [Key: [EpochTraffic]] = [:]
    private var version: UInt64 = 0
    private var visitors: UInt64 = 0
    private var forgotten: [Key: (fence: UInt64, generation: UInt64)] = [:]

    package init() {}

    package nonisolated var capabilities: RouterCapabilities {
        RouterCapabilities(
            granularity: 1, matchesHeaders: true, matchesCookies: true, sticky: true, hold: true, counts: true,
            baseline: true)
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
        if !wish.targets.isEmpty, routes[key]?.wish.splits(as: wish) != true {
            let releases = wish.targets.map { EpochRelease(release: $0.release, weight: $0.weight) }
            epochs[key, default: []].append(
                EpochTraffic(
                    epoch: (epochs[key]?.count ?? 0) + 1, isSticky: wish.sticky != nil,
                    releases: releases.sorted { $0.release < $1.release }))
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
        epochs[key] = nil
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
        return TrafficCounts(
            source: "simulated", releases: releases,
            epochs: epochs[Key(environment: environment, service: service)] ?? [])
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
        let draw = choose(&route, request, &cookies)
        let target = route.wish.targets[draw.place]
        route.turn += 1
        let turn = route.turn
        routes[key] = route
        guard !target.backends.isEmpty else {
            count(key, target.release, draw, nil, isError: true)
            return TrialAnswer(status: 503, cookies: cookies)
        }
        let isError = request.path == "/fail"
        let instance = target.backends[turn % target.backends.count].instance
        count(key, target.release, draw, instance, isError: isError)
        return TrialAnswer(
            status: isError ? 500 : 200, release: target.release, instance: instance, cookies: cookies)
    }

    private func count(
        _ key: Key, _ release: ReleaseNumber, _ draw: Draw, _ instance: InstanceID?, isError: Bool
    ) {
        tallies[key, default: [:]][release, default: Tally()].requests += 1
        if isError { tallies[key]?[release]?.errors += 1 }
        guard draw.isDrawn, var epoch = epochs[key]?.last,
            let index = epoch.releases.firstIndex(where: { $0.release == release })
        else { return }
        epoch.releases[index].count(instance, cohort: draw.cohort, isError: isError)
        epochs[key]?[epoch.epoch - 1] = epoch
    }

    private func choose(_ route: inout Route, _ request: TrialRequest, _ cookies: inout [Variable]) -> Draw {
        let wish = route.wish
        if let canary = wish.targets.firstIndex(where: { $0.release == wish.canary }),
            wish.matches.contains(where: { $0.fits(request) })
        {
            return Draw(place: canary, isDrawn: false)
        }
        if let salt = wish.sticky {
            let name = "simulated-\(wish.service)"
            var id = request.cookies.first { $0.name == name }.flatMap { UInt64($0.value) }
            if id == nil {
                visitors += 1
                id = visitors
                cookies.append(Variable(name: name, value: "\(visitors)"))
            }
            let cohort = Int(((id ?? 0) &* 7919 &+ salt) % UInt64(CohortSet.all))
            return Draw(place: Self.place(of: cohort, in: wish), isDrawn: true, cohort: cohort)
        }
        // Each target earns its weight; the richest pays for the request.
        var best = 0
        for index in wish.targets.indices {
            route.credit[index, default: 0] += wish.targets[index].weight.percent
            if route.credit[index, default: 0] > route.credit[best, default: 0] { best = index }
        }
        route.credit[best, default: 0] -= 100
        return Draw(place: best, isDrawn: true)
    }

    /// The release on trial has the low end of the cohorts, its baseline the high end.
    private static func place(of cohort: Int, in wish: RouteWish) -> Int {
        let trial = wish.targets.indices.filter { wish.targets[$0].release == wish.canary }
        let baselines = wish.targets.indices.filter { wish.targets[$0].release.isBaseline }
        let stable = wish.targets.indices.filter { !trial.contains($0) && !baselines.contains($0) }
        let others = stable + baselines
        var end = 0
        for index in trial + others {
            end += wish.targets[index].weight.percent * CohortSet.all / 100
            if cohort < end { return index }
        }
        return others.last ?? 0
    }
}

extension EpochRelease {
    fileprivate mutating func count(_ instance: InstanceID?, cohort: Int?, isError: Bool) {
        requests += 1
        errors += isError ? 1 : 0
        let isFirst = cohort.map { isError && !failed.contains($0) } ?? false
        if let cohort {
            seen.insert(cohort)
            if isError { failed.insert(cohort) }
        }
        guard let instance else { return }
        let index = instances.firstIndex { $0.instance == instance } ?? instances.count
        if index == instances.count {
            instances.append(InstanceOutcome(instance: instance, requests: 0, errors: 0))
        }
        instances[index].requests += 1
        instances[index].errors += isError ? 1 : 0
        instances[index].failedCohorts += isFirst ? 1 : 0
    }
}

extension RouteWish {
    /// Whether requests are drawn as by another wish.
    fileprivate func splits(as other: RouteWish) -> Bool {
        targets.map(\.release) == other.targets.map(\.release) && targets.map(\.weight) == other.targets.map(\.weight)
            && sticky == other.sticky && canary == other.canary
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
