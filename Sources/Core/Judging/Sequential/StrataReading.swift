/// Turns samples into what one test sees.
struct StrataReading: Sendable {
    /// An instance whose requests are left out, as if they had never been sent.
    enum LeftOut: Hashable, Sendable {
        case canary(String)
        case stable(String)
    }

    let unit: SequentialSpec.Unit
    /// Checked; those with the same weight are added up when the unit allows it.
    let samples: [TrafficSample]
    /// Always left out.
    let replaced: [LeftOut]

    /// - Parameter replaced: names of canary instances that are not judged any more.
    init(_ samples: [TrafficSample], unit: SequentialSpec.Unit, replaced: [String] = []) {
        self.unit = unit
        self.replaced = replaced.map(LeftOut.canary)
        switch unit {
        case .request: self.samples = samples.addedUp
        case .cohort: self.samples = samples.widened
        }
    }

    /// - Parameter without: instances to leave out. The canary's share becomes what is left of it: an instance is taken
    ///   to draw its requests from its release's at random, in proportion to how many it got.
    func strata(_ measure: Measure, _ null: Wealth.Null, without: [LeftOut] = []) -> [Stratum] {
        samples.compactMap { sample in
            let (canary, stable) = sides(sample, measure, without: without)
            guard canary.kept > 0, stable.kept > 0 else { return nil }
            switch unit {
            case .request: return requests(sample.weight, canary, stable, null)
            case .cohort: return cohorts(canary, stable, null)
            }
        }
    }

    /// What is left of both releases.
    func sides(
        _ sample: TrafficSample, _ measure: Measure, without: [LeftOut] = []
    ) -> (canary: ReleaseSide, stable: ReleaseSide) {
        var canary = ReleaseSide(sample.canary, measure)
        var stable = ReleaseSide(sample.stable, measure)
        for left in replaced + without {
            switch left {
            case .canary(let name): canary.leave(out: name, of: sample.canary, measure)
            case .stable(let name): stable.leave(out: name, of: sample.stable, measure)
            }
        }
        return (canary, stable)
    }

    private func requests(_ weight: Double, _ canary: ReleaseSide, _ stable: ReleaseSide, _ null: Wealth.Null)
        -> Stratum
    {
        let odds = weight * canary.kept / ((1 - weight) * stable.kept)
        let trials = canary.requests + stable.requests
        let share = odds / (1 + odds)
        switch null {
        case .tolerable:
            return Stratum(
                share: share, canaryEvents: canary.events.surely, stableEvents: stable.events.possibly,
                exposure: .trials(trials))
        case .intolerable:
            return Stratum(
                share: share, canaryEvents: canary.events.possibly, stableEvents: stable.events.surely,
                exposure: .trials(trials))
        }
    }

    /// Under the null the router's assignment of cohorts is a permutation that outcomes know nothing of: whichever
    /// cohort fails next, it is one of the canary's with the probability of their part in all that are still at risk,
    /// whatever weights were in force before. Within a window the order of failures is not known, so each test takes
    /// the end of the range of that part at which its wealth is lowest. Betting on draws without replacement:
    /// Waudby-Smith and Ramdas 2023, section 5.
    private func cohorts(_ canary: ReleaseSide, _ stable: ReleaseSide, _ null: Wealth.Null) -> Stratum? {
        guard let own = canary.events.cohorts, let other = stable.events.cohorts, own.atRisk > 0 else { return nil }
        func share(_ left: Int, _ right: Int) -> Double {
            let part = Double(left) * canary.kept
            let share = part / (part + Double(right) * stable.kept)
            // At the ends the bets are still defined as limits; a hair inside they are so in floating point, too.
            return min(max(share, 1e-12), 1 - 1e-12)
        }
        let highest = share(own.atRisk, other.atRisk - other.failed)
        let lowest = own.atRisk == own.failed ? 1e-12 : share(own.atRisk - own.failed, other.atRisk)
        let (events, occasions) = null.isAgainst ? (highest, lowest) : (lowest, highest)
        return Stratum(
            share: events, canaryEvents: own.failed, stableEvents: other.failed,
            exposure: .occasions(most: canary.requests, fewest: own.observed, share: occasions))
    }
}
