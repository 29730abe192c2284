package import ProxyControl

/// The counters of one release in one weight epoch, on one event loop. Plain numbers: only that loop touches them.
package final class ReleaseTally {
    let key: TallyKey
    /// The release's share of the split, in percent.
    let weight: Int
    /// Whether visitors stay on their side.
    let isSticky: Bool
    var inFlight = 0
    var tunnels = 0
    var requests: UInt64 = 0
    var statuses = StatusCounts()
    var failures = FailureCounts()
    var retries: UInt64 = 0
    private(set) var routes: [RouteTally] = []
    private(set) var instances: [InstanceTally] = []
    private let latency: UnsafeMutablePointer<UInt64>
    /// Bits of the cohorts that were seen, and behind them those of the cohorts that failed; nil: not sticky.
    private let cohorts: UnsafeMutablePointer<UInt64>?
    /// The place in `CohortLatencies` of each cohort; nil: not sticky.
    private let slowest: UnsafeMutablePointer<UInt16>?
    private static let cohortWords = (StickyCohort.count + 63) / 64

    package init(_ key: TallyKey, weight: Int, isSticky: Bool) {
        self.key = key
        self.weight = weight
        self.isSticky = isSticky
        latency = .allocate(capacity: LatencyBuckets.count)
        latency.initialize(repeating: 0, count: LatencyBuckets.count)
        cohorts = isSticky ? .allocate(capacity: 2 * Self.cohortWords) : nil
        cohorts?.initialize(repeating: 0, count: 2 * Self.cohortWords)
        slowest = isSticky ? .allocate(capacity: StickyCohort.count) : nil
        slowest?.initialize(repeating: 0, count: StickyCohort.count)
    }

    deinit {
        latency.deallocate()
        cohorts?.deallocate()
        slowest?.deallocate()
    }

    /// Counts a request that has ended, for its release, rule, instance and cohort.
    /// - Parameters:
    ///   - status: what the client was answered; 0: nothing.
    ///   - failure: why the instance gave no complete answer; nil: it did.
    ///   - nanoseconds: from the request's head to the end of the answer.
    ///   - cohort: of the visitor, `0 ..< StickyCohort.count`; -1: not sticky.
    package func end(
        status: Int, failure: FailureKind?, nanoseconds: UInt64, cohort: Int, route: RouteTally,
        instance: InstanceTally?
    ) {
        requests &+= 1
        var isError = status >= 500
        if status > 0 { addStatus(status) }
        if let failure {
            failures.add(failure)
            switch failure {
            case .clientAborted: break
            case .connectRefused, .connectTimeout, .upstreamReset, .upstreamTimeout, .badResponse, .noBackend:
                isError = true
            }
        } else {
            addLatency(nanoseconds: nanoseconds)
            if cohort >= 0 { addCohortLatency(cohort, nanoseconds: nanoseconds) }
        }
        route.requests &+= 1
        if isError { route.errors &+= 1 }
        if let instance {
            instance.requests &+= 1
            if isError { instance.errors &+= 1 }
        }
        if cohort >= 0, addCohort(cohort, isError: isError) { instance?.failedCohorts &+= 1 }
    }

    /// Counts the time of a complete answer.
    @inline(__always)
    private func addLatency(nanoseconds: UInt64) {
        latency[LatencyBuckets.index(microseconds: nanoseconds / 1000)] &+= 1
    }

    /// Counts a final status.
    func addStatus(_ status: Int) {
        switch status / 100 {
        case 1: statuses.informational += 1
        case 2: statuses.success += 1
        case 3: statuses.redirection += 1
        case 4: statuses.clientError += 1
        default: statuses.serverError += 1
        }
    }

    /// Notes that a cohort came, and whether its request failed.
    /// - Parameter cohort: `0 ..< StickyCohort.count`.
    /// - Returns: Whether it is the first failure of the cohort.
    func addCohort(_ cohort: Int, isError: Bool) -> Bool {
        guard let cohorts else { return false }
        let bit: UInt64 = 1 << UInt64(cohort & 63)
        cohorts[cohort >> 6] |= bit
        let place = Self.cohortWords + (cohort >> 6)
        guard isError, cohorts[place] & bit == 0 else { return false }
        cohorts[place] |= bit
        return true
    }

    /// Notes how long a request of a cohort took, if none took longer.
    /// - Parameter cohort: `0 ..< StickyCohort.count`.
    private func addCohortLatency(_ cohort: Int, nanoseconds: UInt64) {
        guard let slowest else { return }
        let place = UInt16(LatencyBuckets.index(microseconds: nanoseconds / 1000) + 1)
        if place > slowest[cohort] { slowest[cohort] = place }
    }

    /// Nil while nobody came.
    private var cohortSets: CohortSets? {
        guard let cohorts else { return nil }
        let count = Self.cohortWords
        let seen = CohortBits(dense: UnsafeBufferPointer(start: cohorts, count: count))
        if seen.isEmpty { return nil }
        return CohortSets(
            seen: seen, failed: CohortBits(dense: UnsafeBufferPointer(start: cohorts + count, count: count)),
            slowest: CohortLatencies(dense: UnsafeBufferPointer(start: slowest, count: StickyCohort.count)))
    }

    /// The counter of a rule, made on first use.
    package func route(host: String?, path: String) -> RouteTally {
        if let known = routes.first(where: { $0.host == host && $0.path == path }) { return known }
        let route = RouteTally(host: host, path: path)
        routes.append(route)
        return route
    }

    /// The counter of an instance, made on first use.
    package func instance(_ name: String) -> InstanceTally {
        if let known = instances.first(where: { $0.instance == name }) { return known }
        let instance = InstanceTally(instance: name)
        instances.append(instance)
        return instance
    }

    /// Adds what was counted here to the sum over all loops.
    package func add(to sum: inout ReleaseCounts) {
        sum.inFlight += inFlight
        sum.tunnels += tunnels
        sum.requests += requests
        sum.retries += retries
        sum.statuses.add(statuses)
        sum.failures.add(failures)
        sum.latency.merge(
            LatencyHistogram(dense: UnsafeBufferPointer(start: latency, count: LatencyBuckets.count)))
        for route in routes {
            if let index = sum.routes.firstIndex(where: { $0.host == route.host && $0.path == route.path }) {
                sum.routes[index].requests += route.requests
                sum.routes[index].errors += route.errors
            } else {
                sum.routes.append(
                    RouteCounts(host: route.host, path: route.path, requests: route.requests, errors: route.errors))
            }
        }
        if let sets = cohortSets {
            if sum.cohortSets == nil { sum.cohortSets = sets } else { sum.cohortSets?.formUnion(sets) }
        }
        for instance in instances {
            if let index = sum.instances.firstIndex(where: { $0.instance == instance.instance }) {
                sum.instances[index].inFlight += instance.inFlight
                sum.instances[index].requests += instance.requests
                sum.instances[index].errors += instance.errors
                if instance.failedCohorts > 0 {
                    sum.instances[index].failedCohorts =
                        (sum.instances[index].failedCohorts ?? 0) + instance.failedCohorts
                }
            } else {
                sum.instances.append(
                    InstanceCounts(
                        instance: instance.instance, inFlight: instance.inFlight, requests: instance.requests,
                        errors: instance.errors,
                        failedCohorts: instance.failedCohorts > 0 ? instance.failedCohorts : nil))
            }
        }
    }
}

