import Domain
import Judging
import Ports

/// The cumulative counts of one release at one moment.
struct TrafficMark: Sendable {
    /// Which run of the router counted.
    var source: String
    var traffic: ReleaseTraffic
    /// Milliseconds on a clock that does not jump.
    var at: Int64
}

/// What was counted between two marks.
struct TrafficWindow: Sendable {
    var requests: Int
    var errors: Int
    /// Ascending.
    var latency: [LatencyBucket]
    var span: Span

    /// Nil when the counts began anew in between.
    init?(from: TrafficMark, to: TrafficMark) {
        guard from.source == to.source, to.traffic.requests >= from.traffic.requests,
            to.traffic.errors >= from.traffic.errors
        else { return nil }
        requests = to.traffic.requests - from.traffic.requests
        errors = to.traffic.errors - from.traffic.errors
        span = Span(milliseconds: max(0, to.at - from.at))
        let before = Dictionary(
            from.traffic.latency.map { ($0.microseconds, $0.count) }, uniquingKeysWith: { $0 + $1 })
        latency = to.traffic.latency.compactMap { bucket in
            let count = bucket.count - (before[bucket.microseconds] ?? 0)
            return count > 0 ? LatencyBucket(microseconds: bucket.microseconds, count: count) : nil
        }
    }

    /// How many requests were timed.
    var timed: Int { latency.reduce(0) { $0 + $1.count } }

    /// The latency, in microseconds, that a share of the timed requests did not exceed: the upper end of the bucket
    /// with the request of that rank (nearest rank). Nil when none was timed.
    /// - Parameter percentile: in thousandths of a percent.
    func latency(percentile: Int) -> Int? {
        let total = timed
        guard total > 0 else { return nil }
        let (whole, rest) = (total * percentile).quotientAndRemainder(dividingBy: 100_000)
        let rank = max(1, whole + (rest > 0 ? 1 : 0))
        var seen = 0
        for bucket in latency {
            seen += bucket.count
            if seen >= rank { return bucket.microseconds }
        }
        return latency.last?.microseconds
    }
}

extension TrafficWindow {
    /// Compares with the limits. Too few requests leave it inconclusive whatever they say.
    func judge(_ spec: ThresholdSpec) -> LookResult {
        let found = findings(spec)
        guard requests >= spec.minRequests else {
            let asked = Finding(
                asked: "requests", got: "\(requests)", wanted: ">= \(spec.minRequests)", verdict: .inconclusive)
            let undecided = found.map {
                Finding(asked: $0.asked, got: $0.got, wanted: $0.wanted, verdict: .inconclusive)
            }
            let summary = "\(requests) of \(spec.minRequests) requests in \(span.rounded), too few to judge by"
            return LookResult(.inconclusive, Evidence(summary, findings: [asked] + undecided))
        }
        let count = Finding(asked: "requests", got: "\(requests)", wanted: ">= \(spec.minRequests)", verdict: .pass)
        let all = [count] + found
        if let exceeded = found.first(where: { $0.verdict == .fail }) {
            let summary = "\(exceeded.asked) \(exceeded.got), wanted \(exceeded.wanted)"
            return LookResult(.fail, Evidence("\(summary); \(requests) requests in \(span.rounded)", findings: all))
        }
        if let unknown = found.first(where: { $0.verdict != .pass }) {
            return LookResult(.inconclusive, Evidence("\(unknown.asked): \(unknown.got)", findings: all))
        }
        let parts = found.map { "\($0.asked) \($0.got)" }
        let summary = (["\(requests) requests in \(span.rounded)"] + parts).joined(separator: ", ")
        return LookResult(.pass, Evidence(summary, findings: all))
    }

    private func findings(_ spec: ThresholdSpec) -> [Finding] {
        var findings: [Finding] = []
        if let limit = spec.errorRate { findings.append(errorRate(limit)) }
        for limit in spec.latencies { findings.append(latency(limit)) }
        if let limit = spec.minRate { findings.append(rate(limit)) }
        return findings
    }

    private func errorRate(_ limit: Int) -> Finding {
        let wanted = "<= \(percentText(millionths: limit))"
        guard requests > 0 else {
            return Finding(asked: "error rate", got: "no requests", wanted: wanted, verdict: .inconclusive)
        }
        // Compared without a division: 1 of 100 is not more than 1 %.
        let isExceeded = errors * 1_000_000 > limit * requests
        return Finding(
            asked: "error rate", got: "\(shareText(errors, of: requests)) (\(errors) of \(requests))", wanted: wanted,
            verdict: isExceeded ? .fail : .pass)
    }

    private func latency(_ limit: LatencyLimit) -> Finding {
        let wanted = "<= \(limit.limit)"
        guard let measured = latency(percentile: limit.percentile) else {
            return Finding(asked: limit.name, got: "no request was timed", wanted: wanted, verdict: .inconclusive)
        }
        // Divided rather than multiplied: the last bucket has no upper end.
        let isExceeded = (measured - 1) / 1000 >= limit.limit.milliseconds && measured > 0
        return Finding(
            asked: limit.name, got: timeText(microseconds: measured), wanted: wanted,
            verdict: isExceeded ? .fail : .pass)
    }

    private func rate(_ limit: Int) -> Finding {
        let wanted = ">= \(NumberText.decimal(limit, places: 3))/s"
        guard span.milliseconds > 0 else {
            return Finding(asked: "rate", got: "no time has passed", wanted: wanted, verdict: .inconclusive)
        }
        let thousandths = requests * 1_000_000 / Int(span.milliseconds)
        return Finding(
            asked: "rate", got: "\(NumberText.decimal(thousandths / 100, places: 1))/s", wanted: wanted,
            verdict: thousandths < limit ? .fail : .pass)
    }
}

/// `7.1%`, from a share: two decimals below 1 %, one below 10 %.
func shareText(_ part: Int, of whole: Int) -> String {
    let ratio = Double(part) / Double(max(1, whole)) * 100
    if part == 0 { return "0%" }
    if ratio < 1 { return "\(NumberText.decimal(max(1, Int((ratio * 100).rounded())), places: 2))%" }
    if ratio < 10 { return "\(NumberText.decimal(Int((ratio * 10).rounded()), places: 1))%" }
    return "\(Int(ratio.rounded()))%"
}

/// `0.05%` from 500 millionths.
func percentText(millionths: Int) -> String { "\(NumberText.decimal(millionths, places: 4))%" }

/// `231ms`, `1.4ms`, `2.05s`.
func timeText(microseconds: Int) -> String {
    // The bucket of the longest latencies has no upper end.
    if microseconds > 86_400_000_000 { return "longer than a day" }
    if microseconds < 10_000_000 { return "\(NumberText.decimal((microseconds + 50) / 100, places: 1))ms" }
    return "\(NumberText.decimal((microseconds + 5000) / 10_000, places: 2))s"
}
