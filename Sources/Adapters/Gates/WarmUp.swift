import Domain
import Ports

/// Which splits are still cold: new weights come with new instances, and those are slow at first for reasons that say
/// nothing of their release.
///
/// Times alone decide, and they are known before a request is drawn: leaving out what came meanwhile leaves the test as
/// it is.
struct WarmUp: Sendable {
    /// When a split was seen first; nil: it is warm.
    private var since: [Int: Int64?] = [:]
    /// Requests of the release on trial that were not judged.
    var leftOut = 0

    /// - Parameter now: milliseconds on a clock that does not jump.
    init(_ counts: TrafficCounts, at now: Int64) {
        for epoch in counts.epochs { since[epoch.epoch] = .some(now) }
    }

    /// The splits of which nothing is judged until now. A split is left with the first reading that comes after its
    /// time, so that nothing of the time is judged, and a little more than it is not.
    mutating func cold(_ counts: TrafficCounts, for span: Span, at now: Int64) -> [EpochTraffic] {
        guard span > .zero else { return [] }
        return counts.epochs.filter { epoch in
            switch since[epoch.epoch] {
            case nil: since[epoch.epoch] = .some(now)
            case .some(nil): return false
            case .some(.some(let first)):
                if now - first >= span.milliseconds { since[epoch.epoch] = .some(nil) }
            }
            return true
        }
    }
}
