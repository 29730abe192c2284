/// Series of the release on trial and of stable, compared metric by metric and scored in groups, as Kayenta does.
package struct ComparisonSpec: Hashable, Sendable, Codable {
    package var source: MetricSource
    /// How far back from a look the series reach.
    package var range: Span
    /// From one value to the next.
    package var step: Span
    /// What `${window}` stands for.
    package var window: Span
    package var metrics: [ComparedMetric]
    /// Groups that are not named share what is left of the whole.
    package var weights: [GroupShare]
    /// A score of at least this, 0…100, passes.
    package var pass: Int
    /// A score of at least this, but below `pass`, is inconclusive.
    package var marginal: Int
    /// Of the interval of the shift, in millionths.
    package var confidence: Int
    /// The interval has to lie beyond this part of the estimated shift, in millionths.
    package var tolerance: Int
    /// What the release on trial is compared with.
    package var baseline: BaselineChoice

    package init(
        source: MetricSource, metrics: [ComparedMetric], range: Span = ComparisonSpec.standardRange,
        step: Span = .seconds(15), window: Span = MetricSpec.standardWindow, weights: [GroupShare] = [],
        pass: Int = 95, marginal: Int = 75, confidence: Int = 980_000, tolerance: Int = 250_000,
        baseline: BaselineChoice = .stable
    ) {
        self.source = source
        self.range = range
        self.step = step
        self.window = window
        self.metrics = metrics
        self.weights = weights
        self.pass = pass
        self.marginal = marginal
        self.confidence = confidence
        self.tolerance = tolerance
        self.baseline = baseline
    }

    /// With the standard step: 40 values of each side.
    package static let standardRange = Span.minutes(10)
    /// From one look to the next when the manifest does not say.
    package static let standardInterval = Span.minutes(1)
    /// Of each series: every value is held against every other.
    package static let mostValues = 1000

    /// Values of a full series.
    package var values: Int { Int(range.milliseconds / max(1, step.milliseconds)) + 1 }

    /// Groups that metrics are in; sorted.
    package var groups: [String] { Set(metrics.flatMap(\.groups)).sorted() }
}

/// A group's share of the score.
package struct GroupShare: Hashable, Sendable, Codable {
    package var group: String
    /// In millionths of the whole.
    package var share: Int

    package init(group: String, share: Int) {
        self.group = group
        self.share = share
    }
}

/// How one metric is compared. Effects are parts of the baseline's mean, in millionths: 50 000 is 5 %.
package struct ComparedMetric: Hashable, Sendable, Codable {
    package var name: String
    /// Asked once for each release: `${release}` is its number.
    package var query: String
    /// Asked for the baseline instead; nil: `query`, with stable's number.
    package var baseline: String?
    /// At least one.
    package var groups: [String]
    package var direction: MetricDirection
    /// Its failure fails everything.
    package var isCritical: Bool
    /// Without data it counts as failed.
    package var mustHaveData: Bool
    /// Values that are not numbers count as zero; else they are left out.
    package var takesNaNAsZero: Bool
    /// Values beyond the quartiles by more than so many times their distance are left out; nil: none.
    package var fence: Int?
    /// From which on an increase, or a decrease, counts at all…
    package var increase: Int
    package var decrease: Int
    /// …and from which on it is critical.
    package var criticalIncrease: Int
    package var criticalDecrease: Int

    package init(
        name: String, query: String, baseline: String? = nil, groups: [String] = [ComparedMetric.standardGroup],
        direction: MetricDirection = .either, isCritical: Bool = false, mustHaveData: Bool = false,
        takesNaNAsZero: Bool = false, fence: Int? = nil, increase: Int = 0, decrease: Int = 0,
        criticalIncrease: Int = 0, criticalDecrease: Int = 0
    ) {
        self.name = name
        self.query = query
        self.baseline = baseline
        self.groups = groups
        self.direction = direction
        self.isCritical = isCritical
        self.mustHaveData = mustHaveData
        self.takesNaNAsZero = takesNaNAsZero
        self.fence = fence
        self.increase = increase
        self.decrease = decrease
        self.criticalIncrease = criticalIncrease
        self.criticalDecrease = criticalDecrease
    }

    /// Of metrics that name no group.
    package static let standardGroup = "all"
    /// Times the distance of the quartiles, where the manifest does not say.
    package static let standardFence = 3
}

/// Which way is worse.
package enum MetricDirection: String, Hashable, Sendable, Codable, CaseIterable {
    case increase
    case decrease
    case either
}
