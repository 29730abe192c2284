package import Domain

/// Compares series of canary and baseline metric by metric, and scores them in groups as Kayenta does
/// (`WeightedSumScorer`), but for these: errors never score, they are the verdict; and a group without data, or half of
/// the metrics without any, leaves the verdict inconclusive, where Kayenta counts the group as passed or fails.
///
/// Its null is "both come from the same distribution, value by value": series that are correlated in time alarm more
/// often than the confidence says.
package struct SeriesJudge: Sendable {
    package let spec: SeriesSpec

    package init(_ spec: SeriesSpec) { self.spec = spec }

    /// - Parameter pairs: one for each metric, in any order.
    package func look(_ pairs: [SeriesPair]) -> SeriesVerdict {
        if let objection = spec.objection ?? objection(pairs) {
            return SeriesVerdict(
                verdict: .error, score: nil, groups: [], metrics: [],
                evidence: Evidence("cannot be judged: \(objection)"))
        }
        let classifier = SeriesClassifier(confidence: spec.confidence, tolerance: spec.tolerance)
        let results = spec.metrics.map { metric in
            pairs.first { $0.name == metric.name }.map { classifier.result(metric, $0) }
                ?? SeriesResult(metric, .error, "nothing was answered for it")
        }
        let groups = scores(results)
        let (verdict, score, words) = answer(results, groups)
        return SeriesVerdict(
            verdict: verdict, score: score, groups: groups, metrics: results,
            evidence: Evidence(words, findings: results.map(finding)))
    }

    private func objection(_ pairs: [SeriesPair]) -> String? {
        if Set(pairs.map(\.name)).count < pairs.count { return "a metric was answered twice" }
        let known = Set(spec.metrics.map(\.name))
        return pairs.first { !known.contains($0.name) }.map { "\($0.name) was not asked for" }
    }

    private func scores(_ results: [SeriesResult]) -> [GroupScore] {
        let names = Set(results.flatMap(\.groups)).sorted()
        let named = spec.groupWeights.reduce(0) { $0 + $1.weight }
        let share = (100 - named) / Double(max(1, names.count - spec.groupWeights.count))
        return names.map { name in
            let labels = results.filter { $0.groups.contains(name) }.map(\.label)
            let passed = labels.filter { $0 == .pass }.count
            let counted = labels.filter(\.counts).count
            let weight = spec.groupWeights.first { $0.group == name }?.weight ?? share
            return GroupScore(
                name: name, score: counted == 0 ? nil : 100 * Double(passed) / Double(counted), weight: weight)
        }
    }

    private func answer(_ results: [SeriesResult], _ groups: [GroupScore]) -> (Verdict, Double?, String) {
        if let failed = results.first(where: { $0.label == .error }) {
            return (.error, nil, "\(failed.name): \(failed.reason)")
        }
        if let critical = results.first(where: \.isCriticalFailure) {
            return (.fail, 0, "\(critical.name) is critical and failed: \(critical.reason)")
        }
        if let empty = results.first(where: { $0.isCritical && !$0.label.counts }) {
            return (.inconclusive, nil, "\(empty.name) is critical and has no data: \(empty.reason)")
        }
        let missing = results.filter { $0.label == .nodata }.count
        if 2 * missing >= results.count {
            return (.inconclusive, nil, "\(missing) of \(results.count) metrics have no data")
        }
        // Groups without data take no part, and the others their weight.
        let scored = groups.filter { $0.score != nil }
        let weight = scored.reduce(0) { $0 + $1.weight }
        guard weight > 0 else { return (.inconclusive, nil, "no group with a weight has data") }
        let sum = scored.reduce(0) { $0 + ($1.score ?? 0) * $1.weight }
        // Two decimals, as Kayenta rounds: 94.996 is a pass at 95.
        let score = (sum / weight * 100).rounded() / 100
        let words = "score \(NumberText.significant(score, digits: 4)) of 100, \(counts(results))"
        if score >= spec.pass {
            guard let empty = groups.first(where: { $0.score == nil && $0.weight > 0 }) else {
                return (.pass, score, words)
            }
            return (.inconclusive, score, "\(words); no metric of the group \(empty.name) has data")
        }
        let marks = "\(NumberText.significant(spec.pass)) pass, \(NumberText.significant(spec.marginal)) are marginal"
        return (score >= spec.marginal ? .inconclusive : .fail, score, "\(words); \(marks)")
    }

    private func counts(_ results: [SeriesResult]) -> String {
        let failed = results.filter { $0.label == .high || $0.label == .low || $0.label == .missing }
        if failed.isEmpty { return "no metric failed" }
        return "failed: " + failed.map(\.name).joined(separator: ", ")
    }

    private func finding(_ result: SeriesResult) -> Finding {
        let verdict: Verdict
        switch result.label {
        case .pass: verdict = .pass
        case .high, .low, .missing: verdict = .fail
        case .nodata: verdict = .inconclusive
        case .error: verdict = .error
        }
        return Finding(asked: result.name, got: result.reason, verdict: verdict)
    }
}

extension SeriesResult.Label {
    /// Takes part in the score.
    var counts: Bool {
        switch self {
        case .pass, .high, .low, .missing: true
        case .nodata, .error: false
        }
    }
}

/// The answer of the judge of series.
package struct SeriesVerdict: Hashable, Sendable {
    package var verdict: Verdict
    /// 0…100; nil when there is none.
    package var score: Double?
    package var groups: [GroupScore]
    package var metrics: [SeriesResult]
    package var evidence: Evidence

    package var look: LookResult { LookResult(verdict, evidence) }
}
