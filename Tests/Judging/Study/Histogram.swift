import Judging

/// Latencies in buckets of 1/128 of a doubling, as the proxy has them.
struct Histogram {
    private static let first = 1023 << 7
    private static let size = 36 << 7
    private var buckets: [Int]

    init(isUsed: Bool) { buckets = [Int](repeating: 0, count: isUsed ? Self.size : 0) }

    /// - Parameter microseconds: at least 1.
    @inline(__always)
    mutating func add(_ microseconds: Double) {
        // The exponent and the first seven bits of the fraction are the bucket's number.
        let index = Int(microseconds.bitPattern >> 45) - Self.first
        buckets[min(max(0, index), Self.size - 1)] += 1
    }

    mutating func add(_ other: Histogram) {
        for index in other.buckets.indices { buckets[index] += other.buckets[index] }
    }

    /// Ascending, by the upper ends of the buckets.
    var counts: [LatencyCount] {
        buckets.indices.compactMap { index in
            guard buckets[index] > 0 else { return nil }
            return LatencyCount(microseconds: Int(Self.end(index).rounded(.up)), count: buckets[index])
        }
    }

    func percentile(_ share: Double) -> Double {
        let all = buckets.reduce(0, +)
        guard all > 0 else { return 0 }
        let rank = Int((share * Double(all)).rounded(.up))
        var seen = 0
        for index in buckets.indices {
            seen += buckets[index]
            if seen >= rank { return Self.end(index) }
        }
        return 0
    }

    private static func end(_ index: Int) -> Double { Double(bitPattern: UInt64(index + 1 + first) << 45) }
}
