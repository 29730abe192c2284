/// What the sequential judge compares, and how sure it has to be.
package struct SequentialSpec: Hashable, Sendable, Codable {
    /// What was randomised, and hence what is counted.
    package enum Unit: String, Hashable, Sendable, Codable, CaseIterable {
        /// The router draws for each request.
        case request
        /// The router keeps each cohort of users on its side.
        case cohort
    }

    /// Nil: errors are not compared.
    package var errors: Tolerance?
    package var latencies: [LatencyTolerance]
    package var unit: Unit
    /// The probability with which a canary that is no worse than tolerated may ever fail, over all looks; shared evenly
    /// by errors and latencies. Above 0, below 1.
    package var falseAlarms: Double
    /// The probability with which a canary that is worse than tolerated may ever pass. Above 0, below 1.
    package var missed: Double
    /// The part of `missed` that is kept for the last look, 0 to 1 (1 left out). When the budget is spent, a test of
    /// fixed size may still pass the canary: it needs fewer requests than one that may look all the time. Without a
    /// budget, and for cohorts, which have no such test, all of `missed` goes to the looks.
    package var keptForLast: Double
    /// Of the intervals in the evidence; they too hold over all looks. Above 0, below 1.
    package var confidence: Double

    package init(
        errors: Tolerance?, latencies: [LatencyTolerance] = [], unit: Unit = .request, falseAlarms: Double = 0.01,
        missed: Double = 0.05, keptForLast: Double = 0.5, confidence: Double = 0.95
    ) {
        self.errors = errors
        self.latencies = latencies
        self.unit = unit
        self.falseAlarms = falseAlarms
        self.missed = missed
        self.keptForLast = unit == .cohort ? 0 : keptForLast
        self.confidence = confidence
    }

    /// What is compared, errors first.
    var measures: [Measure] { (errors == nil ? [] : [.errors]) + latencies.indices.map(Measure.latency) }

    func tolerance(_ measure: Measure) -> Tolerance {
        switch measure {
        case .errors: errors ?? .none
        // The tolerance is in the limits by which slow requests are counted.
        case .latency: .none
        }
    }

    /// What is wrong with it; nil: nothing.
    var objection: String? {
        if measures.isEmpty { return "nothing to compare: neither errors nor a latency" }
        if let errors, !errors.isSound { return "the errors tolerated are not a share of at least 0" }
        for latency in latencies {
            guard latency.tolerance.isFinite, latency.tolerance >= 0, (1..<100_000).contains(latency.percentile) else {
                return "the tolerance of \(latency.name) makes no sense"
            }
        }
        for (name, level) in [("falseAlarms", falseAlarms), ("missed", missed), ("confidence", confidence)] {
            guard level > 0, level < 1 else { return "\(name) has to lie between 0% and 100%" }
        }
        guard keptForLast >= 0, keptForLast < 1, unit == .request || keptForLast == 0 else {
            return "what is kept for the last look has to be a part of the whole, and nothing for cohorts"
        }
        return nil
    }
}

/// One thing that is compared.
enum Measure: Hashable, Sendable {
    case errors
    /// An index of the spec's latencies.
    case latency(Int)
}
