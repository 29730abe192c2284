/// How many instances of two releases stand side by side so that one of them gets a share of the requests where every
/// instance gets as many as any other. Together they are never fewer than the old release alone: none of its instances
/// gets more than it had.
package struct ReplicaShare: Hashable, Sendable {
    /// Of the release that stood before; at least one.
    package let from: Int
    /// Of the release on trial; at least one.
    package let to: Int

    /// As near as whole instances come to a weight above none and below all. Up to where both are whole the old release
    /// stays whole, beyond it the new one is.
    /// - Parameters:
    ///   - standing: how many the old release has when it is whole.
    ///   - wanted: how many the new one will have.
    package init(_ weight: Weight, standing: Int, wanted: Int) {
        let (share, rest) = (max(1, weight.percent), max(1, 100 - weight.percent))
        let ideal = max(1, Self.rounded(standing * share, over: rest))
        to = min(max(1, wanted), ideal)
        let kept = to == ideal ? max(1, standing) : max(standing - to, Self.rounded(to * rest, over: share))
        from = min(max(1, standing), max(1, kept))
    }

    /// What the release on trial gets, in percent.
    package var percent: Int { Self.rounded(to * 100, over: from + to) }

    private static func rounded(_ value: Int, over divisor: Int) -> Int { (2 * value + divisor) / (2 * divisor) }
}
