/// The log-linear buckets that latencies are counted in: 128 per doubling, so that a value read back lies within
/// 0.4 % of what was measured (half a bucket), from one microsecond to 19 hours; longer ones count in the last bucket.
///
/// The scheme is that of HdrHistogram with 7 bits of precision.
package enum LatencyBuckets {
    private static let precision = 7
    private static let linear = 1 << (precision + 1)
    private static let highestBit = 36

    /// How many buckets there are; indices are `0 ..< count`.
    package static let count = linear + (highestBit - precision) * (1 << precision)

    /// The bucket of a latency in microseconds.
    @inline(__always)
    package static func index(microseconds value: UInt64) -> Int {
        if value < UInt64(linear) { return Int(value) }
        let top = 63 - value.leadingZeroBitCount
        if top > highestBit { return count - 1 }
        let shift = top - precision
        return (shift << precision) + Int(truncatingIfNeeded: value >> UInt64(shift))
    }

    /// The lowest latency of a bucket, in microseconds.
    package static func lowerBound(_ index: Int) -> UInt64 {
        if index < linear { return UInt64(index) }
        let shift = (index >> precision) - 1
        return UInt64((index & ((1 << precision) - 1)) + (1 << precision)) << UInt64(shift)
    }

    /// The middle of a bucket, in microseconds: the value to report for it.
    package static func middle(_ index: Int) -> UInt64 {
        let low = lowerBound(index)
        let next = index + 1 < count ? lowerBound(index + 1) : low + 1
        return low + (next - low) / 2
    }
}

/// A histogram of latencies as it travels: only the buckets that hold something. Microseconds.
package struct LatencyHistogram: Codable, Sendable, Equatable {
    /// Bucket indices of `LatencyBuckets`, rising.
    package private(set) var buckets: [Int]
    /// The count of each bucket.
    package private(set) var counts: [UInt64]

    package init() {
        buckets = []
        counts = []
    }

    /// Takes the non-empty buckets of a full array.
    ///
    /// Concrete on purpose: the proxy does this on the loop that serves requests, and a generic sequence from another
    /// module is walked hundreds of times slower.
    package init(dense: UnsafeBufferPointer<UInt64>) {
        self.init()
        for index in 0..<dense.count where dense[index] > 0 {
            buckets.append(index)
            counts.append(dense[index])
        }
    }

    /// Takes the non-empty buckets of a full array.
    package init(dense: [UInt64]) {
        self = dense.withUnsafeBufferPointer { LatencyHistogram(dense: $0) }
    }

    /// How many latencies were counted.
    package var total: UInt64 { counts.reduce(0, +) }

    /// The latency that a share `0…1` of all counted ones does not exceed, in microseconds; nil when empty.
    package func quantile(_ share: Double) -> UInt64? {
        let total = self.total
        guard total > 0 else { return nil }
        let rank = max(1, min(total, UInt64((share * Double(total)).rounded(.up))))
        var seen: UInt64 = 0
        for (bucket, count) in zip(buckets, counts) {
            seen += count
            if seen >= rank { return LatencyBuckets.middle(bucket) }
        }
        return nil
    }

    /// Adds the counts of another histogram.
    package mutating func merge(_ other: LatencyHistogram) {
        if buckets.isEmpty {
            self = other
            return
        }
        combine(other) { $0 &+ $1 }
    }

    /// What was counted since an earlier snapshot of the same histogram.
    package func since(_ earlier: LatencyHistogram) -> LatencyHistogram {
        var difference = self
        difference.combine(earlier) { $0 >= $1 ? $0 - $1 : 0 }
        return difference
    }

    private mutating func combine(_ other: LatencyHistogram, _ join: (UInt64, UInt64) -> UInt64) {
        var joined = LatencyHistogram()
        joined.buckets.reserveCapacity(buckets.count + other.buckets.count)
        joined.counts.reserveCapacity(buckets.count + other.buckets.count)
        var (own, others) = (0, 0)
        while own < buckets.count || others < other.buckets.count {
            let bucket = min(
                own < buckets.count ? buckets[own] : .max, others < other.buckets.count ? other.buckets[others] : .max)
            var count: UInt64 = 0
            if own < buckets.count, buckets[own] == bucket {
                count = counts[own]
                own += 1
            }
            if others < other.buckets.count, other.buckets[others] == bucket {
                count = join(count, other.counts[others])
                others += 1
            }
            guard count > 0 else { continue }
            joined.buckets.append(bucket)
            joined.counts.append(count)
        }
        self = joined
    }
}
