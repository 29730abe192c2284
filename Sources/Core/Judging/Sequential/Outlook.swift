import Domain

/// How much more is likely to be needed, if both releases go on as they did.
struct Outlook: Sendable {
    let tolerance: Tolerance
    let againstNeeded: Double
    let favourNeeded: Double

    /// Nil when no amount would do, such as a pass with nothing tolerated.
    func needed(against: [Stratum], favour: [Stratum]) -> NeededUnits? {
        guard let last = against.last else { return nil }
        let units = against.reduce(0) { $0 + $1.units }
        let canaryUnits = against.reduce(0) { $0 + Double($1.units) * $1.canaryPart }
        guard units > 0, canaryUnits > 0 else { return nil }
        let canary = Double(against.reduce(0) { $0 + $1.canaryEvents })
        let stable = Double(against.reduce(0) { $0 + $1.stableEvents })
        // Half an event instead of none keeps rates above zero.
        let stableUnits = stableUnits(against)
        let canaryRate = max(canary, 0.5) / max(canaryUnits, 1)
        let stableRate = max(stable, 0.5) / max(stableUnits, 1)
        if canaryRate > stableRate * (1 + tolerance.relative) + tolerance.absolute {
            let found = steps(
                Wealth(null: .tolerable, bets: .against), against, againstNeeded, last, canaryRate, stableRate)
            return found.map { NeededUnits(count: $0, verdict: .fail) }
        }
        // For errors a good canary is one like stable, and both together tell their rate best. With nothing tolerated,
        // or for latency, whose tolerance is in the limits, only a canary with fewer events can pass: what was seen
        // goes on.
        let pooled = max(canary + stable, 0.5) / max(canaryUnits + stableUnits, 1)
        let rates = tolerance.isNone ? (canaryRate, stableRate) : (pooled, pooled)
        let found = steps(Wealth(null: .intolerable, bets: .favour), favour, favourNeeded, last, rates.0, rates.1)
        return found.map { NeededUnits(count: $0, verdict: .pass) }
    }

    private func stableUnits(_ strata: [Stratum]) -> Double {
        strata.reduce(0) { sum, stratum in
            switch stratum.exposure {
            case .trials(let trials): sum + Double(trials) * (1 - stratum.share)
            case .occasions(_, let fewest, _): sum + Double(fewest) * (1 - stratum.share) / stratum.share
            }
        }
    }

    /// The fewest units over all bets until one of them has won enough by itself.
    private func steps(
        _ wealth: Wealth, _ strata: [Stratum], _ needed: Double, _ last: Stratum, _ canaryRate: Double,
        _ stableRate: Double
    ) -> Int? {
        let reached = wealth.logarithms(strata, tolerance)
        let bet = Bet(last, tolerance, wealth.null)
        let onCanary: Double
        let onStable: Double
        switch last.exposure {
        case .trials: (onCanary, onStable) = (last.share * canaryRate, (1 - last.share) * stableRate)
        case .occasions: (onCanary, onStable) = (canaryRate, stableRate * (1 - last.share) / last.share)
        }
        let (hitting, missing) = wealth.null.isAgainst ? (onCanary, onStable) : (onStable, onCanary)
        var fewest = Double.infinity
        for index in reached.indices {
            let growth = bet.growth(
                wealth.bets.gains[index], wealth.bets.logOnePlus[index], hitting: hitting, missing: missing)
            guard growth > 0 else { continue }
            let missing = needed - RealFunctions.log(wealth.bets.weights[index]) - reached[index]
            fewest = min(fewest, max(1, missing / growth))
        }
        guard fewest < 1e12 else { return nil }
        return Int(fewest.rounded(.up))
    }
}

extension Stratum {
    /// Trials of both sides, or cohorts of the canary.
    var units: Int {
        switch exposure {
        case .trials(let trials): trials
        case .occasions(_, let fewest, _): fewest
        }
    }

    /// The canary's part in the units.
    var canaryPart: Double {
        switch exposure {
        case .trials: share
        case .occasions: 1
        }
    }
}
