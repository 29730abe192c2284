package import Domain

extension RouterCapabilities {
    /// What Slipway's own proxy can do, on a machine and inside a cluster.
    package static let embedded = RouterCapabilities(
        granularity: 1, matchesHeaders: true, matchesCookies: true, sticky: true, hold: true, counts: true,
        baseline: true)
}
