/// What the router's own counts say of a release over a window, as a query names it.
package enum TrafficMetric: Hashable, Sendable {
    /// How many requests ended.
    case requests
    /// How many of them were 5xx or got no answer.
    case errors
    /// The share of these, from 0 to 1.
    case errorRate
    /// Requests a second.
    case rate
    /// Seconds that a share of the requests did not exceed; the share in thousandths of a percent: p95 is 95000.
    case latency(percentile: Int)

    /// Reads `errorRate`, `p99.9`; nil for anything else.
    package init?(_ query: String) {
        switch query {
        case "requests": self = .requests
        case "errors": self = .errors
        case "errorRate": self = .errorRate
        case "rate": self = .rate
        case _:
            guard query.hasPrefix("p"), let percentile = DecimalText.value(query.dropFirst(), places: 3),
                (1..<100_000).contains(percentile)
            else { return nil }
            self = .latency(percentile: percentile)
        }
    }

    /// It means the same over a longer window and over a shorter one.
    package var isRate: Bool {
        switch self {
        case .requests, .errors: false
        case .errorRate, .rate, .latency: true
        }
    }

    /// For people who mistype one.
    package static let examples = ["requests", "errors", "errorRate", "rate", "p50", "p95", "p99"]
}
