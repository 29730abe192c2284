import Domain
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

    /// What a threshold is about, in the unit of its limit, rounded against whoever hopes; nil when there is nothing.
    /// - Parameter span: seconds of the run.
    func measure(_ measure: LoadThreshold.Measure, span: Double) -> Int? {
        switch measure {
        case .percentile(let percentile): return self.percentile(Double(percentile) / 1000)
        case .mean: return histogram.totalCount > 0 ? Int(histogram.mean.rounded(.up)) : nil
        case .max: return histogram.totalCount > 0 ? Int(histogram.max) : nil
        case .errors: return count > 0 ? (failures * 1_000_000 + count - 1) / count : nil
        case .rate: return span > 0 ? Int(Double(count) / span * 1000) : nil
        }
    }

    /// The ends of ten buckets for a factor of ten: Renard's preferred numbers.
    private static let steps = [100, 125, 160, 200, 250, 315, 400, 500, 630, 800]

    var distribution: [LoadBucket] {
        var ends = Array(1...9)
        var unit = 10
        while unit < Int(Self.highest) {
            ends += Self.steps.map { $0 * unit / 100 }
            unit *= 10
        }
        var buckets: [LoadBucket] = []
        var place = 0
        for entry in histogram.recordedValues() {
            let value = Int(entry.value)
            while place < ends.count, value >= ends[place] { place += 1 }
            let from = place == 0 ? 0 : ends[place - 1]
            // Empty ones between two that are not have their place in a picture.
            while let last = buckets.last, last.to < from, let next = ends.first(where: { $0 > last.to }) {
                buckets.append(LoadBucket(from: last.to, to: next, count: 0))
            }
            if buckets.last?.from == from {
                buckets[buckets.count - 1].count += Int(entry.count)
            } else {
                let to = place < ends.count ? ends[place] : Int(Self.highest)
                buckets.append(LoadBucket(from: from, to: to, count: Int(entry.count)))
            }
        }
        return buckets
    }
}
