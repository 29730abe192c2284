import Judging

/// The usual test of two shares with one look at the end: is the canary worse by less than a margin?
enum FixedTest {
    /// - Parameter level: the probability of passing a canary that is worse by the margin.
    static func passes(_ samples: [TrafficSample], margin: Double, level: Double) -> Bool {
        let canary = samples.reduce(0) { $0 + $1.canary.requests }
        let stable = samples.reduce(0) { $0 + $1.stable.requests }
        guard canary > 0, stable > 0 else { return false }
        let own = Double(samples.reduce(0) { $0 + $1.canary.errors.surely }) / Double(canary)
        let other = Double(samples.reduce(0) { $0 + $1.stable.errors.surely }) / Double(stable)
        // Farrington and Manning's variance at the edge of the null, with stable's rate taken as known.
        let edge = max(own, other + margin)
        let variance = edge * (1 - edge) / Double(canary) + other * (1 - other) / Double(stable)
        return (own - other - margin) / variance.squareRoot() < NormalDistribution.quantile(level)
    }
}
