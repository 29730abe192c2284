import ProxyControl

/// Requests a second of each service, out of the proxy's counts: the average of the last few seconds. A value without
/// I/O; times are milliseconds of a clock that does not jump.
package struct RateMeter: Sendable {
    /// The average reaches back this far at least, once there are counts.
    package static let reach: Int64 = 5000
    /// Over less than this a rate says nothing.
    package static let least: Int64 = 900

    private struct Sample: Sendable {
        var at: Int64
        var requests: UInt64
    }

    private var source = ""
    private var samples: [String: [Sample]] = [:]

    package init() {}

    /// Takes in counts that never fall while the proxy lives. Those of an earlier start of the proxy end with it.
    package mutating func absorb(_ sums: [(service: String, requests: UInt64)], source: String, at now: Int64) {
        if source != self.source {
            self.source = source
            samples = [:]
        }
        var next: [String: [Sample]] = [:]
        for (service, requests) in sums {
            var known = samples[service] ?? []
            // Looks that come in bursts add nothing.
            if let last = known.last, now - last.at < 200 {
                next[service] = known
                continue
            }
            known.append(Sample(at: now, requests: requests))
            while known.count > 2, now - known[1].at >= Self.reach { known.removeFirst() }
            next[service] = known
        }
        samples = next
    }

    /// In thousandths a second; nil before there are counts over a while.
    package func rate(_ service: String) -> Int? {
        guard let known = samples[service], let first = known.first, let last = known.last,
            last.at - first.at >= Self.least, last.requests >= first.requests
        else { return nil }
        return Int((last.requests - first.requests) * 1_000_000 / UInt64(last.at - first.at))
    }
}
