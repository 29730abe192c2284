import Domain
import Ports
import ProxyControl
import Testing

@testable import ProxyRoutes

/// The counts of several proxies as those of one, which never fall.
@Suite struct CountSumTests {
    private let key = ServiceKey(ServiceName("api"), in: EnvironmentID(project: "shop", name: "prod"))

    private func snapshot(_ boot: String, _ counts: [(release: Int, epoch: UInt64, requests: UInt64, errors: UInt64)])
        -> ProxySnapshot
    {
        let releases = counts.map { release, epoch, requests, errors -> ReleaseCounts in
            var counts = ReleaseCounts(release: release, epoch: epoch, weight: 50)
            counts.requests = requests
            counts.inFlight = 1
            counts.routes = [RouteCounts(host: nil, path: "/", requests: requests, errors: errors)]
            counts.latency = LatencyHistogram(dense: [0, requests])
            counts.instances = [InstanceCounts(instance: "\(release)", inFlight: 1, requests: requests, errors: errors)]
            return counts
        }
        return ProxySnapshot(
            bootID: boot, fence: 1, generation: 1, now: 0, connections: 0, unrouted: 0, listeners: [],
            services: [ServiceCounts(name: key.description, epoch: 1, held: 0, refused: 0, releases: releases)])
    }

    private func totals(_ sum: CountSum) -> [Int] { sum.counts(key).releases.map(\.requests) }

    @Test func countsOfAllAreAdded() {
        var sum = CountSum(source: "x")
        sum.absorb(snapshot("a", [(1, 1, 10, 1), (2, 1, 5, 0)]), of: "p")
        sum.absorb(snapshot("b", [(1, 1, 20, 2), (2, 1, 6, 3)]), of: "q")
        let counts = sum.counts(key)
        #expect(counts.source == "x")
        #expect(counts.releases.map(\.requests) == [30, 11])
        #expect(counts.releases.map(\.errors) == [3, 3])
        #expect(counts.releases.map(\.inFlight) == [2, 2])
        #expect(counts.releases.map { $0.latency.reduce(0) { $0 + $1.count } } == [30, 11])
        #expect(counts.epochs.count == 1 && counts.epochs[0].releases.map(\.requests) == [30, 11])
        #expect(counts.epochs[0].releases[0].instances.map(\.requests) == [30])
        #expect(sum.sums.map(\.requests) == [41])
    }

    @Test func aProxyThatIsStartedAgainOrGoesTakesNothingAway() {
        var sum = CountSum(source: "x")
        sum.absorb(snapshot("a", [(1, 1, 10, 1)]), of: "p")
        sum.absorb(snapshot("b", [(1, 1, 20, 2)]), of: "q")
        sum.absorb(snapshot("c", [(1, 1, 1, 0)]), of: "p")
        #expect(totals(sum) == [31])
        sum.retire("q")
        #expect(totals(sum) == [31])
        #expect(sum.counts(key).releases.map(\.inFlight) == [1], "nothing is under way in one that is gone")
        sum.absorb(snapshot("c", [(1, 1, 4, 0)]), of: "p")
        sum.absorb(snapshot("d", [(1, 2, 2, 0)]), of: "r")
        #expect(totals(sum) == [36])
        #expect(sum.counts(key).epochs.map(\.epoch) == [1, 2])
        #expect(sum.sums.map(\.requests) == [36])
    }

    /// One proxy forgets a split that another still counts.
    @Test func splitsAreForgottenByEachProxyInItsOwnTime() {
        var sum = CountSum(source: "x")
        sum.absorb(snapshot("a", [(1, 1, 10, 0), (2, 1, 1, 0)]), of: "p")
        sum.absorb(snapshot("b", [(1, 1, 10, 0), (2, 1, 1, 0)]), of: "q")
        sum.absorb(snapshot("a", [(1, 2, 3, 0), (2, 2, 1, 0)]), of: "p")
        #expect(totals(sum) == [23, 3])
        sum.absorb(snapshot("b", [(1, 2, 0, 0), (2, 2, 0, 0)]), of: "q")
        #expect(totals(sum) == [23, 3])
    }

    @Test func aCohortFailsForTheFirstTimeOnce() {
        func counts(_ failed: [Int], _ slow: Int32) -> TrafficCounts {
            let release = EpochRelease(
                release: ReleaseNumber(1), weight: .all, requests: 3, errors: failed.count,
                instances: [
                    InstanceOutcome(
                        instance: InstanceID(7), requests: 3, errors: failed.count, failedCohorts: failed.count)
                ], seen: CohortSet(failed), failed: CohortSet(failed), slowest: CohortLatencies(bounds: [5, slow]))
            return TrafficCounts(
                source: "", releases: [], epochs: [EpochTraffic(epoch: 1, isSticky: true, releases: [release])])
        }
        var sum = counts([1, 2], 10)
        sum.add(counts([2, 3], 20))
        let release = sum.epochs[0].releases[0]
        #expect(release.failed.members == [1, 2, 3])
        #expect(release.instances.map(\.failedCohorts) == [3])
        #expect(release.slowest == CohortLatencies(bounds: [5, 20]))
    }
}
