import Domain
import Ports

extension RecordedReading {
    /// What the router counted between two readings of the two releases.
    /// - Parameter from: nil: nothing yet.
    init(at: Int64, from: TrafficCounts?, to: TrafficCounts, of pair: ReleasePair) {
        let earlier = from?.source == to.source ? from : nil
        self.init(at: at, source: earlier == nil ? to.source : nil)
        if take(earlier, to, pair) { return }
        // What fell cannot be told as an increment.
        isAnew = true
        _ = take(nil, to, pair)
    }

    /// - Returns: whether all of it has grown.
    private mutating func take(_ from: TrafficCounts?, _ to: TrafficCounts, _ pair: ReleasePair) -> Bool {
        splits = []
        beside = []
        let releases = [pair.stable, pair.canary].sorted()
        for epoch in to.epochs {
            guard epoch.releases.contains(where: { $0.release == pair.canary }) else { continue }
            let before = from?.epochs.first { $0.epoch == epoch.epoch }
            var found: [RecordedRelease] = []
            for release in epoch.releases where releases.contains(release.release) {
                let earlier = before?.releases.first { $0.release == release.release }
                guard let more = RecordedRelease(release, since: earlier) else { return false }
                found.append(more)
            }
            if before == nil || !found.allSatisfy(\.isEmpty) {
                splits.append(RecordedSplit(split: epoch.epoch, isSticky: epoch.isSticky, releases: found))
            }
        }
        for release in releases {
            let sum = to.releases.first { $0.release == release }
            let earlier = from?.releases.first { $0.release == release }
            guard (sum?.requests ?? 0) >= (earlier?.requests ?? 0), (sum?.errors ?? 0) >= (earlier?.errors ?? 0) else {
                return false
            }
            let rest = RecordedTotals(sum, since: earlier, release, beside: splits)
            if !rest.isEmpty { beside.append(rest) }
        }
        return true
    }
}

extension RecordedRelease {
    /// Nil when counts fell.
    fileprivate init?(_ now: EpochRelease, since before: EpochRelease?) {
        let earlier = before ?? EpochRelease(release: now.release, weight: now.weight)
        guard now.requests >= earlier.requests, now.errors >= earlier.errors, now.weight == earlier.weight,
            earlier.seen.subtracting(now.seen).isEmpty, earlier.failed.subtracting(now.failed).isEmpty
        else { return nil }
        var instances: [InstanceCell] = []
        for outcome in now.instances {
            let past = earlier.instances.first { $0.instance == outcome.instance }
            let cell = InstanceCell(
                outcome.instance, requests: outcome.requests - (past?.requests ?? 0),
                errors: outcome.errors - (past?.errors ?? 0),
                failedCohorts: outcome.failedCohorts - (past?.failedCohorts ?? 0))
            guard cell.requests >= 0, cell.errors >= 0, cell.failedCohorts >= 0 else { return nil }
            if cell.requests > 0 || cell.errors > 0 || cell.failedCohorts > 0 { instances.append(cell) }
        }
        let latency = [LatencyCell](now.latency, less: earlier.latency)
        guard latency.allSatisfy({ $0.count > 0 }) else { return nil }
        self.init(
            release: now.release, weight: now.weight, requests: now.requests - earlier.requests,
            errors: now.errors - earlier.errors, latency: latency, instances: instances,
            seen: now.seen.subtracting(earlier.seen).members, failed: now.failed.subtracting(earlier.failed).members,
            slowest: now.slowest.changes(since: earlier.slowest).map { SlowestCell($0.cohort, $0.microseconds) })
    }
}

extension RecordedTotals {
    /// What a release's sums have that its splits have not.
    fileprivate init(
        _ now: ReleaseTraffic?, since before: ReleaseTraffic?, _ release: ReleaseNumber, beside splits: [RecordedSplit]
    ) {
        let parts = splits.flatMap(\.releases).filter { $0.release == release }
        let whole = [LatencyCell](now?.latency ?? [], less: before?.latency ?? [])
        self.init(
            release: release,
            requests: (now?.requests ?? 0) - (before?.requests ?? 0) - parts.reduce(0) { $0 + $1.requests },
            errors: (now?.errors ?? 0) - (before?.errors ?? 0) - parts.reduce(0) { $0 + $1.errors },
            latency: [LatencyCell](
                adding: whole.buckets, parts.flatMap(\.latency).map { LatencyCell($0.microseconds, -$0.count) }.buckets)
        )
    }
}

