package import Domain

/// The sequential judge's answer.
package struct SequentialVerdict: Hashable, Sendable {
    package var verdict: Verdict
    package var reason: Reason
    /// One for each measure; empty when the input made no sense.
    package var comparisons: [Comparison]
    package var evidence: Evidence

    package enum Reason: Hashable, Sendable {
        /// Worse than tolerated.
        case worse
        /// The same, but the canary has one instance only: it may be the instance.
        case worseOrInstance
        /// Shown to be no worse than tolerated.
        case noWorse
        /// As a whole the canary fails, without this instance it does not, and it differs from its siblings: replace
        /// it.
        case oneInstance(String)
        /// As a whole the canary fails, but it is not yet certain that it is more than this instance.
        case perhapsOneInstance(String)
        /// Neither shown to be worse nor to be as good: too few units so far.
        case tooFew
        /// The budget is spent, and still neither.
        case notShown
        /// The router did not split traffic as told, so that no comparison holds.
        case misrouted
        /// The counts or the spec make no sense.
        case invalid
    }

    package var look: LookResult { LookResult(verdict, evidence) }
}
