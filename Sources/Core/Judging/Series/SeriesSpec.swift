/// How two sets of series are compared and scored: the settings of Kayenta's judge, and its defaults.
package struct SeriesSpec: Hashable, Sendable, Codable {
    package var metrics: [SeriesMetric]
    /// Weights of groups in percent; groups that are not named share what is left of 100.
    package var groupWeights: [GroupWeight]
    /// A score of at least this, 0…100, passes.
    package var pass: Double
    /// A score of at least this, but below `pass`, is inconclusive.
    package var marginal: Double
    /// Of the interval of the shift, two-sided.
    package var confidence: Double
    /// The interval has to lie beyond this part of the estimated shift.
    package var tolerance: Double

    package init(
        metrics: [SeriesMetric], groupWeights: [GroupWeight] = [], pass: Double = 95, marginal: Double = 75,
        confidence: Double = 0.98, tolerance: Double = 0.25
    ) {
        self.metrics = metrics
        self.groupWeights = groupWeights
        self.pass = pass
        self.marginal = marginal
        self.confidence = confidence
        self.tolerance = tolerance
    }

    /// What is wrong with it; nil: nothing.
    var objection: String? {
        guard !metrics.isEmpty else { return "there are no metrics" }
        guard Set(metrics.map(\.name)).count == metrics.count else { return "two metrics have one name" }
        guard metrics.allSatisfy({ !$0.groups.isEmpty }) else { return "a metric is in no group" }
        guard (0...100).contains(marginal), (0...100).contains(pass), marginal <= pass else {
            return "marginal and pass have to be scores, and pass not below marginal"
        }
        guard confidence > 0, confidence < 1, tolerance >= 0, tolerance < 1 else {
            return "confidence has to lie between 0 and 1, tolerance as well"
        }
        let groups = Set(metrics.flatMap(\.groups))
        let names = groupWeights.map(\.group)
        guard Set(names).count == names.count, groupWeights.allSatisfy({ $0.weight >= 0 }) else {
            return "weights of groups have to be given once, and not below zero"
        }
        if let stranger = names.first(where: { !groups.contains($0) }) {
            return "no metric is in the group \(stranger)"
        }
        let sum = groupWeights.reduce(0) { $0 + $1.weight }
        let isWhole = groups.count == names.count
        guard sum.isFinite, isWhole ? abs(sum - 100) < 1e-6 : sum < 100 else {
            return "the weights of groups add up to \(NumberText.significant(sum)), not to 100"
        }
        return nil
    }
}

/// The weight of a group.
package struct GroupWeight: Hashable, Sendable, Codable {
    package var group: String
    /// Percent.
    package var weight: Double
    package init(_ group: String, _ weight: Double) {
        self.group = group
        self.weight = weight
    }
}

/// How one metric is compared.
package struct SeriesMetric: Hashable, Sendable, Codable {
    /// Which way is worse.
    package enum Direction: String, Hashable, Sendable, Codable, CaseIterable {
        case increase
        case decrease
        case either
    }

    /// What becomes of values that are not numbers.
    package enum NaNStrategy: String, Hashable, Sendable, Codable, CaseIterable {
        case remove
        case zero
    }

    /// What becomes of values far out.
    package enum Outliers: Hashable, Sendable, Codable {
        case keep
        /// Values beyond the quartiles by more than so many times their distance are left out, but nothing between the
        /// first and the last percentile.
        case fence(Double)
    }

    package var name: String
    /// At least one.
    package var groups: [String]
    package var direction: Direction
    /// Its failure fails everything.
    package var isCritical: Bool
    /// Without data it counts as failed.
    package var mustHaveData: Bool
    package var nanStrategy: NaNStrategy
    package var outliers: Outliers
    /// Ratios of means, canary by baseline: from which on a difference counts, and from which on it is critical.
    package var allowedIncrease: Double
    package var allowedDecrease: Double
    package var criticalIncrease: Double
    package var criticalDecrease: Double

    package init(
        name: String, groups: [String], direction: Direction = .either, isCritical: Bool = false,
        mustHaveData: Bool = false, nanStrategy: NaNStrategy = .remove, outliers: Outliers = .keep,
        allowedIncrease: Double = 1, allowedDecrease: Double = 1, criticalIncrease: Double = 1,
        criticalDecrease: Double = 1
    ) {
        self.name = name
        self.groups = groups
        self.direction = direction
        self.isCritical = isCritical
        self.mustHaveData = mustHaveData
        self.nanStrategy = nanStrategy
        self.outliers = outliers
        self.allowedIncrease = allowedIncrease
        self.allowedDecrease = allowedDecrease
        self.criticalIncrease = criticalIncrease
        self.criticalDecrease = criticalDecrease
    }
}
