import ProxyControl

/// The counters of one release in one weight epoch, on one event loop. Plain numbers: only that loop touches them.
final class ReleaseTally {
    let release: Int
    let epoch: UInt64
    var inFlight = 0
    var tunnels = 0
    var requests: UInt64 = 0
    var statuses = StatusCounts()
    var failures = FailureCounts()
    var retries: UInt64 = 0
    private(set) var routes: [RouteTally] = []
    private(set) var instances: [InstanceTally] = []
    private let latency: UnsafeMutablePointer<UInt64>
    private var cohorts: [CohortCounts] = []

    init(release: Int, epoch: UInt64) {
        self.release = release
        self.epoch = epoch
        latency = .allocate(capacity: LatencyBuckets.count)
        latency.initialize(repeating: 0, count: LatencyBuckets.count)
    }

    deinit { latency.deallocate() }

    /// Counts the time of a complete answer.
    @inline(__always)
    func addLatency(nanoseconds: UInt64) {
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

    func addCohort(_ cohort: Int, isError: Bool) {
        if cohorts.isEmpty {
            cohorts = (0..<256).map { CohortCounts(bucket: $0, requests: 0, errors: 0) }
        }
        cohorts[cohort & 255].requests += 1
        if isError { cohorts[cohort & 255].errors += 1 }
    }

    /// The counter of a rule, made on first use.
    func route(host: String?, path: String) -> RouteTally {
        if let known = routes.first(where: { $0.host == host && $0.path == path }) { return known }
        let route = RouteTally(host: host, path: path)
        routes.append(route)
        return route
    }

    /// The counter of an instance, made on first use.
    func instance(_ name: String) -> InstanceTally {
        if let known = instances.first(where: { $0.instance == name }) { return known }
        let instance = InstanceTally(instance: name)
        instances.append(instance)
        return instance
    }

    /// Adds what was counted here to the sum over all loops.
    func add(to sum: inout ReleaseCounts) {
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
        for cohort in cohorts where cohort.requests > 0 {
            if let index = sum.cohorts.firstIndex(where: { $0.bucket == cohort.bucket }) {
                sum.cohorts[index].requests += cohort.requests
                sum.cohorts[index].errors += cohort.errors
            } else {
                sum.cohorts.append(cohort)
            }
        }
        for instance in instances {
            if let index = sum.instances.firstIndex(where: { $0.instance == instance.instance }) {
                sum.instances[index].inFlight += instance.inFlight
                sum.instances[index].requests += instance.requests
                sum.instances[index].errors += instance.errors
            } else {
                sum.instances.append(
                    InstanceCounts(
                        instance: instance.instance, inFlight: instance.inFlight, requests: instance.requests,
                        errors: instance.errors))
            }
        }
    }
}

/// The counters of a rule.
final class RouteTally {
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
final class InstanceTally {
    let instance: String
    var inFlight = 0
    var requests: UInt64 = 0
    var errors: UInt64 = 0

    init(instance: String) { self.instance = instance }
}

/// What a request ended as, when it did not end with the instance's complete answer.
enum FailureKind {
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
