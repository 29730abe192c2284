/// What a router can do. Planning refuses what it cannot.
package struct RouterCapabilities: Hashable, Sendable, Codable {
    /// The smallest step of a weight, in percent; 0: no weights.
    package var granularity: Int
    package var matchesHeaders: Bool
    package var matchesCookies: Bool
    package var sticky: Bool
    package var hold: Bool
    package var counts: Bool

    package init(
        granularity: Int, matchesHeaders: Bool, matchesCookies: Bool, sticky: Bool, hold: Bool, counts: Bool
    ) {
        self.granularity = granularity
        self.matchesHeaders = matchesHeaders
        self.matchesCookies = matchesCookies
        self.sticky = sticky
        self.hold = hold
        self.counts = counts
    }
}
