package import Domain
package import Ports

/// What a source of metrics was asked in a look, and what it said.
package struct RecordedAnswer: Hashable, Sendable {
    /// As the manifest calls it.
    package var source: String
    /// As it was filled in.
    package var query: String
    /// Whose number it is.
    package var release: ReleaseNumber
    /// Nil: the number of that moment was asked for.
    package var range: MetricRange?
    package var answer: MetricAnswer

    package init(
        source: String, query: String, release: ReleaseNumber, range: MetricRange? = nil, answer: MetricAnswer
    ) {
        self.source = source
        self.query = query
        self.release = release
        self.range = range
        self.answer = answer
    }

    /// What it says to a question: itself, or the end of its series. Nil: that was not asked.
    func answer(to question: MetricQuestion, over asked: MetricRange?) -> MetricAnswer? {
        guard source == question.source.name, query == question.query, release == question.subject.release else {
            return nil
        }
        guard let range, let asked else { return range == asked ? answer : nil }
        let step = range.step.milliseconds
        guard asked.step == range.step, asked.end == range.end, asked.start >= range.start, step > 0,
            (asked.start - range.start).isMultiple(of: step)
        else { return nil }
        switch answer {
        case .trouble: return answer
        case .series(let series, let notes):
            // Sources without a clock give what they have, whatever range is asked for.
            guard series.allSatisfy({ $0.values.count == range.count }) else { return answer }
            return .series(
                series.map { MetricSeries(labels: $0.labels, values: $0.values.suffix(asked.count)) }, notes: notes)
        }
    }
}
