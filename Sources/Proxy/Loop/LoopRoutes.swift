import ProxyControl

/// The table in force on one event loop, compiled for matching. Replaced as a whole.
final class LoopRoutes {
    let fence: UInt64
    let generation: UInt64
    let listeners: [String: HostTable<LoopRule>]
    let services: [String: LoopService]

    init(_ table: RouteTable, on loop: LoopWorker) throws {
        fence = table.fence
        generation = table.generation
        var services: [String: LoopService] = [:]
        for route in table.services { services[route.name] = try LoopService(route, on: loop) }
        var listeners: [String: HostTable<LoopRule>] = [:]
        for listener in table.listeners {
            let entries = listener.rules.compactMap { rule in
                services[rule.service].map { service in
                    HostTable.Entry(
                        host: rule.host, path: rule.normalPath,
                        route: LoopRule(rule, service: service))
                }
            }
            listeners[listener.address] = HostTable(entries)
        }
        self.services = services
        self.listeners = listeners
    }
}

/// A rule and the service behind it.
final class LoopRule {
    let service: LoopService
    let host: String?
    let path: String
    /// The rule's counters, one for each target of the service.
    let tallies: [RouteTally]

    init(_ rule: Rule, service: LoopService) {
        self.service = service
        host = rule.host
        path = rule.path
        tallies = service.targets.map { $0.tally.route(host: rule.host, path: rule.path) }
    }

    /// The same rule with the service of a later table.
    init(_ rule: LoopRule, service: LoopService) {
        self.service = service
        host = rule.host
        path = rule.path
        tallies = service.targets.map { $0.tally.route(host: rule.host, path: rule.path) }
    }
}

/// A service as the table in force describes it.
final class LoopService {
    let name: String
    let epoch: UInt64
    /// Those that requests are split over, in the order of the table; behind them, for releases that matches name, the
    /// same again with counters of their own.
    let targets: [LoopTarget]
    let sticky: Sticky?
    let stickyName: [UInt8]
    let hold: Hold?
    let limits: LoopLimits
    private let matches: [LoopMatch]
    private let cohorts: StickyCohort
    private let split: RandomSplit

    init(_ route: ServiceRoute, on loop: LoopWorker) throws {
        name = route.name
        epoch = route.epoch
        sticky = route.sticky
        stickyName = Array((route.sticky?.cookie ?? "").utf8)
        hold = route.hold
        limits = LoopLimits(loop.limits, route.limits)
        let split = try route.targets.enumerated().map { index, target in
            try LoopTarget(target, index: index, isMatched: false, of: route, on: loop)
        }
        let named = Set((route.matches ?? []).map(\.release))
        let matched = try route.targets.filter { named.contains($0.release) }.enumerated().map { index, target in
            try LoopTarget(target, index: split.count + index, isMatched: true, of: route, on: loop)
        }
        targets = split + matched
        matches = (route.matches ?? []).compactMap { match in
            matched.first { $0.release == match.release }.map { LoopMatch(match, target: $0.index) }
        }
        cohorts = StickyCohort(targets: route.targets)
        self.split = RandomSplit(weights: route.targets.map(\.weight))
    }

    /// Chooses a target for a request head.
    func choose(
        _ bytes: UnsafePointer<UInt8>, _ head: RequestHead, _ fields: FieldTable, _ random: inout SplitMix64
    ) -> TargetChoice {
        for match in matches where match.fits(bytes, fields) {
            return TargetChoice(target: targets[match.target], cohort: -1, newVisitor: nil, isMatched: true)
        }
        guard let sticky else { return drawn(&random) }
        var known: UInt64?
        if head.hasCookie, let value = CookieScanner.find(bytes, fields, name: stickyName) {
            known = StickyCohort.id(bytes + value.start, value.end - value.start)
        }
        let id = known ?? UInt64.random(in: .min ... .max)
        let cohort = StickyCohort.of(id: id, salt: sticky.salt)
        return TargetChoice(
            target: targets[cohorts.target(of: cohort)], cohort: cohort, newVisitor: known == nil ? id : nil,
            isMatched: false)
    }

    /// Chooses again for a request whose head is gone, after a table took the place of the one it was chosen by.
    func chooseAgain(after earlier: TargetChoice, _ random: inout SplitMix64) -> TargetChoice {
        var choice = earlier
        let release = earlier.target.release
        // Without a match for its release it comes as any other: what is counted as drawn must have been drawn.
        choice.isMatched = earlier.isMatched && matches.contains { targets[$0.target].release == release }
        if choice.isMatched, let same = targets.last(where: { $0.release == release }) {
            choice.target = same
        } else if earlier.cohort >= 0 && sticky != nil {
            choice.target = targets[cohorts.target(of: earlier.cohort)]
        } else {
            choice.target = drawn(&random).target
        }
        return choice
    }

