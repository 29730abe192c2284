import Domain

/// Both tests of one measure, over all instances and without single ones.
struct MeasureTest: Sendable {
    let reading: StrataReading
    let measure: Measure
    let tolerance: Tolerance
    /// The probability of a false alarm that this measure may spend.
    let falseAlarms: Double
    /// The probability of a miss that looks may spend, and the last one on top.
    let missed: Double
    let missedAtLast: Double

    /// What the tests say.
    struct Outcome: Sendable {
        var verdict: Verdict = .inconclusive
        /// Natural logarithms of wealth.
        var against: Double
        var favour: Double
        var notes: [InstanceNote] = []
        /// It was the last look's own test that passed it.
        var isPassedAtLast = false
    }

    var againstNeeded: Double { -RealFunctions.log(falseAlarms) }
    var favourNeeded: Double { -RealFunctions.log(missed) }

    private var canaries: [ReleaseSample] { reading.samples.map(\.canary) }
    private var stables: [ReleaseSample] { reading.samples.map(\.stable) }

    /// - Parameter isLast: no look will follow.
    func outcome(isLast: Bool) -> Outcome {
        let comparison = InstanceComparison(reading: reading, measure: measure)
        let canaryNames = InstanceComparison.names(canaries).filter { !reading.replaced.contains(.canary($0)) }
        let stableNames = InstanceComparison.names(stables)
        let suspect = stableNames.count > 1 ? comparison.worst(stableNames, stables) : nil
        var outcome = Outcome(
            against: against(without: [], suspect: suspect, of: stableNames.count),
            favour: logWealth(.intolerable, without: []))
        if let suspect, differs(suspect, stables, of: stableNames.count, comparison) {
            outcome.notes.append(.stableDiffers(suspect))
        }
        if canaryNames.count > 1, let worst = comparison.worst(canaryNames, canaries),
            differs(worst, canaries, of: canaryNames.count, comparison)
        {
            outcome.notes.append(.canaryDiffers(worst))
        }
        if outcome.against >= againstNeeded {
            fail(&outcome, canaryNames, suspect: suspect, of: stableNames.count)
        } else if outcome.favour >= favourNeeded, passesWithoutEach(stableNames) {
            outcome.verdict = .pass
        } else if isLast, passesAtLast(stableNames) {
            outcome.verdict = .pass
            outcome.isPassedAtLast = true
        }
        return outcome
    }

    /// One bad instance must not fail a release. If all canary instances but one are no worse than tolerated, the
    /// wealth without that one is a fair gamble; whichever it is, the least wealth over all that are left out is no
    /// more.
    private func fail(_ outcome: inout Outcome, _ names: [String], suspect: String?, of count: Int) {
        guard names.count > 1 else {
            outcome.verdict = .fail
            outcome.notes.append(.single)
            return
        }
        var least = Double.infinity
        var culprit = ""
        for name in names {
            let wealth = against(without: [.canary(name)], suspect: suspect, of: count)
            if wealth < least { (least, culprit) = (wealth, name) }
        }
        outcome.against = min(outcome.against, least)
        if least >= againstNeeded {
            outcome.verdict = .fail
        } else {
            outcome.notes.append(.restsOn(culprit))
        }
    }

    /// One bad instance of stable's must not hide a bad canary, so wealth is half bet on the comparison with all of
    /// stable, half spread over those without one instance. A mean of wealths is a wealth, and so is what is left of it
    /// when all but one of the comparisons without an instance are taken to have lost everything.
    private func against(without: [StrataReading.LeftOut], suspect: String?, of count: Int) -> Double {
        let whole = logWealth(.tolerable, without: without)
        guard let suspect else { return whole }
        let apart = logWealth(.tolerable, without: without + [.stable(suspect)])
        return RealFunctions.logSum([whole, apart], weights: [0.5, 0.5 / Double(count)])
    }

    /// A pass beside a stable with one bad instance would be a comparison with the worst that stable has.
    private func passesWithoutEach(_ names: [String]) -> Bool {
        guard names.count > 1 else { return true }
        return names.allSatisfy { logWealth(.intolerable, without: [.stable($0)]) >= favourNeeded }
    }

    private func passesAtLast(_ names: [String]) -> Bool {
        let test = LastLook(tolerance: tolerance, level: missedAtLast)
        let without: [[StrataReading.LeftOut]] = [[]] + (names.count > 1 ? names.map { [.stable($0)] } : [])
        return without.allSatisfy { test.passes(reading.strata(measure, .intolerable, without: $0)) }
    }

    private func differs(
        _ name: String, _ releases: [ReleaseSample], of count: Int, _ comparison: InstanceComparison
    ) -> Bool {
        comparison.logWealth(name, releases) >= againstNeeded + RealFunctions.log(Double(count))
    }

    private func logWealth(_ null: Wealth.Null, without: [StrataReading.LeftOut]) -> Double {
        let strata = reading.strata(measure, null, without: without)
        switch null {
        case .tolerable: return Wealth(null: null, bets: .against).logarithm(strata, tolerance)
        case .intolerable: return Wealth(null: null, bets: .favour).logarithm(strata, tolerance)
        }
    }
}
