package import Domain

/// What was asked for during the last while, so that a load that comes and goes does not move the count to and fro.
///
/// As Kubernetes' `stabilizeRecommendationWithBehaviors`: up goes to the lowest that was asked for within the window
/// for up, down to the highest within the window for down. It begins with the count that stands, and so does a window
/// in which nothing was asked for any more: after a restart or a pause nothing is taken away before a whole window was
/// seen.
package struct ScaleWindow: Hashable, Sendable {
    private struct Entry: Hashable, Sendable {
        var at: Moment
        var count: Int
        /// Nobody knew: it keeps what stands, and does not keep more from coming.
        var isGap = false
    }

    private var entries: [Entry] = []

    package init() {}

    /// Takes a recommendation in; nil: nothing is known.
    /// - Returns: how many are to run.
    package mutating func stabilise(_ wanted: Int?, current: Int, spec: ScaleSpec, now: Moment) -> Int {
        let longest = max(spec.up, spec.down)
        entries.removeAll { now.since($0.at) > longest }
        guard let asked = wanted else {
            entries.append(Entry(at: now, count: current, isGap: true))
            return current
        }
        let isFirst = entries.allSatisfy(\.isGap)
        if isFirst, asked != current { entries.append(Entry(at: now, count: current)) }
        entries.append(Entry(at: now, count: asked))
        var lowest = asked
        var highest = asked
        for entry in entries {
            let age = now.since(entry.at)
            if age < spec.up, !entry.isGap { lowest = min(lowest, entry.count) }
            if age < spec.down { highest = max(highest, entry.count) }
        }
        return min(max(current, lowest), highest)
    }

    /// How long it takes until no more than this many were asked for within the window for down.
    package func wait(for count: Int, spec: ScaleSpec, now: Moment) -> Span {
        var longest = Span.zero
        for entry in entries where entry.count > count {
            let age = now.since(entry.at)
            if age < spec.down { longest = max(longest, spec.down - age) }
        }
        return longest
    }
}
