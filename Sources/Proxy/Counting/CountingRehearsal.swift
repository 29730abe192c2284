/// The counters of one release without the loop around them, to measure what a request costs them.
package struct CountingRehearsal {
    private let tally: ReleaseTally
    private let route: RouteTally
    private let instances: [InstanceTally]
    private let ends: [RequestEnd]

    /// - Parameters:
    ///   - isSticky: visitors stay on their side, so that cohorts are counted too.
    ///   - instances: of the release; at least one.
    ///   - requests: that are drawn before anything is measured, with latencies over four orders of magnitude; one in a
    ///     hundred fails.
    package init(isSticky: Bool, instances: Int, requests: Int) {
        tally = ReleaseTally(TallyKey(epoch: 1, release: 1, isMatched: false), weight: 50, isSticky: isSticky)
        route = tally.route(host: nil, path: "/")
        self.instances = (1...max(1, instances)).map { [tally] in tally.instance("instance-\($0)") }
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        func draw(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        ends = (0..<requests).map { _ in
            let scale: UInt64 = [1_000, 10_000, 100_000, 1_000_000][Int(draw(4))]
            return RequestEnd(
                status: draw(100) == 0 ? 503 : 200, failure: nil, nanoseconds: scale * (1 + draw(1000)),
                cohort: isSticky ? Int(draw(UInt64(StickyCohort.count))) : -1)
        }
    }

    /// Folds all requests in, one after the other.
    /// - Returns: how many the counters have seen.
    package func run() -> UInt64 {
        var next = 0
        for end in ends {
            tally.fold(end, route: route, instance: instances[next])
            next = next + 1 == instances.count ? 0 : next + 1
        }
        return tally.requests
    }
}
