/// What a router can do. Planning refuses what it cannot.
package struct RouterCapabilities: Hashable, Sendable, Codable {
    /// The smallest step of a weight, in percent; 0: no weights.
    package var granularity: Int
    package var matchesHeaders: Bool
    package var matchesCookies: Bool
    package var sticky: Bool
    package var hold: Bool
    package var counts: Bool
    /// Splits between a canary, its baseline and stable; visitors who stay on their side stay on it when the weights of
    /// the first two are raised together.
    package var baseline: Bool
    /// Who tells that every request follows a wish.
    package var acknowledgement: RouteAcknowledgement

    package init(
        granularity: Int, matchesHeaders: Bool, matchesCookies: Bool, sticky: Bool, hold: Bool, counts: Bool,
        baseline: Bool = false, acknowledgement: RouteAcknowledgement = .atOnce
    ) {
        self.granularity = granularity
        self.matchesHeaders = matchesHeaders
        self.matchesCookies = matchesCookies
        self.sticky = sticky
        self.hold = hold
        self.counts = counts
        self.baseline = baseline
        self.acknowledgement = acknowledgement
    }
}

/// Who tells that every request follows a wish.
package enum RouteAcknowledgement: String, Hashable, Sendable, Codable {
    /// The router itself: it takes a wish over no sooner.
    case atOnce
    /// Those who carry requests; the router's view then shows the wish.
    case observed
    /// Nobody: the view shows the wish when they should have had the time.
    case assumed
}
