import Domain
import Ports

/// What the router counted of one service, piece by piece of time. A value without I/O.
struct TrafficLog: Sendable {
    /// How far the ends of a window may be from those of pieces, in milliseconds.
    static let tolerance: Int64 = 2000
    /// Pieces are a second long at first; older ones are put together, so that an hour needs few.
    private static let fine: Int64 = 300_000
    private static let coarse: Int64 = 5000
    static let longest: Int64 = 3_600_000

    /// What came between two readings.
    private struct Piece {
        var from: Int64
        var to: Int64
        var releases: [ReleaseTraffic]
    }

    private var last: (counts: TrafficCounts, at: Int64)?
    private var pieces: [Piece] = []
    /// Since when counts are known without a gap.
    private var begin: Int64?
    /// When the router's counts began anew, the last time; nil: they did not.
    private(set) var brokenAt: Int64?

    init() {}

    /// How many pieces it keeps.
    var size: Int { pieces.count }

    /// Takes in a reading; one that is older than the last is passed over.
    mutating func take(_ counts: TrafficCounts, at moment: Int64) {
        var counts = counts
        counts.epochs = []
        guard let before = last else {
            last = (counts, moment)
            begin = moment
            return
        }
        guard moment > before.at else { return }
        last = (counts, moment)
        guard before.counts.source == counts.source, let more = counts.since(before.counts) else {
            pieces = []
            begin = moment
            brokenAt = moment
            return
        }
        pieces.append(Piece(from: before.at, to: moment, releases: more))
        thin(at: moment)
    }

    private mutating func thin(at moment: Int64) {
        pieces.removeAll { $0.to < moment - Self.longest }
        if let first = pieces.first, let known = begin, first.from > known { begin = first.from }
        guard let index = pieces.lastIndex(where: { $0.to < moment - Self.fine }), index > 0,
            pieces[index].to - pieces[index - 1].from <= Self.coarse
        else { return }
        pieces[index - 1].releases = pieces[index - 1].releases.adding(pieces[index].releases)
        pieces[index - 1].to = pieces[index].to
        pieces.remove(at: index)
    }

    /// What is known of a window.
    enum Answer {
        /// - since: where what is known begins, not before the window does.
        case known(TrafficWindow, since: Int64)
        case unknown(String)
    }

    /// What a release served in a window.
    func window(of release: ReleaseNumber, from start: Int64, to end: Int64) -> Answer {
        guard let begin, end >= begin else { return .unknown("nothing was counted yet") }
        if let brokenAt, brokenAt > start {
            let ago = Span(milliseconds: end - brokenAt).rounded
            return .unknown("the router's counts began anew \(ago) ago, within the window")
        }
        var window = TrafficWindow(span: end - max(start, begin))
        for piece in pieces where piece.to > start && piece.to <= end {
            if let more = piece.releases.first(where: { $0.release == release }) { window.add(more) }
        }
        return .known(window, since: max(start, begin))
    }
}

/// What one release served in a window.
struct TrafficWindow: Hashable, Sendable {
    private var requests = 0
    private var errors = 0
    private var latency: [Int: Int] = [:]
    /// Milliseconds.
    private let span: Int64

    init(span: Int64) { self.span = span }

    mutating func add(_ more: ReleaseTraffic) {
        requests += more.requests
        errors += more.errors
        for bucket in more.latency { latency[bucket.microseconds, default: 0] += bucket.count }
    }

    /// Not a number where there is none: no requests have no error rate.
    func value(of metric: TrafficMetric) -> Double {
        switch metric {
        case .requests: Double(requests)
        case .errors: Double(errors)
        case .errorRate: requests > 0 ? Double(errors) / Double(requests) : .nan
        case .rate: span > 0 ? Double(requests) * 1000 / Double(span) : .nan
        case .latency(let percentile): latency(percentile)
        }
    }

    /// The upper end of the bucket with the request of that rank (nearest rank), in seconds.
    private func latency(_ percentile: Int) -> Double {
        let total = latency.values.reduce(0, +)
        guard total > 0 else { return .nan }
        let (whole, rest) = (total * percentile).quotientAndRemainder(dividingBy: 100_000)
        let rank = max(1, whole + (rest > 0 ? 1 : 0))
        var seen = 0
        for end in latency.keys.sorted() {
            seen += latency[end] ?? 0
            if seen >= rank { return Double(end) / 1e6 }
        }
        return .nan
    }
}

extension TrafficCounts {
    /// What came since an earlier reading, by release; nil when something fell.
    fileprivate func since(_ earlier: TrafficCounts) -> [ReleaseTraffic]? {
        var found: [ReleaseTraffic] = []
        for release in releases {
            let before = earlier.releases.first { $0.release == release.release }
            var past: [Int: Int] = [:]
            for bucket in before?.latency ?? [] { past[bucket.microseconds] = bucket.count }
            let more = ReleaseTraffic(
                release: release.release, requests: release.requests - (before?.requests ?? 0),
                errors: release.errors - (before?.errors ?? 0), inFlight: 0,
                latency: release.latency.compactMap { bucket in
                    let count = bucket.count - (past.removeValue(forKey: bucket.microseconds) ?? 0)
                    return count == 0 ? nil : LatencyBucket(microseconds: bucket.microseconds, count: count)
                })
            guard more.requests >= 0, more.errors >= 0, more.latency.allSatisfy({ $0.count > 0 }),
                past.values.allSatisfy({ $0 == 0 })
            else { return nil }
            if more.requests > 0 || more.errors > 0 || !more.latency.isEmpty { found.append(more) }
        }
        return found
    }
}

extension [ReleaseTraffic] {
    fileprivate func adding(_ others: [ReleaseTraffic]) -> [ReleaseTraffic] {
        var sums = self
        for other in others {
            guard let index = sums.firstIndex(where: { $0.release == other.release }) else {
                sums.append(other)
                continue
            }
            sums[index].requests += other.requests
            sums[index].errors += other.errors
            var latency: [Int: Int] = [:]
            for bucket in sums[index].latency + other.latency {
                latency[bucket.microseconds, default: 0] += bucket.count
            }
            sums[index].latency = latency.keys.sorted().map {
                LatencyBucket(microseconds: $0, count: latency[$0] ?? 0)
            }
        }
        return sums
    }
}
