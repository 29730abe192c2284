/// The beta distribution, for exact limits of a share.
package enum BetaDistribution {
    /// The regularised incomplete beta function I_x(a, b): the probability that a beta variable is at most `x`.
    ///
    /// The continued fraction of DLMF 8.17.22, evaluated with the modified method of Lentz (Thompson and Barnett 1986).
    /// - Parameters:
    ///   - x: 0…1.
    ///   - a: above 0.
    ///   - b: above 0.
    package static func cumulative(_ x: Double, _ a: Double, _ b: Double) -> Double {
        guard a > 0, b > 0, !x.isNaN else { return .nan }
        if x <= 0 { return 0 }
        if x >= 1 { return 1 }
        // The fraction converges fast below the mean only; above it the mirrored one does.
        if x > (a + 1) / (a + b + 2) { return 1 - fraction(1 - x, b, a, log1p: RealFunctions.log(x)) }
        return fraction(x, a, b, log1p: RealFunctions.log1p(-x))
    }

    /// - Parameter log1p: `log(1 - x)`, given so that the mirrored call loses no digits.
    private static func fraction(_ x: Double, _ a: Double, _ b: Double, log1p: Double) -> Double {
        let front = RealFunctions.exp(
            RealFunctions.logGamma(a + b) - RealFunctions.logGamma(a) - RealFunctions.logGamma(b)
                + a * RealFunctions.log(x) + b * log1p)
        let tiny = 1e-300
        func kept(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var c = 1.0
        var d = 1 / kept(1 - (a + b) * x / (a + 1))
        var value = d
        // Terms needed grow with the root of a and b; 10,000 are enough for counts of tens of millions.
        for term in 1...10_000 {
            let m = Double(term)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1 / kept(1 + even * d)
            c = kept(1 + even / c)
            value *= c * d
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1 / kept(1 + odd * d)
            c = kept(1 + odd / c)
            let change = c * d
            value *= change
            if abs(change - 1) < 1e-16 { break }
        }
        return min(1, front * value / a)
    }

    /// The `x` with `cumulative(x, a, b) == probability`, by bisection: monotone, hence safe everywhere.
    package static func quantile(_ probability: Double, _ a: Double, _ b: Double) -> Double {
        guard a > 0, b > 0, probability >= 0, probability <= 1 else { return .nan }
        var low = 0.0
        var high = 1.0
        // Doubles between 0 and 1 can be halved so often until neighbours are left.
        for _ in 0..<1100 {
            let middle = low + (high - low) / 2
            if middle <= low || middle >= high { break }
            if high - low < 1e-15 * high { break }
            if cumulative(middle, a, b) < probability { low = middle } else { high = middle }
        }
        return low + (high - low) / 2
    }
}

/// The exact interval of a share that was seen `hits` times in `trials` (Clopper and Pearson 1934).
package struct ClopperPearson: Hashable, Sendable {
    /// Shares, 0…1.
    package let low: Double
    package let high: Double

    /// - Parameter confidence: 0…1, two-sided: half of the rest lies beyond each end.
    /// - Returns: nil for impossible counts.
    package init?(hits: Int, trials: Int, confidence: Double) {
        guard trials > 0, (0...trials).contains(hits), confidence > 0, confidence < 1 else { return nil }
        let tail = (1 - confidence) / 2
        let hit = Double(hits)
        let miss = Double(trials - hits)
        low = hits == 0 ? 0 : BetaDistribution.quantile(tail, hit, miss + 1)
        high = hits == trials ? 1 : BetaDistribution.quantile(1 - tail, hit + 1, miss)
    }
}
