/// The rank sum test of Mann and Whitney (1947) for two samples, with the interval of the shift between them.
package struct RankSum: Sendable {
    /// Which hypothesis stands against "the same".
    package enum Alternative: Hashable, Sendable, CaseIterable {
        case twoSided
        /// The first sample tends to be higher.
        case greater
        /// The first sample tends to be lower.
        case less
    }

    private let firstCount: Int
    private let secondCount: Int
    /// Of all pairs, first less second; rising.
    private let differences: [Double]
    /// In how many pairs the first sample's value is higher, ties counting half: U of the first sample.
    package let statistic: Double
    /// Σ (t³ − t) over groups of equal values.
    private let ties: Double
    /// The same within each sample alone, as it is once one of them is shifted.
    private let tiesWithin: Double

    /// - Returns: nil when a sample is empty or has a value that is not finite.
    package init?(_ first: [Double], _ second: [Double]) {
        guard !first.isEmpty, !second.isEmpty, (first + second).allSatisfy(\.isFinite) else { return nil }
        (firstCount, secondCount) = (first.count, second.count)
        differences = first.flatMap { own in second.map { own - $0 } }.sorted()
        var all: [(value: Double, isFirst: Bool)] = first.map { ($0, true) } + second.map { ($0, false) }
        all.sort { $0.value < $1.value }
        var rankSum = 0.0
        var ties = 0.0
        var start = 0
        while start < all.count {
            var end = start
            while end + 1 < all.count, all[end + 1].value == all[start].value { end += 1 }
            let size = Double(end - start + 1)
            let rank = Double(start + end) / 2 + 1
            for index in start...end where all[index].isFirst { rankSum += rank }
            ties += size * size * size - size
            start = end + 1
        }
        let count = Double(first.count)
        statistic = rankSum - count * (count + 1) / 2
        self.ties = ties
        tiesWithin = Self.ties(first.sorted()) + Self.ties(second.sorted())
    }

    private static func ties(_ sorted: [Double]) -> Double {
        var sum = 0.0
        var size = 0.0
        for index in sorted.indices {
            size += 1
            if index + 1 == sorted.count || sorted[index + 1] != sorted[index] {
                sum += size * size * size - size
                size = 0
            }
        }
        return sum
    }

    private var pairs: Double { Double(firstCount) * Double(secondCount) }

    private func deviation(_ ties: Double) -> Double {
        let all = Double(firstCount + secondCount)
        return (pairs / 12 * (all + 1 - ties / (all * (all - 1)))).squareRoot()
    }

    /// The probability of a statistic at least as far out, by the normal approximation with correction for ties and
    /// continuity (Lehmann 1975, "Nonparametrics", section 1.4); NaN when all values are equal.
    package func approximateP(_ alternative: Alternative) -> Double {
        let (value, sides) = tail(alternative)
        let z = (value - pairs / 2 - 0.5) / deviation(ties)
        return min(1, sides * NormalDistribution.cumulative(-z))
    }

    /// The same, exactly, by counting arrangements (the recursion of Mann and Whitney 1947, section 3); nil with ties.
    package func exactP(_ alternative: Alternative) -> Double? {
        guard ties == 0 else { return nil }
        let (value, sides) = tail(alternative)
        let counts = arrangements()
        let total = counts.reduce(0, +)
        let from = Int(value.rounded(.up))
        guard from < counts.count else { return 0 }
        return min(1, sides * counts[from...].reduce(0, +) / total)
    }

    /// The statistic whose upper tail is asked for.
    private func tail(_ alternative: Alternative) -> (value: Double, sides: Double) {
        switch alternative {
        case .greater: (statistic, 1)
        case .less: (pairs - statistic, 1)
        case .twoSided: (max(statistic, pairs - statistic), 2)
        }
    }

    /// How many arrangements of the samples have each value of U: the coefficients of the Gaussian binomial.
    private func arrangements() -> [Double] {
        let (small, large) = (min(firstCount, secondCount), max(firstCount, secondCount))
        var counts = [Double](repeating: 0, count: small * large + 1)
        counts[0] = 1
        // Π (1 − q^(large + i)) / (1 − q^i): a product and a quotient of polynomials at a time.
        for step in 1...small {
            let up = large + step
            for index in stride(from: counts.count - 1, through: up, by: -1) where up < counts.count {
                counts[index] -= counts[index - up]
            }
            for index in stride(from: step, to: counts.count, by: 1) { counts[index] += counts[index - step] }
        }
        return counts
    }

    /// The estimate of the shift: the median of all differences (Hodges and Lehmann 1963).
    package var shift: Double {
        let middle = differences.count / 2
        if differences.count % 2 == 1 { return differences[middle] }
        return (differences[middle - 1] + differences[middle]) / 2
    }

    /// The interval of the shift: the differences at which the approximate test, shifted by them, stops rejecting
    /// (Lehmann 1975, section 2.6; what R's `wilcox.test` searches with a root finder). As they are order statistics,
    /// no tolerance of a search enters: the interval scales with the units of the data.
    /// - Parameter confidence: two-sided, 0…1.
    /// - Returns: nil when even samples that lie wholly apart would not reject: too few values.
    package func shiftInterval(confidence: Double) -> ConfidenceInterval? {
        let z = NormalDistribution.quantile(1 - (1 - confidence) / 2)
        // More pairs than this above a shift, and it is rejected.
        let most = pairs / 2 + 0.5 + z * deviation(tiesWithin)
        guard most < pairs else { return nil }
        let rank = differences.count - 1 - Int(most.rounded(.down))
        return ConfidenceInterval(low: differences[rank], high: differences[differences.count - 1 - rank])
    }
}
