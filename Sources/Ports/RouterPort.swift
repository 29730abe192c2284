package import Domain

/// What splits traffic.
package protocol RouterPort: Sendable {
    var capabilities: RouterCapabilities { get }
    /// What it can do for an environment on a cluster; for one on this machine with nil.
    func capabilities(on cluster: ClusterSpec?) -> RouterCapabilities
    /// Tells it how requests of one service are split, and where they enter.
    /// Returns when every request follows the new table, for routers that acknowledge at once; of others the view tells
    /// when it does.
    /// - Throws: `PortError` with code `stale` for an older fence or generation.
    func apply(_ wish: RouteWish, service: Release) async throws
    /// A view for each service that it knows.
    func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RouterView]
    /// Drops a service that is gone for good: its routes, its counts, its listening sockets. Convergent; `observe` then
    /// knows nothing of it, and tables from before do not bring it back.
    /// - Throws: `PortError` with code `stale` for an older fence or generation.
    func forget(_ wish: ForgetWish) async throws
    /// What it counted for one service since it started; nil when it does not count.
    func counts(_ service: ServiceName, in environment: EnvironmentID) async throws -> TrafficCounts?
}

extension RouterPort {
    package func capabilities(on cluster: ClusterSpec?) -> RouterCapabilities { capabilities }
}

/// Cumulative counts of one service. They start anew when `source` changes.
package struct TrafficCounts: Hashable, Sendable, Codable {
    /// Which run of the router counted.
    package var source: String
    /// All requests, however they came to a release.
    package var releases: [ReleaseTraffic]
    /// The same counts apart by split, the latest last, so that each request is judged by the weights that it was drawn
    /// by. Splits of long ago are left out.
    package var epochs: [EpochTraffic]
    package init(source: String, releases: [ReleaseTraffic], epochs: [EpochTraffic] = []) {
        self.source = source
        self.releases = releases
        self.epochs = epochs
    }
}

/// Cumulative counts of one release.
package struct ReleaseTraffic: Hashable, Sendable, Codable {
    package var release: ReleaseNumber
    package var requests: Int
    /// 5xx answers and requests that got none.
    package var errors: Int
    package var inFlight: Int
    /// Latencies in microseconds, as ascending upper bounds of buckets with their counts; within 1 % of the truth.
    package var latency: [LatencyBucket]

    package init(
        release: ReleaseNumber, requests: Int, errors: Int, inFlight: Int, latency: [LatencyBucket]
    ) {
        self.release = release
        self.requests = requests
        self.errors = errors
        self.inFlight = inFlight
        self.latency = latency
    }
}

/// So many requests took at most so long (and more than the bucket before).
package struct LatencyBucket: Hashable, Sendable, Codable {
    package var microseconds: Int
    package var count: Int
    package init(microseconds: Int, count: Int) {
        self.microseconds = microseconds
        self.count = count
    }
}
