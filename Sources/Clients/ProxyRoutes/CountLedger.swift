import Domain
package import Ports
package import ProxyControl

/// Cumulative counts per release out of the proxy's counts per weight epoch.
///
/// The proxy forgets old epochs; what they had counted when they were last seen is kept here, so that a release's sum
/// never falls while the proxy lives. A value without I/O.
package struct CountLedger: Sendable {
    /// Releases and baselines of one service whose sums are kept, the highest numbers first.
    package static let releasesKept = 16
    /// Splits of one service that the proxy has forgotten and that are kept, the latest.
    package static let epochsKept = 32
    /// Of those, as many are kept whoever they are of; the others while two of their releases are still counted.
    package static let latestKept = 4

    private struct Sum: Sendable {
        var requests: UInt64 = 0
        var errors: UInt64 = 0
        var latency = LatencyHistogram()

        mutating func add(_ counts: ReleaseCounts) {
            requests += counts.requests
            for route in counts.routes { errors += route.errors }
            latency.merge(counts.latency)
        }
    }

    private struct Book: Sendable {
        /// By epoch, as last seen.
        var current: [ReleaseCounts] = []
        /// Of epochs that the proxy has forgotten, by release.
        var forgotten: [Int: Sum] = [:]
        /// Splits with releases that the proxy has forgotten, as last seen. Without what matches sent.
        var ended: [UInt64: [ReleaseCounts]] = [:]
    }

    /// Which start of the proxy counted; empty before the first snapshot.
    package private(set) var source = ""
    private var books: [String: Book] = [:]

    package init() {}

    /// Takes in a snapshot. Those of an earlier start of the proxy end with it.
    package mutating func absorb(_ snapshot: ProxySnapshot) {
        if snapshot.bootID != source {
            source = snapshot.bootID
            books = [:]
        }
        var next: [String: Book] = [:]
        for service in snapshot.services {
            var book = books[service.name] ?? Book()
            for old in book.current
            where !service.releases.contains(where: { $0.isSame(as: old) }) {
                book.forgotten[old.release, default: Sum()].add(old)
                if old.isMatched != true { book.ended[old.epoch, default: []].append(old) }
            }
            book.current = service.releases
            Self.trim(&book)
            for release in book.forgotten.keys.sorted(by: { abs($0) > abs($1) }).dropFirst(Self.releasesKept) {
                book.forgotten[release] = nil
            }
            next[service.name] = book
        }
        books = next
    }

    /// Forgets splits of long ago, and those of rollouts that are over: a look compares releases that are there. With
    /// their sets of cohorts they would be most of what the supervisor remembers.
    private static func trim(_ book: inout Book) {
        let present = Set(book.current.map(\.release))
        for (age, epoch) in book.ended.keys.sorted(by: >).enumerated() where age >= latestKept {
            let releases = book.ended[epoch] ?? []
            // Two are compared; a third, such as stable behind a fresh baseline, may have left.
            let isOver = releases.count { present.contains($0.release) } < min(2, releases.count)
            if age >= epochsKept || isOver { book.ended[epoch] = nil }
        }
    }

    /// The sums of one service, in the order of its releases. Empty for a service that nothing was counted for.
    package func counts(_ key: ServiceKey) -> TrafficCounts {
        guard let book = books[key.description] else { return TrafficCounts(source: source, releases: []) }
        var sums = book.forgotten
        var inFlight: [Int: Int] = [:]
        for counts in book.current {
            sums[counts.release, default: Sum()].add(counts)
            inFlight[counts.release, default: 0] += counts.inFlight
        }
        let order = sums.keys.sorted { ReleaseNumber(code: $0) < ReleaseNumber(code: $1) }
        let releases = order.map { release in
            let sum = sums[release] ?? Sum()
            return ReleaseTraffic(
                release: ReleaseNumber(code: release), requests: Int(clamping: sum.requests),
                errors: Int(clamping: sum.errors), inFlight: inFlight[release] ?? 0,
                latency: Self.buckets(sum.latency))
        }
        return TrafficCounts(source: source, releases: releases, epochs: Self.epochs(book))
    }

    /// Splits whose weights the proxy said, in the order of their numbers.
    private static func epochs(_ book: Book) -> [EpochTraffic] {
        var found = book.ended
        for counts in book.current where counts.isMatched != true { found[counts.epoch, default: []].append(counts) }
        return found.keys.sorted().compactMap { epoch in
            let counts = (found[epoch] ?? []).sorted {
                ReleaseNumber(code: $0.release) < ReleaseNumber(code: $1.release)
            }
            let releases = counts.compactMap(Self.release)
            guard !releases.isEmpty, releases.count == counts.count else { return nil }
            return EpochTraffic(
                epoch: Int(clamping: epoch), isSticky: counts.contains { $0.isSticky == true }, releases: releases)
        }
    }

    private static func release(_ counts: ReleaseCounts) -> EpochRelease? {
        guard let weight = counts.weight else { return nil }
        var sum = Sum()
        sum.add(counts)
        return EpochRelease(
            release: ReleaseNumber(code: counts.release), weight: Weight(clamping: weight),
            requests: Int(clamping: sum.requests), errors: Int(clamping: sum.errors), latency: buckets(sum.latency),
            instances: counts.instances.compactMap(Self.outcome).sorted { $0.instance < $1.instance },
            seen: CohortSet(words: counts.cohortSets?.seen.words ?? []),
            failed: CohortSet(words: counts.cohortSets?.failed.words ?? []),
            slowest: Ports.CohortLatencies(
                bounds: counts.cohortSets?.slowest.places.map { $0 == 0 ? 0 : bounds[Int($0) - 1] } ?? []))
    }

    private static func outcome(_ counts: InstanceCounts) -> InstanceOutcome? {
        InstanceID(counts.instance).map {
            InstanceOutcome(
                instance: $0, requests: Int(clamping: counts.requests), errors: Int(clamping: counts.errors),
                failedCohorts: Int(clamping: counts.failedCohorts ?? 0))
        }
    }

    /// What something was counted for.
    package var services: [String] { books.keys.sorted() }

    /// All requests of each service since the proxy started.
    package var sums: [(service: String, requests: UInt64)] {
        books.map { name, book in
            var sum: UInt64 = 0
            for counts in book.current { sum += counts.requests }
            for (_, forgotten) in book.forgotten { sum += forgotten.requests }
            return (name, sum)
        }
    }

    private static func buckets(_ histogram: LatencyHistogram) -> [LatencyBucket] {
        zip(histogram.buckets, histogram.counts).map { index, count in
            LatencyBucket(microseconds: Int(clamping: bound(index)), count: Int(clamping: count))
        }
    }

    /// The highest whole microsecond of a bucket; the last one is open.
    private static func bound(_ index: Int) -> UInt64 {
        index + 1 < LatencyBuckets.count ? LatencyBuckets.lowerBound(index + 1) - 1 : .max
    }

    /// The same of all buckets, at most half an hour; that of the first is 1, so that 0 means none.
    private static let bounds: [Int32] = (0..<LatencyBuckets.count).map { max(1, Int32(clamping: bound($0))) }
}

extension ReleaseCounts {
    /// Whether these are later counts of the same.
    fileprivate func isSame(as other: ReleaseCounts) -> Bool {
        release == other.release && epoch == other.epoch && (isMatched == true) == (other.isMatched == true)
    }
}
