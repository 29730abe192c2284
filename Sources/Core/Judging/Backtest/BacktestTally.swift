package import Domain

/// How a gate did over past rollouts.
package struct BacktestTally: Hashable, Sendable {
    /// What it made of one release.
    package struct Trial: Hashable, Sendable {
        package var release: ReleaseQuality
        package var outcome: GateOutcome

        package init(_ release: ReleaseQuality, _ outcome: GateOutcome) {
            self.release = release
            self.outcome = outcome
        }
    }

    /// Good releases that were failed.
    package let alarms: Int
    /// Bad releases that were passed.
    package let misses: Int
    /// What was recorded ended before there was an answer.
    package let undecided: Int
    /// A person was asked.
    package let held: Int
    /// Medians over those that came to an answer; nil: none did. Of an even number the lower one.
    package let looks: Int?
    package let requests: Int?
    package let took: Span?

    package init(_ trials: [Trial]) {
        let mistakes = trials.compactMap { $0.outcome.mistake(about: $0.release) }
        alarms = mistakes.filter { $0 == .alarm }.count
        misses = mistakes.filter { $0 == .miss }.count
        let outcomes = trials.map(\.outcome)
        undecided = outcomes.filter { $0.decision == .undecided }.count
        let answered = outcomes.filter(\.decision.isAnswer)
        held = outcomes.count - answered.count - undecided
        func median<Value: Comparable>(_ value: (GateOutcome) -> Value?) -> Value? {
            let values = answered.compactMap(value).sorted()
            return values.isEmpty ? nil : values[(values.count - 1) / 2]
        }
        looks = median { $0.looks }
        requests = median { $0.requests }
        took = median { $0.took }
    }

    /// More good releases are failed, or more bad ones passed.
    /// - Parameter other: over the same rollouts.
    package func isWorse(than other: BacktestTally) -> Bool { alarms > other.alarms || misses > other.misses }
}
