package import Domain
import Judging
package import Ports

/// One number from a source, held against conditions. What is no single number is inconclusive or an error, with the
/// reason, and never a pass.
package struct MetricGate: Sendable {
    private let source: any MetricSourcePort
    /// Milliseconds since 1970.
    private let now: @Sendable () -> Int64

    package init(source: any MetricSourcePort, now: @escaping @Sendable () -> Int64) {
        self.source = source
        self.now = now
    }

    package func look(_ spec: MetricSpec, _ request: LookRequest) async -> LookResult {
        let end = now()
        let range = MetricRange(start: end - spec.window.milliseconds, end: end, step: spec.window)
        let judge = ConditionJudge(pass: spec.pass, fail: spec.fail)
        let question: MetricQuestion
        do throws(Placeholders.UnknownName) {
            question = try MetricQuestions(request, release: request.release, window: spec.window, range: range)
                .question(spec.query, of: spec.source, limit: request.gate.schedule.timeout)
        } catch {
            return Self.result(spec.source.asked(spec.query), .error, error.trouble, judge)
        }
        let asked = spec.source.asked(question.query)
        switch await source.value(question) {
        case .trouble(let words): return Self.result(asked, .error, words, judge)
        case .series(let series, let notes): return Self.judged(series, notes, asked, judge)
        }
    }

    private static func judged(
        _ series: [MetricSeries], _ notes: [String], _ asked: String, _ judge: ConditionJudge
    ) -> LookResult {
        guard let first = series.first else {
            let hint = "no data: no series is what was asked for (`… or vector(0)` where none means zero)"
            return result(asked, .inconclusive, hint, judge, notes)
        }
        guard series.count == 1 else {
            let few = series.prefix(3).map(\.labels).joined(separator: ", ")
            let more = series.count > 3 ? ", …" : ""
            let words =
                "\(series.count) series where one is meant (\(few)\(more)): aggregate them, with `sum` or `max`"
            return result(asked, .error, words, judge, notes)
        }
        guard let value = first.values.first, first.values.count == 1 else {
            return result(asked, .error, "\(first.values.count) numbers where one is meant", judge, notes)
        }
        let (verdict, words) = judge.look(value)
        return result(asked, verdict, words, judge, notes)
    }

    private static func result(
        _ asked: String, _ verdict: Verdict, _ words: String, _ judge: ConditionJudge, _ notes: [String] = []
    ) -> LookResult {
        let words = words.printable.bounded(to: 500)
        var findings = [Finding(asked: asked, got: words, wanted: judge.wanted, verdict: verdict)]
        // They explain a number, and change no verdict.
        findings += notes.map {
            Finding(asked: "what the source remarked", got: $0.printable.bounded(to: 300), verdict: .pass)
        }
        return LookResult(verdict, Evidence(summary(asked, words), findings: findings))
    }

    /// The answer first: a query may be long.
    private static func summary(_ asked: String, _ words: String) -> String {
        "\(words) (\(asked.bounded(to: 160)))"
    }
}
