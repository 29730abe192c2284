/// What became of one metric.
package struct SeriesResult: Hashable, Sendable, Codable {
    /// Kayenta's classes.
    package enum Label: String, Hashable, Sendable, Codable, CaseIterable {
        case pass
        case high
        case low
        /// Nothing to compare; it does not count.
        case nodata
        /// Nothing to compare where there must be something: it counts as failed.
        case missing
        /// The question could not be asked.
        case error
    }

    package var name: String
    package var groups: [String]
    package var label: Label
    package var reason: String
    /// It alone fails everything.
    package var isCriticalFailure = false
    /// Critical, whatever became of it.
    package var isCritical: Bool
    /// Values that were compared.
    package var canaryCount = 0
    package var baselineCount = 0
    /// Canary less baseline, in the metric's unit: Hodges and Lehmann's estimate.
    package var shift: Double?
    /// Of the shift.
    package var interval: ConfidenceInterval?
    /// Of the means, canary by baseline; nil when the baseline's is zero and the canary's is not.
    package var ratio: Double?

    init(_ metric: SeriesMetric, _ label: Label, _ reason: String) {
        name = metric.name
        groups = metric.groups
        isCritical = metric.isCritical
        self.label = label
        self.reason = reason
    }
}

/// The score of a group of metrics.
package struct GroupScore: Hashable, Sendable, Codable {
    package var name: String
    /// 0…100; nil: none of its metrics has data.
    package var score: Double?
    /// Percent.
    package var weight: Double
}
