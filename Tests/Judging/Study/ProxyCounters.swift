import Proxy
import ProxyControl

/// The proxy's own counters of one service, fed with drawn requests: what it would say in its snapshot.
struct ProxyCounters {
    static let canary = 15
    static let stable = 14
    static let service = "shop/production/api"

    private let isSticky: Bool
    private var epoch: UInt64 = 0
    /// Of all splits so far, the newest last.
    private var sides: [(canary: Side, stable: Side)] = []
    private var turn = 0

    init(isSticky: Bool) { self.isSticky = isSticky }

    /// Another split.
    /// - Parameter weight: the canary's, in percent.
    mutating func begin(_ weight: Int) {
        epoch += 1
        sides.append(
            (
                canary: Side(Self.canary, epoch, weight, isSticky, instances: 2),
                stable: Side(Self.stable, epoch, 100 - weight, isSticky, instances: 4)
            ))
    }

    /// Counts a request as the event loop does when its answer has ended.
    @inline(__always)
    mutating func add(_ request: DrawnRequest) {
        let side = request.isCanary ? sides[sides.count - 1].canary : sides[sides.count - 1].stable
        turn &+= 1
        let index = request.instance ?? turn % side.instances.count
        side.tally.end(
            status: request.isError ? 500 : 200, failure: nil, nanoseconds: UInt64(request.microseconds * 1000),
            cohort: request.cohort, route: side.route, instance: side.instances[index])
    }

    var snapshot: ProxySnapshot {
        let releases = sides.flatMap { [$0.stable.counts, $0.canary.counts] }
        return ProxySnapshot(
            bootID: "study", fence: 1, generation: epoch, now: 0, connections: 0, unrouted: 0, listeners: [],
            services: [ServiceCounts(name: Self.service, epoch: epoch, held: 0, refused: 0, releases: releases)])
    }

    /// One release under one split.
    private struct Side {
        let tally: ReleaseTally
        let route: RouteTally
        let instances: [InstanceTally]
        private let empty: ReleaseCounts

        init(_ release: Int, _ epoch: UInt64, _ weight: Int, _ isSticky: Bool, instances: Int) {
            tally = ReleaseTally(TallyKey(epoch: epoch, release: release), weight: weight, isSticky: isSticky)
            route = tally.route(host: nil, path: "/")
            let tally = tally
            self.instances = (0..<instances).map { tally.instance("\(release * 10 + $0)") }
            empty = ReleaseCounts(release: release, epoch: epoch, weight: weight, isSticky: isSticky)
        }

        var counts: ReleaseCounts {
            var sum = empty
            tally.add(to: &sum)
            return sum
        }
    }
}
