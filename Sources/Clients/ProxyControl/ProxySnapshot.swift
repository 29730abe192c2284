/// What the proxy has counted since it started. Every number only grows within one `bootID`, but for `inFlight`,
/// `held`, `connections` and `tunnels`, which are what is at this moment.
package struct ProxySnapshot: Codable, Sendable, Equatable {
    /// Random for each start of the proxy: counts of different boots cannot be subtracted.
    package var bootID: String
    package var fence: UInt64
    package var generation: UInt64
    /// Wall clock, milliseconds since 1970.
    package var now: Int64
    /// Client connections that are open.
    package var connections: Int
    /// Requests that no rule fitted, or that were refused before one was looked for.
    package var unrouted: UInt64
    /// The addresses that the proxy has sockets for.
    package var listeners: [String]
    package var services: [ServiceCounts]

    package init(
        bootID: String, fence: UInt64, generation: UInt64, now: Int64, connections: Int, unrouted: UInt64,
        listeners: [String], services: [ServiceCounts]
    ) {
        self.bootID = bootID
        self.fence = fence
        self.generation = generation
        self.now = now
        self.connections = connections
        self.unrouted = unrouted
        self.listeners = listeners
        self.services = services
    }
}

/// The counts of one service.
package struct ServiceCounts: Codable, Sendable, Equatable {
    package var name: String
    /// The weight epoch of the table in force.
    package var epoch: UInt64
    /// Requests that wait in `hold`.
    package var held: Int
    /// Requests answered 503 because `hold` was full, or because they waited in it for too long.
    package var refused: UInt64
    /// One entry for each release and weight epoch, and another one for requests that a match sent there; the last few
    /// epochs are kept, and older ones with requests in flight.
    package var releases: [ReleaseCounts]

    package init(name: String, epoch: UInt64, held: Int, refused: UInt64, releases: [ReleaseCounts]) {
        self.name = name
        self.epoch = epoch
        self.held = held
        self.refused = refused
        self.releases = releases
    }
}

/// The counts of one release in one weight epoch: of the requests that the split sent there, or of those that a match
/// did.
package struct ReleaseCounts: Codable, Sendable, Equatable {
    package var release: Int
    package var epoch: UInt64
    /// Present and true: requests that a header or a cookie sent here. Nothing about them is random.
    package var isMatched: Bool?
    /// The release's share of the split in this epoch, in percent. Nil from a proxy that does not say.
    package var weight: Int?
    /// Present and true: visitors stayed on their side in this epoch.
    package var isSticky: Bool?
    /// Requests and tunnels under way.
    package var inFlight: Int
    /// The tunnels (after 101) among them.
    package var tunnels: Int
    /// Requests that have ended; a tunnel counts when it is opened.
    package var requests: UInt64
    package var statuses: StatusCounts
    package var failures: FailureCounts
    /// Attempts beyond the first.
    package var retries: UInt64
    /// From the full request head to the end of the response, in microseconds; tunnels and aborted requests not.
    package var latency: LatencyHistogram
    package var routes: [RouteCounts]
    /// Sticky services: who came, for whom a request failed, and how long they waited. Nil while nobody has.
    package var cohortSets: CohortSets?
    package var instances: [InstanceCounts]

    package init(
        release: Int, epoch: UInt64, weight: Int? = nil, isSticky: Bool = false, isMatched: Bool = false
    ) {
        self.release = release
        self.epoch = epoch
        self.isMatched = isMatched ? true : nil
        self.weight = weight
        self.isSticky = isSticky ? true : nil
        inFlight = 0
        tunnels = 0
        requests = 0
        statuses = StatusCounts()
        failures = FailureCounts()
        retries = 0
        latency = LatencyHistogram()
        routes = []
        cohortSets = nil
        instances = []
    }
}

/// Final answers by status class. Answers that the proxy makes for a release (502, 503, 504) are among them.
package struct StatusCounts: Codable, Sendable, Equatable {
    package var informational: UInt64 = 0
    package var success: UInt64 = 0
    package var redirection: UInt64 = 0
    package var clientError: UInt64 = 0
    package var serverError: UInt64 = 0

    package init() {}
}

/// Why requests did not end with the instance's own complete answer.
package struct FailureCounts: Codable, Sendable, Equatable {
    package var connectRefused: UInt64 = 0
    package var connectTimeout: UInt64 = 0
    /// The instance closed before or in the middle of its answer.
    package var upstreamReset: UInt64 = 0
    package var upstreamTimeout: UInt64 = 0
    /// The answer was not HTTP, or was ambiguous.
    package var badResponse: UInt64 = 0
    /// No instance was there to ask.
    package var noBackend: UInt64 = 0
    /// The client went away, or stopped sending or reading. Not the release's fault.
    package var clientAborted: UInt64 = 0

    package init() {}
}

/// Requests by the rule that they came through.
package struct RouteCounts: Codable, Sendable, Equatable {
    package var host: String?
    package var path: String
    package var requests: UInt64
    /// 5xx answers and failures that are not the client's.
    package var errors: UInt64

    package init(host: String?, path: String, requests: UInt64, errors: UInt64) {
        self.host = host
        self.path = path
        self.requests = requests
        self.errors = errors
    }
}

/// Outcomes of one instance. It stays listed after its removal from the table while `inFlight` is above zero.
package struct InstanceCounts: Codable, Sendable, Equatable {
    package var instance: String
    package var inFlight: Int
    package var requests: UInt64
    package var errors: UInt64
    /// Sticky services: cohorts whose first failure in the epoch was here. Nil while there is none.
    package var failedCohorts: UInt64?

    package init(instance: String, inFlight: Int, requests: UInt64, errors: UInt64, failedCohorts: UInt64? = nil) {
        self.instance = instance
        self.inFlight = inFlight
        self.requests = requests
        self.errors = errors
        self.failedCohorts = failedCohorts
    }
}
