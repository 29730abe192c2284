/// Confidence sequences, by inverting the tests: what no test at half the level rejects. As a whole sequence over time
/// they miss the truth with at most the level's probability (Waudby-Smith and Ramdas 2023, section 4.4).
struct Intervals: Sendable {
    let confidence: Double

    private var needed: Double { -RealFunctions.log((1 - confidence) / 2) }

    /// Of `q_canary − q_stable`, for strata of trials.
    func difference(against: [Stratum], favour: [Stratum]) -> ConfidenceInterval {
        let low = edge(from: -1, to: 1, against, .tolerable) { Tolerance(absolute: $0) }
        let high = edge(from: 1, to: -1, favour, .intolerable) { Tolerance(absolute: $0) }
        return ConfidenceInterval(low: low, high: max(low, high))
    }

    /// Of `q_canary / q_stable`.
    func ratio(against: [Stratum], favour: [Stratum]) -> ConfidenceInterval {
        let far = RealFunctions.log(1e6)
        func tolerance(_ logarithm: Double) -> Tolerance { Tolerance(relative: RealFunctions.exp(logarithm) - 1) }
        let low = edge(from: -far, to: far, against, .tolerable, tolerance)
        let high = edge(from: far, to: -far, favour, .intolerable, tolerance)
        return ConfidenceInterval(
            low: low <= -far ? 0 : RealFunctions.exp(low),
            high: high >= far ? .infinity : RealFunctions.exp(max(low, high)))
    }

    /// The last value from `near` towards `far` that is rejected, or `near` when none is. Wealth falls along the way.
    private func edge(
        from near: Double, to far: Double, _ strata: [Stratum], _ null: Wealth.Null,
        _ tolerance: (Double) -> Tolerance
    ) -> Double {
        let wealth = Wealth(null: null, bets: .interval)
        func isRejected(_ value: Double) -> Bool { wealth.logarithm(strata, tolerance(value)) >= needed }
        guard isRejected(near) else { return near }
        var rejected = near
        var kept = far
        for _ in 0..<18 {
            let middle = (rejected + kept) / 2
            if isRejected(middle) { rejected = middle } else { kept = middle }
        }
        return rejected
    }
}
