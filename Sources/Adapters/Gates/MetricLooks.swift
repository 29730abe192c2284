import Domain
package import Ports
import Synchronization

/// Looks at sources of metrics: asks, and has what was said kept for replays.
package struct MetricLooks: Sendable {
    private let source: any MetricSourcePort
    /// Milliseconds since 1970.
    private let now: @Sendable () -> Int64
    /// Milliseconds on a clock that does not jump.
    private let clock: @Sendable () -> Int64
    /// Nil: nothing is kept for replays.
    private let recorder: TrafficRecorder?

    package init(
        _ source: any MetricSourcePort, clock: @escaping @Sendable () -> Int64 = ThresholdGate.monotonic(),
        recorder: TrafficRecorder? = nil, now: @escaping @Sendable () -> Int64
    ) {
        self.source = source
        self.now = now
        self.clock = clock
        self.recorder = recorder
    }

    /// A run begins: its looks are timed from here.
    func mark(_ key: LookKey, _ source: MetricSource) async {
        await self.source.begin(source, key.service, in: key.environment)
        await recorder?.begin(key, at: clock(), isResumed: key.look > 0)
    }

    /// Takes a look.
    /// - Parameter judge: gets the source, and the time that it is asked about in milliseconds since 1970.
    func take(
        _ request: LookRequest, _ judge: (any MetricSourcePort, Int64) async -> LookResult
    ) async -> LookResult {
        let time = now()
        await recorder?.begin(request.key, at: clock(), isResumed: request.key.look > 1 || request.since > 0)
        let heard = HeardSource(source)
        let result = await judge(heard, time)
        await recorder?.note(request, .answers(heard.answers, time: time), at: clock(), result)
        return result
    }
}

/// A source that is listened to.
private final class HeardSource: MetricSourcePort {
    private let source: any MetricSourcePort
    private let heard = Mutex<[RecordedAnswer]>([])

    init(_ source: any MetricSourcePort) { self.source = source }

    /// In an order that does not depend on which came first.
    var answers: [RecordedAnswer] {
        heard.withLock { $0 }.sorted { ($0.query, $0.release) < ($1.query, $1.release) }
    }

    func begin(_ source: MetricSource, _ service: ServiceName, in environment: EnvironmentID) async {
        await self.source.begin(source, service, in: environment)
    }

    func value(_ question: MetricQuestion) async -> MetricAnswer {
        note(question, nil, await source.value(question))
    }

    func series(_ question: MetricQuestion, over range: MetricRange) async -> MetricAnswer {
        note(question, range, await source.series(question, over: range))
    }

    private func note(_ question: MetricQuestion, _ range: MetricRange?, _ answer: MetricAnswer) -> MetricAnswer {
        let recorded = RecordedAnswer(
            source: question.source.name, query: question.query, release: question.subject.release, range: range,
            answer: answer)
        heard.withLock { $0.append(recorded) }
        return answer
    }
}
