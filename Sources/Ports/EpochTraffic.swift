package import Domain

/// What was counted of one service under one split: from one change of the weights to the next.
///
/// Only requests that the split decided are in it, each drawn at random by the weights (or by its visitor's cohort);
/// those that a header or a cookie sent to a release are not.
package struct EpochTraffic: Hashable, Sendable, Codable {
    /// Rises with each split; not every number is there.
    package var epoch: Int
    /// Visitors stayed on their side: what was drawn is the cohort, not the request.
    package var isSticky: Bool
    /// Every release of the split, in the order of their numbers.
    package var releases: [EpochRelease]

    package init(epoch: Int, isSticky: Bool, releases: [EpochRelease]) {
        self.epoch = epoch
        self.isSticky = isSticky
        self.releases = releases
    }
}

/// One release under one split.
package struct EpochRelease: Hashable, Sendable, Codable {
    package var release: ReleaseNumber
    /// Its share of the split.
    package var weight: Weight
    /// Requests that have ended.
    package var requests: Int
    /// 5xx answers and requests that got none.
    package var errors: Int
    /// Ascending, as in `ReleaseTraffic`.
    package var latency: [LatencyBucket]
    /// Ascending.
    package var instances: [InstanceOutcome]
    /// Cohorts that came; empty unless visitors stay on their side.
    package var seen: CohortSet
    /// Cohorts of which a request failed.
    package var failed: CohortSet
    /// How long the slowest request of each cohort took.
    package var slowest: CohortLatencies

    package init(
        release: ReleaseNumber, weight: Weight, requests: Int = 0, errors: Int = 0, latency: [LatencyBucket] = [],
        instances: [InstanceOutcome] = [], seen: CohortSet = CohortSet(), failed: CohortSet = CohortSet(),
        slowest: CohortLatencies = CohortLatencies()
    ) {
        self.release = release
        self.weight = weight
        self.requests = requests
        self.errors = errors
        self.latency = latency
        self.instances = instances
        self.seen = seen
        self.failed = failed
        self.slowest = slowest
    }
}

/// What became of the requests that one instance got.
package struct InstanceOutcome: Hashable, Sendable, Codable {
    package var instance: InstanceID
    package var requests: Int
    package var errors: Int
    /// Cohorts whose first failure under this split was here; 0 unless visitors stay on their side.
    package var failedCohorts: Int

    package init(instance: InstanceID, requests: Int, errors: Int, failedCohorts: Int = 0) {
        self.instance = instance
        self.requests = requests
        self.errors = errors
        self.failedCohorts = failedCohorts
    }
}

/// How long the slowest request of each cohort took.
package struct CohortLatencies: Hashable, Sendable, Codable {
    /// By cohort: microseconds, the upper end of a bucket, as in `LatencyBucket`; 0: none was timed.
    private var bounds: [Int32]

    package init() { bounds = [] }

    /// - Parameter bounds: by cohort: microseconds, 0 for those without a request that was timed.
    package init(bounds: [Int32]) {
        let end = bounds.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        self.bounds = Array(bounds.prefix(end))
    }

    /// Cohorts whose slowest request took another time than in an earlier reading, with that time in microseconds.
    package func changes(since earlier: CohortLatencies) -> [(cohort: Int, microseconds: Int)] {
        bounds.indices.compactMap { cohort in
            let before = cohort < earlier.bounds.count ? earlier.bounds[cohort] : 0
            return bounds[cohort] == before ? nil : (cohort, Int(bounds[cohort]))
        }
    }

    /// Takes over what `changes` told.
    package mutating func apply(_ changes: [(cohort: Int, microseconds: Int)]) {
        guard let last = changes.map(\.cohort).max() else { return }
        var bounds = bounds + [Int32](repeating: 0, count: max(0, last + 1 - bounds.count))
        for change in changes { bounds[change.cohort] = Int32(clamping: change.microseconds) }
        self = CohortLatencies(bounds: bounds)
    }

    /// The cohorts with a request for which this is true.
    /// - Parameter isSlow: of a latency in microseconds, the upper end of its bucket; true for all above some latency.
    package func cohorts(where isSlow: (Int) -> Bool) -> CohortSet {
        var words = [UInt64](repeating: 0, count: (bounds.count + 63) / 64)
        for (cohort, bound) in bounds.enumerated() where bound > 0 && isSlow(Int(bound)) {
            words[cohort / 64] |= 1 << UInt64(cohort % 64)
        }
        return CohortSet(words: words)
    }
}

/// A set of sticky cohorts: users who are on the same side together. Numbers from 0; the low ones are the first that a
/// raised weight gives to the release on trial.
package struct CohortSet: Hashable, Sendable, Codable {
    /// How many cohorts there are: hundredths of a percent.
    package static let all = 10_000

    /// Bit `n % 64` of word `n / 64` is cohort `n`.
    private var words: [UInt64]

    package init() { words = [] }

    /// - Parameter words: bit `n % 64` of word `n / 64` is cohort `n`.
    package init(words: [UInt64]) { self.words = Self.trimmed(words) }

    package init(_ cohorts: some Sequence<Int>) {
        self.init()
        for cohort in cohorts { insert(cohort) }
    }

    package var isEmpty: Bool { words.isEmpty }

    package var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// Ascending.
    package var members: [Int] {
        var members: [Int] = []
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                members.append(index * 64 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
        return members
    }

    /// How many of a range are in it.
    package func count(in range: Range<Int>) -> Int {
        var count = 0
        for (index, word) in words.enumerated() {
            let low = max(0, range.lowerBound - index * 64)
            let high = min(64, range.upperBound - index * 64)
            guard low < high else { continue }
            let mask = (high == 64 ? UInt64.max : (1 << UInt64(high)) - 1) & ~((1 << UInt64(low)) - 1)
            count += (word & mask).nonzeroBitCount
        }
        return count
    }

    package func contains(_ cohort: Int) -> Bool {
        words.indices.contains(cohort / 64) && words[cohort / 64] & 1 << UInt64(cohort % 64) != 0
    }

    package mutating func insert(_ cohort: Int) {
        precondition(cohort >= 0, "cohorts are numbered from 0")
        while words.count <= cohort / 64 { words.append(0) }
        words[cohort / 64] |= 1 << UInt64(cohort % 64)
    }

    package func union(_ other: CohortSet) -> CohortSet {
        let count = max(words.count, other.words.count)
        return CohortSet(words: (0..<count).map { word($0) | other.word($0) })
    }

    package func subtracting(_ other: CohortSet) -> CohortSet {
        CohortSet(words: words.indices.map { words[$0] & ~other.word($0) })
    }

    package func intersection(_ other: CohortSet) -> CohortSet {
        CohortSet(words: words.indices.map { words[$0] & other.word($0) })
    }

    private func word(_ index: Int) -> UInt64 { index < words.count ? words[index] : 0 }

    /// Without zeros at the end, so that equal sets are equal values.
    private static func trimmed(_ words: [UInt64]) -> [UInt64] {
        let end = words.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        return Array(words.prefix(end))
    }
}
