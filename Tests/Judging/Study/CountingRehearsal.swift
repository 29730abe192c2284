import Proxy

/// The proxy's counters of one release, to measure what a request costs them.
struct CountingRehearsal {
    /// How a request ended.
    private struct End {
        var status: Int
        var nanoseconds: UInt64
        /// -1: visitors do not stay on their side.
        var cohort: Int
    }

    private let tally: ReleaseTally
    private let route: RouteTally
    private let instances: [InstanceTally]
    private let ends: [End]

    /// - Parameters:
    ///   - isSticky: visitors stay on their side, so that cohorts are counted too.
    ///   - instances: of the release; at least one.
    ///   - requests: that are drawn before anything is measured, with latencies over four orders of magnitude; one in a
    ///     hundred fails.
    init(isSticky: Bool, instances: Int, requests: Int) {
        let tally = ReleaseTally(TallyKey(epoch: 1, release: 1), weight: 50, isSticky: isSticky)
        self.tally = tally
        route = tally.route(host: nil, path: "/")
        self.instances = (0..<instances).map { tally.instance("instance-\($0)") }
        var generator = SeededGenerator(seed: 1, stream: 0)
        ends = (0..<requests).map { _ in
            let scale: UInt64 = [1_000, 10_000, 100_000, 1_000_000].randomElement(using: &generator) ?? 1_000
            return End(
                status: Int.random(in: 0..<100, using: &generator) == 0 ? 503 : 200,
                nanoseconds: scale * UInt64.random(in: 1...1000, using: &generator),
                cohort: isSticky ? Int.random(in: 0..<10_000, using: &generator) : -1)
        }
    }

    /// Folds all requests in, one after the other.
    /// - Returns: something that depends on all of them.
    func run() -> UInt64 {
        var next = 0
        for end in ends {
            tally.end(
                status: end.status, failure: nil, nanoseconds: end.nanoseconds, cohort: end.cohort, route: route,
                instance: instances[next])
            next = next + 1 == instances.count ? 0 : next + 1
        }
        return UInt64(ends.count)
    }
}
