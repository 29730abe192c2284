/// Confidence sequences, by inverting the tests: what no test at half the level rejects. As a whole sequence over time
/// they miss the truth with at most the level's probability (Waudby-Smith and Ramdas 2023, section 4.4).
struct Intervals: Sendable {
    let confidence: Double

    private var needed: Double { -RealFunctions.log((1 - confidence) / 2) }

    /// Of `q_canary − q_stable`, for strata of trials.
    /// - Parameter estimate: of the difference; the search begins there.
    func difference(_ estimate: Double, against: [Stratum], favour: [Stratum]) -> ConfidenceInterval {
        let step = 0.01 + abs(estimate) / 4
        func tolerance(_ value: Double) -> Tolerance { Tolerance(absolute: value) }
        let low = edge(from: estimate, to: -1, by: -step, against, .tolerable, tolerance)
        let high = edge(from: estimate, to: 1, by: step, favour, .intolerable, tolerance)
        return ConfidenceInterval(low: low ?? -1, high: max(low ?? -1, high ?? 1))
    }

    /// Of `q_canary / q_stable`.
    /// - Parameter estimate: of the ratio.
    func ratio(_ estimate: Double, against: [Stratum], favour: [Stratum]) -> RatioInterval {
        let far = RealFunctions.log(1e6)
        let start = estimate > 0 && estimate.isFinite ? RealFunctions.log(estimate) : 0
        func tolerance(_ logarithm: Double) -> Tolerance { Tolerance(relative: RealFunctions.exp(logarithm) - 1) }
        let low = edge(from: start, to: -far, by: -0.5, against, .tolerable, tolerance)
        let high = edge(from: start, to: far, by: 0.5, favour, .intolerable, tolerance)
        return RatioInterval(
            low: low.map(RealFunctions.exp) ?? 0, high: high.map { RealFunctions.exp(max(low ?? $0, $0)) })
    }

    /// The value nearest to `start` that is rejected, on the way to `end`; nil when not even the end is. Wealth rises
    /// along the way.
    private func edge(
        from start: Double, to end: Double, by first: Double, _ strata: [Stratum], _ null: Wealth.Null,
        _ tolerance: (Double) -> Tolerance
    ) -> Double? {
        let wealth = Wealth(null: null, bets: .interval)
        func excess(_ value: Double) -> Double { wealth.logarithm(strata, tolerance(value)) - needed }
        var kept = start
        var below = excess(start)
        // The estimate itself is hardly ever rejected; if it is, the interval ends there.
        guard below < 0 else { return start }
        var step = first
        var rejected = start
        var above = below
        while above < 0 {
            if rejected == end { return nil }
            (kept, below) = (rejected, above)
            rejected = abs(end - rejected) <= abs(step) ? end : rejected + step
            step *= 3
            above = excess(rejected)
        }
        // Regula falsi; an end that stays twice has its weight halved (the Illinois variant).
        var last = 0
        for _ in 0..<20 where abs(rejected - kept) > 0.01 * abs(rejected - start) {
            let part = below / (below - above)
            let middle = kept + (rejected - kept) * min(0.95, max(0.05, part))
            let value = excess(middle)
            if value >= 0 {
                (rejected, above) = (middle, value)
                if last == 1 { below /= 2 }
                last = 1
            } else {
                (kept, below) = (middle, value)
                if last == -1 { above /= 2 }
                last = -1
            }
        }
        return rejected
    }
}
