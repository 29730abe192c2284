/// `p95: +20%`: the canary's latency, divided by 1 + tolerance, is to be no worse than stable's.
///
/// With τ the percentile of stable *before* the window that is judged, a request is slow when it took longer than τ on
/// stable, or than (1 + tolerance) τ on the canary. As τ is known before the window's first request, the router's draw
/// makes the shares of slow requests comparable, even when latencies are correlated in time: the same test as for
/// errors.
package struct LatencyTolerance: Hashable, Sendable, Codable {
    /// In thousandths of a percent: p95 is 95000.
    package var percentile: Int
    /// A share: `+20%` is 0.2. At least 0.
    package var tolerance: Double

    package init(percentile: Int, tolerance: Double) {
        self.percentile = percentile
        self.tolerance = tolerance
    }

    /// `p95`, `p99.9`.
    package var name: String { "p\(NumberText.significant(Double(percentile) / 1000, digits: 6))" }
}
