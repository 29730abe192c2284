/// The bets that wealth is averaged over: by which factor the odds that an event falls on the canary are taken to be
/// higher (or lower, for the mirrored test) than the null allows, less one.
///
/// A finite mixture instead of one bet: wealth is then within `log(1/weight)` of the best bet of the grid, known only
/// afterwards (Waudby-Smith and Ramdas 2023, "Estimating means of bounded random variables by betting", appendix B:
/// diversified bets).
struct Bets: Sendable {
    /// Odds ratios less one, rising.
    let gains: [Double]
    let logOnePlus: [Double]
    /// Sum to 1.
    let weights: [Double]

    /// Logarithmically spaced gains, weighted by a bell over their logarithm.
    /// - Parameter spread: of the bell, in natural logarithms.
    init(from low: Double, to high: Double, count: Int, centre: Double, spread: Double) {
        let step = RealFunctions.log(high / low) / Double(count - 1)
        gains = (0..<count).map { low * RealFunctions.exp(step * Double($0)) }
        logOnePlus = gains.map(RealFunctions.log1p)
        let raw = gains.map { gain in
            let distance = RealFunctions.log(gain / centre) / spread
            return RealFunctions.exp(-distance * distance / 2)
        }
        let sum = raw.reduce(0, +)
        weights = raw.map { $0 / sum }
    }

    /// For failing: rates that are twice to twenty times the tolerated ones matter most.
    static let against = Bets(from: 0.05, to: 100, count: 24, centre: 3, spread: 1.5)
    /// For passing: the best bet is about the tolerance divided by the rate, anywhere from 0.02 (a fifth of all
    /// requests fail) to all there is (nothing fails), hence nearly even weights.
    static let favour = Bets(from: 0.02, to: 100, count: 24, centre: 1, spread: 4)
    /// For intervals, which need many evaluations.
    static let interval = Bets(from: 0.05, to: 60, count: 10, centre: 1.5, spread: 2.5)
}
