import Domain
package import Ports

extension TrafficCounts {
    /// Adds what another proxy has counted of the same service.
    package mutating func add(_ other: TrafficCounts) {
        var sums = Dictionary(releases.map { ($0.release, $0) }) { first, _ in first }
        for traffic in other.releases {
            if let known = sums[traffic.release] {
                sums[traffic.release] = ReleaseTraffic(
                    release: traffic.release, requests: known.requests + traffic.requests,
                    errors: known.errors + traffic.errors, inFlight: known.inFlight + traffic.inFlight,
                    latency: Self.sum(known.latency, traffic.latency))
            } else {
                sums[traffic.release] = traffic
            }
        }
        releases = sums.values.sorted { $0.release < $1.release }
        var splits = Dictionary(epochs.map { ($0.epoch, $0) }) { first, _ in first }
        for epoch in other.epochs {
            if splits[epoch.epoch] == nil { splits[epoch.epoch] = epoch } else { splits[epoch.epoch]?.add(epoch) }
        }
        epochs = splits.values.sorted { $0.epoch < $1.epoch }
    }

    fileprivate static func sum(_ one: [LatencyBucket], _ other: [LatencyBucket]) -> [LatencyBucket] {
        var counts: [Int: Int] = [:]
        for bucket in one + other { counts[bucket.microseconds, default: 0] += bucket.count }
        return counts.sorted { $0.key < $1.key }.map { LatencyBucket(microseconds: $0.key, count: $0.value) }
    }
}

extension EpochTraffic {
    /// Adds what another proxy has counted under the same split.
    fileprivate mutating func add(_ other: EpochTraffic) {
        isSticky = isSticky || other.isSticky
        for release in other.releases {
            if let index = releases.firstIndex(where: { $0.release == release.release }) {
                releases[index].add(release)
            } else {
                releases.append(release)
            }
        }
        releases.sort { $0.release < $1.release }
    }
}

extension EpochRelease {
    fileprivate mutating func add(_ other: EpochRelease) {
        requests += other.requests
        errors += other.errors
        latency = TrafficCounts.sum(latency, other.latency)
        var outcomes = Dictionary(instances.map { ($0.instance, $0) }) { first, _ in first }
        // A cohort fails for the first time once, though each proxy sees a first failure of its own.
        var again = failed.intersection(other.failed).count
        for outcome in other.instances {
            var sum = outcomes[outcome.instance] ?? InstanceOutcome(instance: outcome.instance, requests: 0, errors: 0)
            let known = min(again, outcome.failedCohorts)
            again -= known
            sum.requests += outcome.requests
            sum.errors += outcome.errors
            sum.failedCohorts += outcome.failedCohorts - known
            outcomes[outcome.instance] = sum
        }
        instances = outcomes.values.sorted { $0.instance < $1.instance }
        seen = seen.union(other.seen)
        failed = failed.union(other.failed)
        slowest = slowest.merged(with: other.slowest)
    }
}

extension CohortLatencies {
    /// Of each cohort the slower one.
    fileprivate func merged(with other: CohortLatencies) -> CohortLatencies {
        let own = Dictionary(changes(since: CohortLatencies()).map { ($0.cohort, $0.microseconds) }) { $1 }
        var merged = self
        merged.apply(other.changes(since: CohortLatencies()).filter { $0.microseconds > own[$0.cohort] ?? 0 })
        return merged
    }
}
