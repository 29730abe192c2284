/// What one test sees of the traffic under one weight: units, and those of them that count against their release.
///
/// The unit is what was randomised: a request when routing is random, a cohort when it is sticky.
struct Stratum: Hashable, Sendable {
    /// The probability that a unit falls on the canary, strictly between 0 and 1.
    var share: Double
    /// Events (errors, slow answers, newly failing cohorts) on each side.
    var canaryEvents: Int
    var stableEvents: Int
    /// How an absolute tolerance enters.
    var exposure: Exposure

    enum Exposure: Hashable, Sendable {
        /// Units are drawn one by one, so many in all on both sides, those with events among them.
        case trials(Int)
        /// Events are drawn, and the tolerance allows the canary an extra one for each of so many occasions. Fewer
        /// occasions are the safe side for a pass, more for a failure: one number for each. The share is known within a
        /// range only: the stratum's is the safe end for events, this one for occasions.
        case occasions(most: Int, fewest: Int, share: Double)
    }

    var events: Int { canaryEvents + stableEvents }
}
