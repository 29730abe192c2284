package import Domain
import Judging
package import Ports

/// One number from a source, held against conditions. What is no single number is inconclusive or an error, with the
/// reason, and never a pass.
package struct MetricGate: Sendable {
    private let looks: MetricLooks

    package init(_ looks: MetricLooks) { self.looks = looks }

    /// A run begins.
    package func mark(_ key: LookKey, _ spec: MetricSpec) async { await looks.mark(key, spec.source) }

    package func look(_ spec: MetricSpec, _ request: LookRequest) async -> LookResult {
        await looks.take(request) { source, now in await Self.look(spec, request, source, now) }
    }

    /// - Parameter end: milliseconds since 1970.
    private static func look(
        _ spec: MetricSpec, _ request: LookRequest, _ source: any MetricSourcePort, _ end: Int64
    ) async -> LookResult {
        let range = MetricRange(start: end - spec.window.milliseconds, end: end, step: spec.window)
        let judge = ConditionJudge(pass: spec.pass, fail: spec.fail)
        let question: MetricQuestion
        do throws(Placeholders.UnknownName) {
            question = try MetricQuestions(request, release: request.release, window: spec.window, range: range)
                .question(spec.query, of: spec.source, limit: request.gate.schedule.timeout)
        } catch {
            return result(spec.source.asked(spec.query), .error, error.trouble, judge)
        }
        let asked = spec.source.asked(question.query)
        let reading: MetricReading
        var remarks: [String] = []
        switch await source.value(question) {
        case .trouble(let words): reading = .trouble(words)
        case .series(let series, let notes):
            remarks = notes
            reading = .series(
                series.map { NumberedSeries(labels: $0.labels, values: $0.values) }, remark: notes.first)
        }
        let (verdict, words) = judge.look(reading)
        return result(asked, verdict, words, judge, remarks)
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
