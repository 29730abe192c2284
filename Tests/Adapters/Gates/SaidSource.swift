import Domain
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

    func begin(_ source: MetricSource, _ service: ServiceName, in environment: EnvironmentID) async {}

    func value(_ question: MetricQuestion) async -> MetricAnswer {
        questions.withLock { $0.append(question) }
        return answer(question, nil)
    }

    func series(_ question: MetricQuestion, over range: MetricRange) async -> MetricAnswer {
        questions.withLock { $0.append(question) }
        return answer(question, range)
    }
}

/// A source that lets others come before it answers, counts how many are under way, and heeds a question's time.
final class SlowSource: MetricSourcePort {
    private let answer: MetricAnswer
    private let counts = Mutex((now: 0, most: 0))

    init(_ answer: MetricAnswer) { self.answer = answer }

    var most: Int { counts.withLock { $0.most } }

    func begin(_ source: MetricSource, _ service: ServiceName, in environment: EnvironmentID) async {}

    func value(_ question: MetricQuestion) async -> MetricAnswer { await said(question) }

    func series(_ question: MetricQuestion, over range: MetricRange) async -> MetricAnswer { await said(question) }

    private func said(_ question: MetricQuestion) async -> MetricAnswer {
        counts.withLock { counts in
            counts.now += 1
            counts.most = max(counts.most, counts.now)
        }
        defer { counts.withLock { $0.now -= 1 } }
        for _ in 0..<20 { await Task.yield() }
        return question.limit > .milliseconds(1) ? answer : .trouble("late")
    }
}