    private func drawn(_ random: inout SplitMix64) -> TargetChoice {
        TargetChoice(target: targets[split.next(&random)], cohort: -1, newVisitor: nil, isMatched: false)
    }
}

/// Where a request goes, and why.
struct TargetChoice {
    var target: LoopTarget
    /// The visitor's cohort; -1 without a sticky cookie.
    var cohort: Int
    /// The id to give to a visitor that has none.
    var newVisitor: UInt64?
    var isMatched: Bool
}

/// A match, compiled.
private struct LoopMatch {
    let isCookie: Bool
    let name: [UInt8]
    let value: [UInt8]
    let target: Int

    init(_ match: Match, target: Int) {
        isCookie = match.header == nil
        name = Array((match.header?.lowercased() ?? match.cookie ?? "").utf8)
        value = Array(match.value.utf8)
        self.target = target
    }

    func fits(_ bytes: UnsafePointer<UInt8>, _ fields: FieldTable) -> Bool {
        if isCookie {
            guard let found = CookieScanner.find(bytes, fields, name: name) else { return false }
            return isValue(bytes, found.start, found.end)
        }
        for index in 0..<fields.count {
            let field = fields[index]
            if ByteClass.equals(bytes + Int(field.name), Int(field.nameLength), lowercased: name),
                isValue(bytes, Int(field.valueStart), Int(field.valueEnd))
            {
                return true
            }
        }
        return false
    }

    private func isValue(_ bytes: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Bool {
        end - start == value.count && value.indices.allSatisfy { bytes[start + $0] == value[$0] }
    }
}

/// A release of a service and its instances.
final class LoopTarget {
    let index: Int
    let tally: ReleaseTally
    let release: Int
    /// `X-Slipway-Release: …` with its line end, or empty.
    let mark: [UInt8]
    let backends: [LoopBackend]
    /// The instances' counters, in the order of `backends`.
    let instances: [InstanceTally]
    private var turn = 0

    init(_ target: Target, index: Int, isMatched: Bool, of route: ServiceRoute, on loop: LoopWorker) throws {
        self.index = index
        release = target.release
        let tally = loop.tallies.tally(
            service: route.name, TallyKey(epoch: route.epoch, release: target.release, isMatched: isMatched),
            weight: target.weight, isSticky: route.sticky != nil)
        self.tally = tally
        mark =
            route.releaseHeader == true
            ? Array("X-Slipway-Release: \(route.label)@\(target.name)\r\n".utf8) : []
        backends = try target.backends.map { backend in
            try loop.backend(LoopBackend.Key(service: route.name, release: target.release, backend: backend))
        }
        instances = target.backends.map { tally.instance($0.instance) }
    }

    /// The backend with the fewest requests under way, those with equally few in turn; backends in `tried` are left
    /// out. Nil when none is left.
    @inline(__always)
    func pick(tried: UInt64) -> Int? {
        let count = backends.count
        if count == 0 { return nil }
        var best: Int?
        var least = Int.max
        var index = turn < count ? turn : 0
        for _ in 0..<count {
            let load = backends[index].inFlight
            if load < least, tried & (1 << UInt64(index & 63)) == 0 {
                best = index
                least = load
                if load == 0 { break }
            }
            index &+= 1
            if index == count { index = 0 }
        }
        if let best { turn = best &+ 1 }
        return best
    }
}

/// The limits of one service, in the loop's units.
struct LoopLimits {
    let connect: TimeAmountMilliseconds
    let response: Nanoseconds
    let stall: Nanoseconds
    let maxBodyBytes: Int64
    let tunnelDrain: Nanoseconds

    /// Milliseconds, as NIO's connect time-out takes them.
    typealias TimeAmountMilliseconds = Int64

    init(_ defaults: ProxyLimits, _ own: ServiceLimits?) {
        connect = Int64(own?.connectMilliseconds ?? defaults.connectMilliseconds)
        response = .milliseconds(own?.responseMilliseconds ?? defaults.responseMilliseconds)
        stall = .milliseconds(own?.stallMilliseconds ?? defaults.stallMilliseconds)
        maxBodyBytes = own?.maxBodyBytes.map(Int64.init) ?? defaults.maxBodyBytes ?? .max
        tunnelDrain = .milliseconds(own?.tunnelDrainMilliseconds ?? defaults.tunnelDrainMilliseconds)
    }
}