extension [LatencyCell] {
    var buckets: [LatencyBucket] { map { LatencyBucket(microseconds: $0.microseconds, count: $0.count) } }

    /// Without buckets in which nothing has changed.
    init(_ now: [LatencyBucket], less before: [LatencyBucket]) {
        self.init(adding: now, before.map { LatencyBucket(microseconds: $0.microseconds, count: -$0.count) })
    }

    /// Ascending, without empty ones.
    init(adding buckets: [LatencyBucket], _ others: [LatencyBucket]) {
        var sums: [Int: Int] = [:]
        for bucket in buckets + others { sums[bucket.microseconds, default: 0] += bucket.count }
        self = sums.keys.sorted().compactMap { end in
            let count = sums[end] ?? 0
            return count == 0 ? nil : LatencyCell(end, count)
        }
    }
}

extension TrafficCounts {
    /// Takes a line of a recording in.
    mutating func add(_ reading: RecordedReading) {
        if reading.isAnew || reading.source.map({ $0 != source }) == true {
            self = TrafficCounts(source: reading.source ?? source, releases: [])
        }
        for split in reading.splits {
            if let index = epochs.firstIndex(where: { $0.epoch == split.split }) {
                epochs[index].add(split)
            } else {
                let place = epochs.firstIndex { $0.epoch > split.split } ?? epochs.count
                epochs.insert(EpochTraffic(epoch: split.split, isSticky: split.isSticky, releases: []), at: place)
                epochs[place].add(split)
            }
            for part in split.releases {
                add(
                    RecordedTotals(
                        release: part.release, requests: part.requests, errors: part.errors, latency: part.latency))
            }
        }
        for rest in reading.beside { add(rest) }
    }

    private mutating func add(_ more: RecordedTotals) {
        let index: Int
        if let known = releases.firstIndex(where: { $0.release == more.release }) {
            index = known
        } else {
            index = releases.firstIndex { $0.release > more.release } ?? releases.count
            releases.insert(
                ReleaseTraffic(release: more.release, requests: 0, errors: 0, inFlight: 0, latency: []), at: index)
        }
        releases[index].requests += more.requests
        releases[index].errors += more.errors
        releases[index].latency = [LatencyCell](adding: releases[index].latency, more.latency.buckets).buckets
    }
}

extension EpochTraffic {
    fileprivate mutating func add(_ split: RecordedSplit) {
        for more in split.releases {
            let index: Int
            if let known = releases.firstIndex(where: { $0.release == more.release }) {
                index = known
            } else {
                index = releases.firstIndex { $0.release > more.release } ?? releases.count
                releases.insert(EpochRelease(release: more.release, weight: more.weight), at: index)
            }
            releases[index].add(more)
        }
    }
}

extension EpochRelease {
    fileprivate mutating func add(_ more: RecordedRelease) {
        requests += more.requests
        errors += more.errors
        latency = [LatencyCell](adding: latency, more.latency.buckets).buckets
        for cell in more.instances {
            if let index = instances.firstIndex(where: { $0.instance == cell.instance }) {
                instances[index].requests += cell.requests
                instances[index].errors += cell.errors
                instances[index].failedCohorts += cell.failedCohorts
            } else {
                let place = instances.firstIndex { $0.instance > cell.instance } ?? instances.count
                let outcome = InstanceOutcome(
                    instance: cell.instance, requests: cell.requests, errors: cell.errors,
                    failedCohorts: cell.failedCohorts)
                instances.insert(outcome, at: place)
            }
        }
        seen = seen.union(CohortSet(more.seen))
        failed = failed.union(CohortSet(more.failed))
        slowest.apply(more.slowest.map { ($0.cohort, $0.microseconds) })
    }
}
