package import Domain
import Judging
package import Ports

/// Series of the release on trial and of stable, from one source, judged as Kayenta does. A metric that cannot be asked
/// never scores: it is the verdict, with its reason.
package struct ComparisonGate: Sendable {
    private let looks: MetricLooks

    /// Questions that are under way at the same time at most: a server should not be stormed by a gate.
    package static let questionsAtOnce = 8

    package init(_ looks: MetricLooks) { self.looks = looks }

    /// A run begins.
    package func mark(_ key: LookKey, _ spec: ComparisonSpec) async { await looks.mark(key, spec.source) }

    package func look(_ spec: ComparisonSpec, _ request: LookRequest) async -> LookResult {
        guard let stable = request.stable else {
            let words = "there is no stable release that \(request.release.label) could be compared with"
            return LookResult(.error, Evidence(words))
        }
        return await looks.take(request) { source, now in await look(spec, request, stable, source, now) }
    }

    /// - Parameter end: milliseconds since 1970.
    private func look(
        _ spec: ComparisonSpec, _ request: LookRequest, _ stable: Release, _ source: any MetricSourcePort, _ end: Int64
    ) async -> LookResult {
        let range = MetricRange(start: end - spec.range.milliseconds, end: end, step: spec.step)
        let own = MetricQuestions(request, release: request.release, window: spec.window, range: range)
        let other = MetricQuestions(request, release: stable, window: spec.window, range: range)
        let asking = SeriesQuestions(
            source: source, way: spec.source, range: range,
            deadline: .now + .milliseconds(request.gate.schedule.timeout.milliseconds))
        let sides = await asking.sides(
            spec.metrics.flatMap { [(own, $0.query), (other, $0.baseline ?? $0.query)] })
        let asked = spec.metrics.enumerated().map { index, metric in
            AskedMetric(metric: metric, canary: sides[2 * index], baseline: sides[2 * index + 1])
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
        /// What the source remarked.
        var notes: [String]
    }

    struct SideTrouble: Error, Sendable { var text: String }

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
        // They explain series, and change no verdict.
        var notes: [String] = []
        for note in asked.flatMap({ $0.canary.notes + $0.baseline.notes }) where !notes.contains(note) {
            notes.append(note)
        }
        findings += notes.prefix(5).map {
            Finding(asked: "what the source remarked", got: $0.printable.bounded(to: 300), verdict: .pass)
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

/// The questions of one look, several of them at a time, all of them within its time.
private struct SeriesQuestions: Sendable {
    let source: any MetricSourcePort
    let way: MetricSource
    let range: MetricRange
    let deadline: ContinuousClock.Instant

    /// In the order of the questions.
    func sides(_ questions: [(MetricQuestions, String)]) async -> [ComparisonGate.Side] {
        await withTaskGroup(of: (Int, ComparisonGate.Side).self) { group in
            var sides: [(Int, ComparisonGate.Side)] = []
            for (index, (values, query)) in questions.enumerated() {
                if index >= ComparisonGate.questionsAtOnce, let side = await group.next() { sides.append(side) }
                group.addTask { (index, await side(query, values)) }
            }
            for await side in group { sides.append(side) }
            return sides.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func side(_ query: String, _ questions: MetricQuestions) async -> ComparisonGate.Side {
        let left = Span(milliseconds: max(0, (deadline - .now).milliseconds))
        let question: MetricQuestion
        do throws(Placeholders.UnknownName) {
            question = try questions.question(query, of: way, limit: left)
        } catch {
            return failed(query, error.trouble)
        }
        guard left > .zero else { return failed(question.query, "not asked: the look's time was used up before") }
        switch await source.series(question, over: range) {
        case .trouble(let text): return failed(question.query, text)
        case .series(let series, let notes):
            if series.count > 1 {
                let few = series.prefix(3).map(\.labels).joined(separator: ", ")
                return failed(
                    question.query,
                    "\(series.count) series where one is meant (\(few)): aggregate them, with `sum` or `max`")
            }
            if let values = series.first?.values, values.count > ComparisonSpec.mostValues {
                return failed(
                    question.query, "\(values.count) values, and at most \(ComparisonSpec.mostValues) are compared")
            }
            // No series at all is no data, which is the judge's to say.
            return ComparisonGate.Side(
                query: question.query, answer: .success(series.first?.values ?? []), notes: notes)
        }
    }

    private func failed(_ query: String, _ text: String) -> ComparisonGate.Side {
        ComparisonGate.Side(query: query, answer: .failure(ComparisonGate.SideTrouble(text: text)), notes: [])
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