/// What a tally counts.
package struct TallyKey: Hashable, Comparable {
    let epoch: UInt64
    let release: Int
    /// Requests that a match sent to the release, not the split.
    let isMatched: Bool

    package init(epoch: UInt64, release: Int, isMatched: Bool = false) {
        self.epoch = epoch
        self.release = release
        self.isMatched = isMatched
    }

    package static func < (left: TallyKey, right: TallyKey) -> Bool {
        (left.epoch, left.release, left.isMatched ? 1 : 0) < (right.epoch, right.release, right.isMatched ? 1 : 0)
    }
}

/// The counters of a rule.
package final class RouteTally {
    let host: String?
    let path: String
    var requests: UInt64 = 0
    var errors: UInt64 = 0

    init(host: String?, path: String) {
        self.host = host
        self.path = path
    }
}

/// The counters of an instance.
package final class InstanceTally {
    let instance: String
    var inFlight = 0
    var requests: UInt64 = 0
    var errors: UInt64 = 0
    /// Cohorts whose first failure was here.
    var failedCohorts: UInt64 = 0

    init(instance: String) { self.instance = instance }
}

/// What a request ended as, when it did not end with the instance's complete answer.
package enum FailureKind {
    case connectRefused
    case connectTimeout
    case upstreamReset
    case upstreamTimeout
    case badResponse
    case noBackend
    case clientAborted

    /// What the client is answered, if it can still be answered.
    var status: Int {
        switch self {
        case .connectRefused, .upstreamReset, .badResponse: 502
        case .connectTimeout, .upstreamTimeout: 504
        case .noBackend: 503
        case .clientAborted: 408
        }
    }

    var text: String {
        switch self {
        case .connectRefused: "no instance accepts connections"
        case .connectTimeout: "connecting to the instance took too long"
        case .upstreamReset: "the instance closed the connection"
        case .upstreamTimeout: "the instance took too long to answer"
        case .badResponse: "the instance's answer is not valid HTTP"
        case .noBackend: "no instance is available"
        case .clientAborted: "the request took too long to arrive"
        }
    }
}

extension FailureCounts {
    mutating func add(_ kind: FailureKind) {
        switch kind {
        case .connectRefused: connectRefused += 1
        case .connectTimeout: connectTimeout += 1
        case .upstreamReset: upstreamReset += 1
        case .upstreamTimeout: upstreamTimeout += 1
        case .badResponse: badResponse += 1
        case .noBackend: noBackend += 1
        case .clientAborted: clientAborted += 1
        }
    }

    mutating func add(_ other: FailureCounts) {
        connectRefused += other.connectRefused
        connectTimeout += other.connectTimeout
        upstreamReset += other.upstreamReset
        upstreamTimeout += other.upstreamTimeout
        badResponse += other.badResponse
        noBackend += other.noBackend
        clientAborted += other.clientAborted
    }
}

extension StatusCounts {
    mutating func add(_ other: StatusCounts) {
        informational += other.informational
        success += other.success
        redirection += other.redirection
        clientError += other.clientError
        serverError += other.serverError
    }
}
