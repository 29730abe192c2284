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
    private var sides: [Side] = []
    /// Of the newest.
    private var current: (canary: Side, stable: Side)
    private var turn = 0

    /// Stable alone.
    init(isSticky: Bool) {
        self.isSticky = isSticky
        current = Self.split(1, 0, isSticky)
        epoch = 1
        sides = [current.stable, current.canary]
    }

    /// Another split.
    /// - Parameter weight: the canary's, in percent.
    mutating func begin(_ weight: Int) {
        epoch += 1
        current = Self.split(epoch, weight, isSticky)
        sides += [current.stable, current.canary]
    }

    private static func split(_ epoch: UInt64, _ weight: Int, _ isSticky: Bool) -> (canary: Side, stable: Side) {
        (
            canary: Side(canary, epoch, weight, isSticky, instances: 2),
            stable: Side(stable, epoch, 100 - weight, isSticky, instances: 4)
        )
    }

    /// Counts a request as the event loop does when its answer has ended.
    @inline(__always)
    mutating func add(_ request: DrawnRequest) {
        turn &+= 1
        if request.isCanary { current.canary.add(request, turn) } else { current.stable.add(request, turn) }
    }

    var snapshot: ProxySnapshot {
        let releases = sides.map(\.counts)
        return ProxySnapshot(
            bootID: "study", fence: 1, generation: epoch, now: 0, connections: 0, unrouted: 0, listeners: [],
            services: [ServiceCounts(name: Self.service, epoch: epoch, held: 0, refused: 0, releases: releases)])
    }

    /// One release under one split. Counting a request takes hold of nothing: a rollout counts some hundred thousand.
    private struct Side {
        private let tally: ReleaseTally
        private let counted: Unmanaged<ReleaseTally>
        private let route: Unmanaged<RouteTally>
        private let instances: [Unmanaged<InstanceTally>]
        private let empty: ReleaseCounts

        init(_ release: Int, _ epoch: UInt64, _ weight: Int, _ isSticky: Bool, instances: Int) {
            let tally = ReleaseTally(TallyKey(epoch: epoch, release: release), weight: weight, isSticky: isSticky)
            self.tally = tally
            // The tally keeps those of its routes and instances.
            counted = .passUnretained(tally)
            route = .passUnretained(tally.route(host: nil, path: "/"))
            self.instances = (0..<instances).map { .passUnretained(tally.instance("\(release * 10 + $0)")) }
            empty = ReleaseCounts(release: release, epoch: epoch, weight: weight, isSticky: isSticky)
        }

        @inline(__always)
        func add(_ request: DrawnRequest, _ turn: Int) {
            let instance = instances[request.instance ?? turn % instances.count]
            counted._withUnsafeGuaranteedRef { tally in
                route._withUnsafeGuaranteedRef { route in
                    instance._withUnsafeGuaranteedRef { instance in
                        tally.end(
                            status: request.isError ? 500 : 200, failure: nil,
                            nanoseconds: UInt64(request.microseconds * 1000), cohort: request.cohort, route: route,
                            instance: instance)
                    }
                }
            }
        }

        var counts: ReleaseCounts {
            var sum = empty
            tally.add(to: &sum)
            return sum
        }
    }
}
