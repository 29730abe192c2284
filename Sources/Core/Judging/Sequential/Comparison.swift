package import Domain

/// What was found about one measure.
package struct Comparison: Hashable, Sendable, Codable {
    /// `error rate`, `p95`.
    package var name: String
    package var verdict: Verdict
    /// Units with an event, and units, on each side: requests, or cohorts when routing sticks.
    package var canaryEvents: Int
    package var canaryUnits: Int
    package var stableEvents: Int
    package var stableUnits: Int
    /// The canary's share of events less stable's, within weights; nil while one side has no unit.
    package var difference: Double?
    /// A confidence sequence of the difference: it holds over all looks.
    package var differenceInterval: ConfidenceInterval?
    /// The canary's rate divided by stable's, within weights (Mantel and Haenszel); nil without events on stable.
    package var ratio: Double?
    package var ratioInterval: RatioInterval?
    /// Decimal logarithms of the wealth against "no worse than tolerated", and of what it takes to fail.
    package var against: Double
    package var againstNeeded: Double
    /// Decimal logarithms of the wealth against "worse than tolerated", and of what it takes to pass.
    package var favour: Double
    package var favourNeeded: Double
    /// The last look's test of fixed size passed it, not the looks before.
    package var isPassedAtLast: Bool
    /// How many more units in all (with cohorts: of the canary's) are likely to be needed, and for which answer.
    package var needed: NeededUnits?
    /// What stands out about instances.
    package var instances: [InstanceNote]

    package var canaryRate: Double? { canaryUnits > 0 ? Double(canaryEvents) / Double(canaryUnits) : nil }
    package var stableRate: Double? { stableUnits > 0 ? Double(stableEvents) / Double(stableUnits) : nil }
}

/// Ends of an interval; of a difference of shares -1 and 1 mean that nothing is known on that side.
package struct ConfidenceInterval: Hashable, Sendable, Codable {
    package var low: Double
    package var high: Double
    package init(low: Double, high: Double) {
        self.low = low
        self.high = high
    }
}

/// Ends of the interval of a ratio.
package struct RatioInterval: Hashable, Sendable, Codable {
    /// 0: nothing is known on that side.
    package var low: Double
    /// Nil: nothing is known on that side.
    package var high: Double?
    package init(low: Double, high: Double?) {
        self.low = low
        self.high = high
    }
}

/// An estimate, from the rates seen so far.
package struct NeededUnits: Hashable, Sendable, Codable {
    package var count: Int
    /// `pass` or `fail`.
    package var verdict: Verdict
    package init(count: Int, verdict: Verdict) {
        self.count = count
        self.verdict = verdict
    }
}

/// What stands out about the instances of a release.
package enum InstanceNote: Hashable, Sendable, Codable {
    /// This one has more events than its siblings: beyond doubt, at the level of false alarms.
    case canaryDiffers(String)
    case stableDiffers(String)
    /// Without this one the canary would not fail.
    case restsOn(String)
    /// The canary has one instance: whether it is the release or the instance cannot be told.
    case single
}
