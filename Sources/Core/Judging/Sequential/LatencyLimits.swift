/// From which latency on a request of one window is slow, on either side. See `LatencyTolerance`.
package struct LatencyLimits: Hashable, Sendable, Codable {
    /// Microseconds. On stable: its percentile before the window, as the upper end of a bucket.
    package let stable: Int
    /// Microseconds. On the canary: that much more than is tolerated.
    package let canary: Double

    /// A bucket's width as a part of its upper end, at most.
    private static let width = 0.01

    /// Fixes the limits for a window that begins now.
    /// - Parameter before: what stable's requests took before the window; ascending.
    /// - Returns: nil when too few were timed to know the percentile: five have to lie above it. In a window without
    ///   limits no request counts as slow, on either side.
    package init?(_ tolerance: LatencyTolerance, before: [LatencyCount]) {
        let total = before.reduce(0) { $0 + $1.count }
        let share = Double(tolerance.percentile) / 100_000
        guard Double(total) * (1 - share) >= 5 else { return nil }
        let rank = Int((Double(total) * share).rounded(.up))
        var seen = 0
        var limit: Int?
        for bucket in before where limit == nil {
            seen += bucket.count
            if seen >= rank { limit = bucket.microseconds }
        }
        guard let limit, limit > 0 else { return nil }
        stable = limit
        canary = Double(limit) * (1 + tolerance.tolerance)
    }

    /// Slow requests of stable in the window.
    package func stable(_ counts: [LatencyCount]) -> EventCount {
        // The limit is a bucket's end: no bucket lies across it.
        EventCount(counts.reduce(0) { $1.microseconds > stable ? $0 + $1.count : $0 })
    }

    /// Slow requests of the canary in the window.
    package func canary(_ counts: [LatencyCount]) -> EventCount {
        var surely = 0
        var possibly = 0
        for bucket in counts {
            let end = Double(bucket.microseconds)
            if end > canary { possibly += bucket.count }
            if end - max(1, end * Self.width) >= canary { surely += bucket.count }
        }
        return EventCount(surely: surely, possibly: possibly)
    }
}

/// So many requests took at most so long, and more than the bucket before, which ends at most 1 % (or one microsecond)
/// earlier if anything was counted there.
package struct LatencyCount: Hashable, Sendable, Codable {
    package var microseconds: Int
    package var count: Int
    package init(microseconds: Int, count: Int) {
        self.microseconds = microseconds
        self.count = count
    }
}
