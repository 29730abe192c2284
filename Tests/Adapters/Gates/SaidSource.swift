import Ports
import Synchronization

/// A source that answers as it is told, and keeps what it was asked.
final class SaidSource: MetricSourcePort {
    private let answer: @Sendable (MetricQuestion, MetricRange?) -> MetricAnswer
    private let questions = Mutex<[MetricQuestion]>([])

    init(_ answer: @escaping @Sendable (MetricQuestion, MetricRange?) -> MetricAnswer) { self.answer = answer }

    convenience init(_ values: Double...) {
        self.init { _, _ in
            .series(values.enumerated().map { MetricSeries(labels: "{n=\"\($0.offset)\"}", values: [$0.element]) })
        }
    }

    var asked: [MetricQuestion] { questions.withLock { $0 } }

    func value(_ question: MetricQuestion) async -> MetricAnswer {
        questions.withLock { $0.append(question) }
        return answer(question, nil)
    }

    func series(_ question: MetricQuestion, over range: MetricRange) async -> MetricAnswer {
        questions.withLock { $0.append(question) }
        return answer(question, range)
    }
}
