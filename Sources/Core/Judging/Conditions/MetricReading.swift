package import Domain

/// What a source said when one number was asked for.
package enum MetricReading: Hashable, Sendable {
    /// One for each series that the question names; none: there is no such series.
    /// - remark: why there is none, if somebody knows.
    case series([NumberedSeries], remark: String? = nil)
    /// It could not be asked, or did not answer as it should.
    case trouble(String)
}

/// The numbers of one series.
package struct NumberedSeries: Hashable, Sendable {
    /// What tells it from its siblings, for people.
    package var labels: String
    package var values: [Double]

    package init(labels: String, values: [Double]) {
        self.labels = labels
        self.values = values
    }
}

extension ConditionJudge {
    /// Only one number of one series can pass or fail; anything else is inconclusive, or an error with its reason.
    /// - Returns: the verdict, and what it rests on in words.
    package func look(_ reading: MetricReading) -> (verdict: Verdict, words: String) {
        switch reading {
        case .trouble(let words): return (.error, words)
        case .series(let series, let remark):
            guard let first = series.first else {
                let hint = "no series is what was asked for (`… or vector(0)` where none means zero)"
                return (.inconclusive, "no data: \(remark ?? hint)")
            }
            guard series.count == 1 else {
                let few = series.prefix(3).map(\.labels).joined(separator: ", ")
                let more = series.count > 3 ? ", …" : ""
                return (
                    .error,
                    "\(series.count) series where one is meant (\(few)\(more)): aggregate them, with `sum` or `max`"
                )
            }
            guard let value = first.values.first, first.values.count == 1 else {
                return (.error, "\(first.values.count) numbers where one is meant")
            }
            return look(value)
        }
    }
}
