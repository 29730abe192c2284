import Domain
import Judging
import Ports

/// What was counted of two releases under one split, between two readings.
struct SplitCounts: Sendable {
    var isSticky: Bool
    var canary: EpochRelease
    var stable: EpochRelease
    /// The earlier reading of both, where there was one.
    var before: (canary: EpochRelease?, stable: EpochRelease?)

    /// The canary's share of what went to the two of them.
    private var share: Double {
        Double(canary.weight.percent) / Double(canary.weight.percent + stable.weight.percent)
    }

    /// One for each split that gave requests to both, in their order. Nil when counts fell in between.
    static func all(of pair: ReleasePair, from: TrafficCounts, to: TrafficCounts) -> [SplitCounts]? {
        var found: [SplitCounts] = []
        for epoch in to.epochs {
            guard let canary = epoch.releases.first(where: { $0.release == pair.canary }),
                let stable = epoch.releases.first(where: { $0.release == pair.stable }),
                canary.weight > .none, stable.weight > .none,
                // Which cohorts are whose is known as long as the two have them all, or an end each.
                !epoch.isSticky || stable.release.isBaseline || canary.weight.complement == stable.weight
            else { continue }
            let before = from.epochs.first { $0.epoch == epoch.epoch }
            let then = (
                canary: before?.releases.first { $0.release == pair.canary },
                stable: before?.releases.first { $0.release == pair.stable }
            )
            guard let newCanary = canary.since(then.canary), let newStable = stable.since(then.stable)
            else { return nil }
            found.append(
                SplitCounts(isSticky: epoch.isSticky, canary: newCanary, stable: newStable, before: then))
        }
        return found
    }

    /// - Parameter limits: by which requests are slow. Where one is not known none is: that is no evidence either way.
    func requestSample(_ limits: [LatencyLimits?]) -> TrafficSample {
        TrafficSample(
            weight: share,
            canary: canary.sample(limits.map { $0?.canary(canary.latency.counts) ?? EventCount(0) }),
            stable: stable.sample(limits.map { $0?.stable(stable.latency.counts) ?? EventCount(0) }))
    }

    /// Notes what it counts in the memory.
    func cohortSample(_ limits: [LatencyLimits?], _ memory: inout CohortMemory) -> TrafficSample {
        let plain = requestSample(limits)
        let sides = memory.note(self, limits)
        return TrafficSample(
            weight: share, canary: plain.canary.with(sides.canary, of: canary),
            stable: plain.stable.with(sides.stable, of: stable))
    }
}

extension ReleaseSample {
    /// The same, with what is known by cohort.
    fileprivate func with(_ side: CohortSide, of release: EpochRelease) -> ReleaseSample {
        var sample = self
        sample.errors.cohorts = side.errors
        for index in sample.slow.indices { sample.slow[index].cohorts = side.slow[index] }
        let none = CohortCount(atRisk: 0, failed: 0, observed: 0)
        for index in sample.instances.indices {
            let name = sample.instances[index].name
            let outcome = release.instances.first { "\($0.instance)" == name }
            var errors = none
            errors.failed = outcome?.failedCohorts ?? 0
            sample.instances[index].errors.cohorts = errors
            for limit in sample.instances[index].slow.indices { sample.instances[index].slow[limit].cohorts = none }
        }
        return sample
    }
}

extension EpochRelease {
    /// What came since an earlier reading of the same; nil when counts fell.
    fileprivate func since(_ earlier: EpochRelease?) -> EpochRelease? {
        guard let earlier else { return self }
        guard requests >= earlier.requests, errors >= earlier.errors else { return nil }
        var difference = self
        difference.requests -= earlier.requests
        difference.errors -= earlier.errors
        difference.latency = latency.since(earlier.latency)
        difference.seen = seen.subtracting(earlier.seen)
        difference.failed = failed.subtracting(earlier.failed)
        for (index, outcome) in instances.enumerated() {
            guard let before = earlier.instances.first(where: { $0.instance == outcome.instance }) else { continue }
            guard outcome.requests >= before.requests, outcome.errors >= before.errors else { return nil }
            difference.instances[index].requests -= before.requests
            difference.instances[index].errors -= before.errors
            difference.instances[index].failedCohorts -= min(outcome.failedCohorts, before.failedCohorts)
        }
        return difference
    }

    /// - Parameter slow: what was slow, for each limit. It is not told apart by instance.
    fileprivate func sample(_ slow: [EventCount]) -> ReleaseSample {
        ReleaseSample(
            requests: requests, errors: EventCount(min(errors, requests)), slow: slow.map { $0.bounded(by: requests) },
            instances: instances.filter { $0.requests > 0 }.map { outcome in
                InstanceSample(
                    name: "\(outcome.instance)", requests: outcome.requests, errors: EventCount(outcome.errors),
                    slow: slow.map { _ in EventCount(0) })
            })
    }
}

extension EventCount {
    fileprivate func bounded(by requests: Int) -> EventCount {
        EventCount(surely: min(surely, requests), possibly: min(possibly, requests))
    }
}

extension [LatencyBucket] {
    /// What came since an earlier reading of the same counts.
    func since(_ earlier: [LatencyBucket]) -> [LatencyBucket] {
        if earlier.isEmpty { return self }
        // Both rise: one walk is enough.
        var place = earlier.startIndex
        return compactMap { bucket in
            while place < earlier.endIndex, earlier[place].microseconds < bucket.microseconds { place += 1 }
            let isThere = place < earlier.endIndex && earlier[place].microseconds == bucket.microseconds
            let count = bucket.count - (isThere ? earlier[place].count : 0)
            return count > 0 ? LatencyBucket(microseconds: bucket.microseconds, count: count) : nil
        }
    }

    /// In the words of the judge.
    var counts: [LatencyCount] { map { LatencyCount(microseconds: $0.microseconds, count: $0.count) } }
}
