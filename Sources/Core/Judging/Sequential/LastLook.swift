/// The test of the last look: one fixed size, one answer.
///
/// The score test of two shares against a margin, with the variance at the edge of the null (Farrington and Manning
/// 1990), applied to the same inverse-probability estimate of the difference as the wealth (see `Wealth`). Its level
/// is that of the normal approximation, the only one in this judge; with no event at all it asks for about as many
/// requests as the exact test would.
struct LastLook: Sendable {
    let tolerance: Tolerance
    /// The probability of passing a canary at the edge.
    let level: Double

    /// - Parameter strata: of trials.
    func passes(_ strata: [Stratum]) -> Bool {
        guard level > 0 else { return false }
        let factor = 1 + tolerance.relative
        var difference = 0.0
        var variance = 0.0
        for stratum in strata {
            guard case .trials(let count) = stratum.exposure, count > 0 else { return false }
            let trials = Double(count)
            let own = Double(stratum.canaryEvents) / (trials * stratum.share)
            let other = Double(stratum.stableEvents) / (trials * (1 - stratum.share))
            let edge = max(own, factor * other + tolerance.absolute)
            difference += trials * (own / factor - other - tolerance.absolute / factor)
            variance += trials * (edge / (factor * factor * stratum.share) + other / (1 - stratum.share))
        }
        guard variance > 0 else { return false }
        return difference / variance.squareRoot() < NormalDistribution.quantile(level)
    }
}
