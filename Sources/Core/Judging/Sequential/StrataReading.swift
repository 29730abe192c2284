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

    init(_ samples: [TrafficSample], unit: SequentialSpec.Unit) {
        self.unit = unit
        switch unit {
        case .request: self.samples = samples.addedUp
        case .cohort: self.samples = samples.widened
        }
    }

    /// - Parameter without: instances to leave out. The canary's share becomes what is left of it: an instance is taken
    ///   to draw its requests from its release's at random, in proportion to how many it got.
    func strata(_ measure: Measure, _ null: Wealth.Null, without: [LeftOut] = []) -> [Stratum] {
        samples.compactMap { sample in
            var canary = Side(sample.canary, measure)
            var stable = Side(sample.stable, measure)
            for left in without {
                switch left {
                case .canary(let name): canary.leave(out: name, of: sample.canary, measure)
                case .stable(let name): stable.leave(out: name, of: sample.stable, measure)
                }
            }
            guard canary.kept > 0, stable.kept > 0 else { return nil }
            switch unit {
            case .request: return requests(sample.weight, canary, stable, null)
            case .cohort: return cohorts(canary, stable, null)
            }
        }
    }

    private func requests(_ weight: Double, _ canary: Side, _ stable: Side, _ null: Wealth.Null) -> Stratum {
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
    private func cohorts(_ canary: Side, _ stable: Side, _ null: Wealth.Null) -> Stratum? {
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

/// One release in one sample, with or without some of its instances.
private struct Side {
    var requests: Int
    var events: EventCount
    /// The share of the release's requests that is left.
    var kept = 1.0

    init(_ release: ReleaseSample, _ measure: Measure) {
        requests = release.requests
        events = release.events(measure)
    }

    mutating func leave(out name: String, of release: ReleaseSample, _ measure: Measure) {
        guard let instance = release.instances.first(where: { $0.name == name }), instance.requests > 0 else { return }
        let gone = instance.events(measure)
        kept -= Double(instance.requests) / Double(release.requests)
        if requests == instance.requests { kept = 0 }
        requests -= instance.requests
        events.surely = max(0, events.surely - gone.surely)
        events.possibly = max(0, events.possibly - gone.possibly)
        if let failed = gone.cohorts?.failed, let all = events.cohorts?.failed {
            events.cohorts?.failed = max(0, all - failed)
        }
    }
}

extension ReleaseSample {
    func events(_ measure: Measure) -> EventCount {
        switch measure {
        case .errors: errors
        case .latency(let index): slow[index]
        }
    }
}

extension InstanceSample {
    func events(_ measure: Measure) -> EventCount {
        switch measure {
        case .errors: errors
        case .latency(let index): slow[index]
        }
    }
}

extension EventCount {
    /// What counts in a unit.
    func count(_ unit: SequentialSpec.Unit) -> Int {
        switch unit {
        case .request: surely
        case .cohort: cohorts?.failed ?? 0
        }
    }
}
