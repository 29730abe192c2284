package import Domain
import Judging
package import Ports

/// Series of the release on trial and of stable, from one source, judged as Kayenta does. A metric that cannot be asked
/// never scores: it is the verdict, with its reason.
package struct ComparisonGate: Sendable {
    private let source: any MetricSourcePort
    /// Milliseconds since 1970.
    private let now: @Sendable () -> Int64

    package init(source: any MetricSourcePort, now: @escaping @Sendable () -> Int64) {
        self.source = source
        self.now = now
    }

    package func look(_ spec: ComparisonSpec, _ request: LookRequest) async -> LookResult {
        guard let stable = request.stable else {
            let words = "there is no stable release that \(request.release.label) could be compared with"
            return LookResult(.error, Evidence(words))
        }
        let end = now()
        let range = MetricRange(start: end - spec.range.milliseconds, end: end, step: spec.step)
        let own = MetricQuestions(request, release: request.release, window: spec.window, range: range)
        let other = MetricQuestions(request, release: stable, window: spec.window, range: range)
        let deadline = ContinuousClock.now + .milliseconds(request.gate.schedule.timeout.milliseconds)
        var asked: [AskedMetric] = []
        for metric in spec.metrics {
            let left = Span(milliseconds: max(0, (deadline - .now).milliseconds))
            async let canary = values(of: metric.query, own, spec.source, range, left)
            async let baseline = values(of: metric.baseline ?? metric.query, other, spec.source, range, left)
            asked.append(AskedMetric(metric: metric, canary: await canary, baseline: await baseline))
        }
        let judge = SeriesJudge(spec.judged)
        let verdict = judge.look(asked.map(\.pair))
        let labels = (request.release.label, stable.label)
        let evidence = Evidence(verdict.evidence.summary, findings: findings(verdict, asked, labels, spec))
        return LookResult(verdict.verdict, evidence).beside(request)
    }

    /// One side of a metric: what was asked, and what came.
    struct Side: Sendable {
        var query: String
        var answer: Result<[Double], SideTrouble>
    }

    struct SideTrouble: Error, Sendable { var text: String }

    private func values(
        of query: String, _ questions: MetricQuestions, _ source: MetricSource, _ range: MetricRange, _ left: Span
    ) async -> Side {
        let question: MetricQuestion
        do throws(Placeholders.UnknownName) {
            question = try questions.question(query, of: source, limit: left)
        } catch {
            return Side(query: query, answer: .failure(SideTrouble(text: error.trouble)))
        }
        guard left > .zero else {
            let text = "not asked: the look's time was used up before"
            return Side(query: question.query, answer: .failure(SideTrouble(text: text)))
        }
        let answer: Result<[Double], SideTrouble>
        switch await self.source.series(question, over: range) {
        case .trouble(let text): answer = .failure(SideTrouble(text: text))
        case .series(let series, _):
            if series.count > 1 {
                let few = series.prefix(3).map(\.labels).joined(separator: ", ")
                let text = "\(series.count) series where one is meant (\(few)): aggregate them, with `sum` or `max`"
                answer = .failure(SideTrouble(text: text))
            } else if let values = series.first?.values, values.count > ComparisonSpec.mostValues {
                let text = "\(values.count) values, and at most \(ComparisonSpec.mostValues) are compared"
                answer = .failure(SideTrouble(text: text))
            } else {
                // No series at all is no data, which is the judge's to say.
                answer = .success(series.first?.values ?? [])
            }
        }
        return Side(query: question.query, answer: answer)
    }

    // MARK: Words

    private func findings(
        _ verdict: SeriesVerdict, _ asked: [AskedMetric], _ labels: (String, String), _ spec: ComparisonSpec
    ) -> [Finding] {
        var findings = zip(verdict.metrics, asked).map { result, asked in
            let got = "\(result.label.rawValue): \(result.reason)".printable.bounded(to: 500)
            return Finding(
                asked: asked.words(spec.source), got: got, wanted: asked.metric.wanted, verdict: result.label.verdict)
        }.bounded
        findings += verdict.groups.map { group in
            let share = "weight \(NumberText.percent(group.weight / 100))"
            let got = group.score.map { "\(NumberText.significant($0, digits: 4)) of 100, \(share)" }
            // A group says what its metrics have said.
            return Finding(asked: "group \(group.name)", got: got ?? "no data, \(share)", verdict: .pass)
        }
        let null = "values of \(labels.0) and \(labels.1) come from the same distribution, one independent of the other"
        let level = "confidence \(NumberText.percent(Double(spec.confidence) / 1e6)) for each metric"
        findings.append(
            Finding(
                asked: "unit", got: "values \(spec.step) apart, of the last \(spec.range); null: \(null); \(level)",
                verdict: .pass))
        return findings
    }
}

/// One metric with both its sides.
struct AskedMetric: Sendable {
    var metric: ComparedMetric
    var canary: ComparisonGate.Side
    var baseline: ComparisonGate.Side

    /// For the judge.
    var pair: SeriesPair {
        switch (canary.answer, baseline.answer) {
        case (.success(let own), .success(let other)): SeriesPair(metric.name, canary: own, baseline: other)
        case (.failure(let trouble), _): SeriesPair(metric.name, error: "of the canary: \(trouble.text)".tamed)
        case (_, .failure(let trouble)): SeriesPair(metric.name, error: "of the baseline: \(trouble.text)".tamed)
        }
    }

    /// `errors, prom: sum(a{release="15"}) against sum(a{release="14"})`
    func words(_ source: MetricSource) -> String {
        let own = source.asked(canary.query).bounded(to: 300)
        return "\(metric.name), \(own) against \(baseline.query.printable.bounded(to: 300))"
    }
}

extension String {
    fileprivate var tamed: String { printable.bounded(to: 300) }
}

extension ComparedMetric {
    /// `not beyond +5%`: what a difference has to be to pass.
    fileprivate var wanted: String {
        func percent(_ millionths: Int) -> String { NumberText.percent(Double(millionths) / 1e6) }
        let bounds = [
            direction == .decrease ? nil : "higher by +\(percent(increase)) or more",
            direction == .increase ? nil : "lower by -\(percent(decrease)) or more",
        ]
        return "not shown to be " + bounds.compactMap { $0 }.joined(separator: ", nor ")
    }

    fileprivate var judged: SeriesMetric {
        let worse: SeriesMetric.Direction =
            switch direction {
            case .increase: .increase
            case .decrease: .decrease
            case .either: .either
            }
        return SeriesMetric(
            name: name, groups: groups, direction: worse, isCritical: isCritical, mustHaveData: mustHaveData,
            nanStrategy: takesNaNAsZero ? .zero : .remove, outliers: fence.map { .fence(Double($0)) } ?? .keep,
            allowedIncrease: 1 + Double(increase) / 1e6, allowedDecrease: 1 - Double(decrease) / 1e6,
            criticalIncrease: 1 + Double(criticalIncrease) / 1e6, criticalDecrease: 1 - Double(criticalDecrease) / 1e6)
    }
}

extension ComparisonSpec {
    fileprivate var judged: SeriesSpec {
        SeriesSpec(
            metrics: metrics.map(\.judged), groupWeights: weights.map { GroupWeight($0.group, Double($0.share) / 1e4) },
            pass: Double(pass), marginal: Double(marginal), confidence: Double(confidence) / 1e6,
            tolerance: Double(tolerance) / 1e6)
    }
}

extension SeriesResult.Label {
    fileprivate var verdict: Verdict {
        switch self {
        case .pass: .pass
        case .high, .low, .missing: .fail
        case .nodata: .inconclusive
        case .error: .error
        }
    }
}
