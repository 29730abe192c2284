import Domain
import Ports
import Synchronization

/// Sources of metrics that say again what a recording holds, as far as it has been played.
final class SaidAgain: MetricSourcePort {
    private struct State {
        var answers: [RecordedAnswer] = []
        var time: Int64 = 0
        var unknown: [String] = []
    }

    private let state = Mutex(State())

    func play(_ reading: RecordedReading) {
        state.withLock {
            $0.answers = reading.answers ?? []
            $0.time = reading.time ?? $0.time
        }
    }

    /// Milliseconds since 1970.
    var time: Int64 { state.withLock { $0.time } }

    /// What was asked of it and is not in the recording; asking for it empties it.
    func takeUnknown() -> [String] {
        state.withLock { state in
            defer { state.unknown = [] }
            return state.unknown
        }
    }

    /// What was, is recorded.
    func begin(_ source: MetricSource, _ service: ServiceName, in environment: EnvironmentID) async {}

    func value(_ question: MetricQuestion) async -> MetricAnswer { answer(question, nil) }

    func series(_ question: MetricQuestion, over range: MetricRange) async -> MetricAnswer { answer(question, range) }

    private func answer(_ question: MetricQuestion, _ range: MetricRange?) -> MetricAnswer {
        state.withLock { state in
            if let known = state.answers.lazy.compactMap({ $0.answer(to: question, over: range) }).first {
                return known
            }
            let asked = question.source.asked(question.query)
            state.unknown.append(asked)
            return .trouble("not asked then")
        }
    }
}
