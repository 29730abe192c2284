import Domain
import Judging
import Ports

/// Which cohorts have failed, were slow, and came since a run's mark: only a cohort's first failure counts, and its
/// first slow request, on whichever side.
struct CohortMemory: Sendable {
    /// Failed since the mark; those that had failed under the split of the mark are never at risk, since their next
    /// failure would not be seen.
    private var failed: CohortSet
    /// Slow since the mark, for each limit of the spec.
    private var slow: [CohortSet] = []
    /// Came since the mark, in windows that are over or in this one.
    private var seen = CohortSet()
    /// Came for the first time in the window before this one; not yet handed out.
    private var arrivedBefore = CohortSet()
    /// The same of this window.
    private var arrivals = CohortSet()

    init(markedAt counts: TrafficCounts) {
        failed = CohortSet()
        guard let epoch = counts.epochs.last, epoch.isSticky else { return }
        for release in epoch.releases {
            failed = failed.union(release.failed)
            // Whoever was there before has come already; when is not known.
            seen = seen.union(release.seen)
        }
    }

    /// Nothing of a split is judged until now: as at a mark.
    mutating func leaveOut(_ epoch: EpochTraffic) {
        guard epoch.isSticky else { return }
        for release in epoch.releases {
            failed = failed.union(release.failed)
            seen = seen.union(release.seen)
        }
    }

    /// Takes in what one split counted within the window, and says what a judge has to know of it.
    /// - Parameter limits: by which the window calls requests slow; nil: not known.
    mutating func note(_ split: SplitCounts, _ limits: [LatencyLimits?]) -> (canary: CohortSide, stable: CohortSide) {
        // The canary has the low end; its baseline the high one, else stable all of the rest.
        let border = CohortSet.all * split.canary.weight.percent / 100
        let rest = CohortSet.all - CohortSet.all * split.stable.weight.percent / 100
        let ranges = (canary: 0..<border, stable: max(border, rest)..<CohortSet.all)
        var canary = CohortSide(errors: count(split.canary.failed, hidden: failed, in: ranges.canary))
        var stable = CohortSide(errors: count(split.stable.failed, hidden: failed, in: ranges.stable))
        failed = failed.union(split.canary.failed).union(split.stable.failed)
        while slow.count < limits.count { slow.append(CohortSet()) }
        for (index, limit) in limits.enumerated() {
            let new = slowCohorts(split, limit)
            // Under this split their next slow request would not be seen.
            let hidden = slow[index].union(new.before)
            canary.slow.append(count(new.canary, hidden: hidden, in: ranges.canary))
            stable.slow.append(count(new.stable, hidden: hidden, in: ranges.stable))
            slow[index] = slow[index].union(new.canary.subtracting(hidden)).union(new.stable.subtracting(hidden))
        }
        for release in [split.canary, split.stable] { arrivals = arrivals.union(release.seen.subtracting(seen)) }
        seen = seen.union(arrivals)
        arrivedBefore = CohortSet()
        return (canary, stable)
    }

    private func count(_ hit: CohortSet, hidden: CohortSet, in side: Range<Int>) -> CohortCount {
        CohortCount(
            atRisk: side.count - hidden.count(in: side), failed: hit.subtracting(hidden).count(in: side),
            observed: arrivedBefore.count(in: side))
    }

    /// Cohorts with a request beyond a limit: until now, and before the window.
    private func slowCohorts(
        _ split: SplitCounts, _ limit: LatencyLimits?
    ) -> (canary: CohortSet, stable: CohortSet, before: CohortSet) {
        guard let limit else { return (CohortSet(), CohortSet(), CohortSet()) }
        func canary(_ release: EpochRelease?) -> CohortSet {
            // A bucket in which the limit lies is not beyond it.
            release?.slowest.cohorts { Double($0) - max(1, Double($0) * 0.01) >= limit.canary } ?? CohortSet()
        }
        func stable(_ release: EpochRelease?) -> CohortSet {
            release?.slowest.cohorts { $0 > limit.stable } ?? CohortSet()
        }
        return (
            canary(split.canary), stable(split.stable), canary(split.before.canary).union(stable(split.before.stable))
        )
    }

    /// The next window begins.
    mutating func endWindow() {
        arrivedBefore = arrivals
        arrivals = CohortSet()
    }
}

/// What a judge has to know of the cohorts of one release.
struct CohortSide: Sendable {
    var errors: CohortCount
    /// For each limit of the spec.
    var slow: [CohortCount] = []
}
