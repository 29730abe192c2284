import Histogram

/// A growing count of requests with their latencies, in a histogram of three significant digits of microseconds.
final class Tally {
    private(set) var count = 0
    private(set) var failures = 0
    private var histogram = Histogram<UInt64>(
        highestTrackableValue: Tally.highest, numberOfSignificantValueDigits: .three)

    /// In microseconds: the longest wait for a connection, the longest time-out after it, and room for the sweep.
    static let highest: UInt64 = 1 << 31

    @inline(__always)
    func add(latency: UInt64?, failed: Bool) {
        count += 1
        if failed { failures += 1 }
        if let latency { _ = histogram.record(min(latency, Self.highest - 1)) }
    }

    /// Adds what a user's own counts hold.
    func add(_ user: VirtualUser) {
        count += user.count
        failures += user.failures
        for (latency, times) in user.latencies {
            _ = histogram.record(min(UInt64(latency), Self.highest - 1), count: UInt64(times))
        }
    }

    func add(_ other: Tally) {
        count += other.count
        failures += other.failures
        histogram.add(other.histogram)
    }

    func reset() {
        count = 0
        failures = 0
        histogram.reset()
    }

    /// Microseconds; nil before the first latency.
    func percentile(_ percentile: Double) -> Int? {
        guard histogram.totalCount > 0 else { return nil }
        return Int(min(histogram.valueAtPercentile(percentile), histogram.max))
    }

    var statistics: LoadStatistics {
        guard histogram.totalCount > 0 else { return LoadStatistics(count: count, failures: failures, latency: nil) }
        func at(_ percentile: Double) -> Int { Int(min(histogram.valueAtPercentile(percentile), histogram.max)) }
        return LoadStatistics(
            count: count, failures: failures,
            latency: LoadLatency(
                samples: Int(histogram.totalCount), min: Int(histogram.min), mean: histogram.mean, p50: at(50),
                p90: at(90), p95: at(95), p99: at(99), p999: at(99.9), max: Int(histogram.max)))
    }
}
