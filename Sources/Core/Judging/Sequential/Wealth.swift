/// The wealth of a gambler who bets against a null hypothesis about the difference of two releases.
///
/// Design-based: the only randomness that counts is the router's, which sends each unit to the canary with a known
/// probability w, whatever bursts, users or hours bring errors to both (Ham, Bojinov, Lindon and Tingley 2022,
/// "Design-based confidence sequences", section 3). With Y = 1 for an event, and r the relative tolerance,
///
///     Z = 1{canary} · Y / ((1 + r) w) − 1{stable} · Y / (1 − w)
///
/// has the expectation `q_canary / (1 + r) − q_stable`, given all before. Under the null "no worse than tolerated"
/// this is at most d = absolute / (1 + r), and `Π (1 + λ (Z − d))` is a non-negative supermartingale that starts at 1:
/// Ville's inequality bounds the probability that it ever reaches 1/α by α, however often one looks (Waudby-Smith and
/// Ramdas 2023, section 4, the capital process). Z takes three values, so the product depends on counts alone. λ is
/// set for each weight so that it is a bet that the odds of an event's falling on the canary are (1 + gain) times what
/// the null has them; it depends on the weight, which is fixed before the unit is routed.
///
/// For *occasions* (cohorts), the null is "an occasion on the canary has a chance of at most `absolute` of an event
/// that it would not have had on stable", and the wealth is divided by the most that this can bring.
struct Wealth: Sendable {
    enum Null: Sendable {
        /// The canary is no worse than tolerated; wealth is evidence that it is.
        case tolerable
        /// The canary is at least as bad as what is no longer tolerated; wealth is evidence that it is better.
        case intolerable

        var isAgainst: Bool {
            switch self {
            case .tolerable: true
            case .intolerable: false
            }
        }
    }

    let null: Null
    let bets: Bets

    /// The natural logarithm of the mixture's wealth; 0 without evidence, minus infinity when it is lost.
    func logarithm(_ strata: [Stratum], _ tolerance: Tolerance) -> Double {
        // Looks take most of their time here, so nothing is allocated.
        withUnsafeTemporaryAllocation(of: Double.self, capacity: bets.gains.count) { sums in
            sums.initialize(repeating: 0)
            add(strata, tolerance, to: sums)
            return RealFunctions.logSum(UnsafeBufferPointer(sums), weights: bets.weights)
        }
    }

    /// The logarithm of each bet's own wealth.
    func logarithms(_ strata: [Stratum], _ tolerance: Tolerance) -> [Double] {
        var sums = [Double](repeating: 0, count: bets.gains.count)
        sums.withUnsafeMutableBufferPointer { add(strata, tolerance, to: $0) }
        return sums
    }

    private func add(_ strata: [Stratum], _ tolerance: Tolerance, to sums: UnsafeMutableBufferPointer<Double>) {
        for stratum in strata {
            let bet = Bet(stratum, tolerance, null)
            for index in sums.indices {
                sums[index] += bet.logarithm(bets.gains[index], bets.logOnePlus[index])
            }
        }
    }
}

/// One stratum's part in the wealth.
struct Bet {
    /// Events on the side that the bet is on.
    private let hits: Double
    private let events: Double
    /// The probability that an event falls on that side, at the edge of the null.
    private let odds: Double
    /// The same, as it enters for occasions.
    private let quietOdds: Double
    /// Occasions or trials without an event, and what the tolerance costs or brings for each.
    private let quiet: Double
    private let drift: Double
    private let isTrials: Bool

    /// - Precondition: the share is strictly between 0 and 1, and the tolerance sound.
    init(_ stratum: Stratum, _ tolerance: Tolerance, _ null: Wealth.Null) {
        let canary = 1 / ((1 + tolerance.relative) * stratum.share)
        let stable = 1 / (1 - stratum.share)
        let absolute = tolerance.absolute
        events = Double(stratum.events)
        let sign: Double
        switch null {
        case .tolerable:
            hits = Double(stratum.canaryEvents)
            sign = 1
        case .intolerable:
            hits = Double(stratum.stableEvents)
            sign = -1
        }
        switch stratum.exposure {
        case .trials(let trials):
            let shift = absolute / (1 + tolerance.relative)
            let up = canary - shift
            let down = stable + shift
            isTrials = true
            quiet = Double(trials - stratum.events)
            drift = -sign * shift / (up + down)
            odds = (sign > 0 ? down : up) / (up + down)
            quietOdds = odds
        case .occasions(let most, let fewest, let share):
            isTrials = false
            quiet = Double(sign > 0 ? most : fewest)
            odds = (sign > 0 ? stable : canary) / (canary + stable)
            let (own, other) = (1 / ((1 + tolerance.relative) * share), 1 / (1 - share))
            quietOdds = (sign > 0 ? other : own) / (own + other)
            // What an extra event on the canary brings or costs, but for the bet's size.
            drift = absolute * (sign > 0 ? 1 - quietOdds : -quietOdds)
        }
    }

    /// The logarithm of the wealth of one bet: `gain` is the odds ratio less one.
    @inline(__always)
    func logarithm(_ gain: Double, _ logOnePlus: Double) -> Double {
        let scale = 1 + gain * odds
        var sum = hits * logOnePlus - events * RealFunctions.log(scale)
        guard drift != 0, quiet > 0 else { return sum }
        let still = quiet * RealFunctions.log1p(drift * gain / (1 + gain * quietOdds))
        sum += isTrials ? still : -still
        return sum
    }

    /// The expected growth of the logarithm for each trial or occasion, were events to fall on the sides at these
    /// rates.
    /// - Parameters:
    ///   - hitting: events on the bet's side for each trial or occasion.
    ///   - missing: events on the other side.
    func growth(_ gain: Double, _ logOnePlus: Double, hitting: Double, missing: Double) -> Double {
        let scale = 1 + gain * odds
        let still = RealFunctions.log1p(drift * gain / (1 + gain * quietOdds))
        return hitting * logOnePlus - (hitting + missing) * RealFunctions.log(scale)
            + (isTrials ? (1 - hitting - missing) * still : -still)
    }
}
