import Domain
import Ports
import ProxyControl
import ProxyRoutes

/// What one service's part of the table should be.
struct ServiceDesire: Hashable, Sendable {
    /// Of the last wish that was taken; both 0 for what was found in the proxy's table at the start.
    var fence: UInt64
    var generation: UInt64
    /// Nil while the service is down.
    var route: ServiceRoute?
    var entrances: [Entrance]
    var epoch: UInt64

    static func == (left: ServiceDesire, right: ServiceDesire) -> Bool {
        (left.fence, left.generation, left.epoch) == (right.fence, right.generation, right.epoch)
            && left.route == right.route && left.entrances == right.entrances
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(fence)
        hasher.combine(generation)
    }
}

/// The whole table as it should be: all services of all environments, each as its newest wish says. A value without
/// I/O; the adapter keeps one for what is wished and one for what is in force.
struct DesiredRoutes: Sendable {
    private(set) var services: [ServiceKey: ServiceDesire] = [:]
    /// The highest fence of any wish, or of the table found at the start.
    private(set) var fence: UInt64 = 0
    /// Counts changes, so that one can tell which of them a table contains.
    private(set) var revision: UInt64 = 0

    init() {}

    /// Starts from the table that the proxy has, so that no service is dropped before its wish comes.
    init(seed table: RouteTable) {
        fence = table.fence
        for route in table.services {
            guard let key = ServiceKey(route.name) else { continue }
            var entrances: [Entrance] = []
            for listener in table.listeners {
                guard let address = SocketAddress(listener.address) else { continue }
                for rule in listener.rules where rule.service == route.name {
                    entrances.append(Entrance(address: address, host: rule.host, path: rule.path))
                }
            }
            services[key] = ServiceDesire(
                fence: 0, generation: 0, route: route, entrances: entrances.sorted(), epoch: route.epoch)
        }
    }

    /// Whether a wish may be taken, before anything is done for it.
    /// - Throws: `PortError` with code `stale`.
    func admit(_ wish: RouteWish) throws(PortError) {
        let key = ServiceKey(wish.service, in: wish.environment)
        if let known = services[key], (wish.fence, wish.generation) < (known.fence, known.generation) {
            throw PortError(
                .stale,
                "\(key): the wish \(wish.fence).\(wish.generation) is older than \(known.fence).\(known.generation)",
                hint: "a newer one has been taken already; nothing is to be done")
        }
        if let gone = forgotten[key], (wish.fence, wish.generation) < (gone.fence, gone.generation) {
            throw PortError(
                .stale, "\(key): the wish \(wish.fence).\(wish.generation) is from before the service was dropped",
                hint: "a newer one has been taken already; nothing is to be done")
        }
        if wish.fence < fence {
            throw PortError(
                .stale, "\(key): the fence \(wish.fence) is lower than \(fence)",
                hint: "another supervisor has taken over")
        }
    }

    /// Takes a wish over. Nothing changes when it is refused.
    /// - Throws: `PortError`: `stale`, or `invalid` when the table would contradict itself with it.
    mutating func take(
        _ wish: RouteWish, of spec: ServiceSpec, local: SocketAddress, stickyMaxAge: Int
    ) throws(PortError) {
        try admit(wish)
        let key = ServiceKey(wish.service, in: wish.environment)
        let translation = RouteTranslation(key: key, wish: wish, spec: spec, stickyMaxAge: stickyMaxAge)
        let known = services[key]
        var epoch = known?.epoch ?? 1
        var route = try translation.route(epoch: epoch)
        if let route, let before = known?.route ?? lastSplit[key], !route.splits(as: before) { epoch += 1 }
        route?.epoch = epoch
        let desire = ServiceDesire(
            fence: wish.fence, generation: wish.generation, route: route,
            entrances: try translation.entrances(local: local), epoch: epoch)
        var next = self
        next.services[key] = desire
        next.forgotten[key] = nil
        next.fence = max(fence, wish.fence)
        next.revision += 1
        if let route { next.lastSplit[key] = route }
        try next.checkEntrances(of: key)
        if let fault = next.table(generation: 1).fault() {
            throw PortError(.invalid, "\(key): \(fault.message)", hint: fault.hint ?? "")
        }
        self = next
    }

    /// Drops a service that is gone for good.
    /// - Throws: `PortError` with code `stale`.
    mutating func forget(_ wish: ForgetWish) throws(PortError) {
        let key = ServiceKey(wish.service, in: wish.environment)
        try admit(
            RouteWish(
                environment: wish.environment, service: wish.service, fence: wish.fence, generation: wish.generation,
                targets: []))
        fence = max(fence, wish.fence)
        forgotten[key] = (wish.fence, wish.generation)
        guard services.removeValue(forKey: key) != nil else { return }
        lastSplit[key] = nil
        revision += 1
    }

    /// Takes back everything that is not in force.
    mutating func goBack(to inForce: DesiredRoutes) {
        services = inForce.services
        lastSplit = inForce.lastSplit
        forgotten = inForce.forgotten
        revision += 1
    }

    /// Asks for the table to be sent once more.
    mutating func touch() { revision += 1 }

    /// When services were dropped: wishes from before come late.
    private var forgotten: [ServiceKey: (fence: UInt64, generation: UInt64)] = [:]

    /// The split that a service had before it went down: coming back with the same one is no new epoch.
    private var lastSplit: [ServiceKey: ServiceRoute] = [:]

    /// The addresses that the table listens on.
    var addresses: Set<SocketAddress> {
        var addresses: Set<SocketAddress> = []
        for desire in services.values where desire.route != nil {
            for entrance in desire.entrances { addresses.insert(entrance.address) }
        }
        return addresses
    }

    /// Everything as one table. Services and listeners in the order of their names.
    func table(generation: UInt64) -> RouteTable {
        var rules: [SocketAddress: [Rule]] = [:]
        var routes: [ServiceRoute] = []
        for key in services.keys.sorted() {
            guard let desire = services[key], let route = desire.route else { continue }
            routes.append(route)
            for entrance in desire.entrances {
                rules[entrance.address, default: []].append(
                    Rule(host: entrance.host, path: entrance.path, service: route.name))
            }
        }
        let listeners = rules.keys.sorted().map { Listener(address: $0.description, rules: rules[$0] ?? []) }
        return RouteTable(fence: fence, generation: generation, listeners: listeners, services: routes)
    }

    /// Two services that want the same requests: said in words that name both, which the proxy could not.
    private func checkEntrances(of key: ServiceKey) throws(PortError) {
        guard let desire = services[key], desire.route != nil else { return }
        for other in services.keys.sorted() where other != key {
            guard let theirs = services[other], theirs.route != nil else { continue }
            for entrance in desire.entrances {
                guard let clash = theirs.entrances.first(where: { $0.clashes(with: entrance) }) else { continue }
                let host = clash.host.map { " for the host \($0)" } ?? ""
                throw PortError(
                    .invalid, "\(key) and \(other) both want \(clash.address)\(host) and the path \(clash.path)",
                    hint: "give one of them another `listen`, `host` or `path`")
            }
        }
    }
}

extension Entrance {
    fileprivate func clashes(with other: Entrance) -> Bool {
        address == other.address && host?.lowercased() == other.host?.lowercased()
            && Rule(path: path, service: "").normalPath == Rule(path: other.path, service: "").normalPath
    }
}
