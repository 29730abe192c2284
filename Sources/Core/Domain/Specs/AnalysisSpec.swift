/// How much worse than stable the release on trial may be, and how sure the answer has to be.
///
/// What is compared are requests (or, when visitors stay on their side, cohorts of users) that the split sent to either
/// release at random.
package struct AnalysisSpec: Hashable, Sendable, Codable {
    /// Nil: errors are not compared.
    package var errors: ErrorTolerance?
    package var latencies: [LatencyAllowance]
    /// The probability with which a release that is no worse than tolerated may ever fail, over all looks of a run. In
    /// millionths, above 0.
    package var falseAlarms: Int
    /// The probability with which a release that is worse than tolerated may ever pass. In millionths, above 0.
    package var missed: Int
    /// After so many requests of the release on trial there is no further look; nil: no such limit.
    package var requests: Int?
    /// What it sends by itself while it has no answer; nil: nothing.
    package var load: EvidenceLoad?
    /// For so long after each change of the weights nothing is judged: what was started for it is still cold.
    package var warmUp: Span
    /// What the release on trial is compared with.
    package var baseline: BaselineChoice

    package init(
        errors: ErrorTolerance? = nil, latencies: [LatencyAllowance] = [], falseAlarms: Int = 10_000,
        missed: Int = 50_000, requests: Int? = nil, load: EvidenceLoad? = nil, warmUp: Span = .zero,
        baseline: BaselineChoice = .stable
    ) {
        self.errors = errors
        self.latencies = latencies
        self.falseAlarms = falseAlarms
        self.missed = missed
        self.requests = requests
        self.load = load
        self.warmUp = warmUp
        self.baseline = baseline
    }

    /// For how long it looks for an answer when the manifest does not say.
    package static let standardWithin = Span.minutes(10)
    /// From one look to the next when the manifest does not say: a look is cheap, and none of them adds false alarms.
    package static let standardInterval = Span.seconds(2)

    /// Nothing is tolerated somewhere: such a release can be caught, but never be shown to be as good.
    package var isUnshowable: Bool { errors?.isNone == true || latencies.contains { $0.more == 0 } }
}

/// Which instances of the stable release a comparison is with.
package enum BaselineChoice: String, Hashable, Sendable, Codable, CaseIterable {
    /// Those that serve, however long they have run.
    case stable
    /// As many as of the release on trial, started beside it for the comparison and let go with it.
    case fresh
}

/// How many more requests may fail than on stable.
package enum ErrorTolerance: Hashable, Sendable, Codable {
    /// A difference of shares, in millionths: `+0.5pp` is 5000.
    case absolute(Int)
    /// A part of stable's share, in millionths: `+20%` is 200 000.
    case relative(Int)

    package var isNone: Bool {
        switch self {
        case .absolute(let more), .relative(let more): more == 0
        }
    }
}

/// `p95: +20%`: how much slower than stable's a percentile may be.
package struct LatencyAllowance: Hashable, Sendable, Codable {
    /// In thousandths of a percent: p95 is 95000.
    package var percentile: Int
    /// In millionths of stable's: `+20%` is 200 000.
    package var more: Int

    package init(percentile: Int, more: Int) {
        self.percentile = percentile
        self.more = more
    }
}
