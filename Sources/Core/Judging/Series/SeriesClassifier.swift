/// Classifies one metric: Mann-Whitney's interval of the shift has to lie beyond a part of the shift's own estimate,
/// and the ratio of the means has to reach its threshold.
///
/// The rules are those of Kayenta's judge (`MannWhitneyClassifier`), but for these: the ends of the interval are exact
/// differences instead of a root finder's, which stops at 1e-4 of whatever the unit is; with too few values for the
/// confidence the answer is no data, where Kayenta takes the range of what it has; constant series need no noise; a
/// baseline of zero has an infinite ratio, where Kayenta puts it at one; and an empty side is no data whatever the
/// strategy for NaN.
struct SeriesClassifier: Sendable {
    let confidence: Double
    let tolerance: Double

    func result(_ metric: SeriesMetric, _ pair: SeriesPair) -> SeriesResult {
        switch pair.answer {
        case .error(let why): return SeriesResult(metric, .error, why)
        case .values(let canary, let baseline): return result(metric, canary: canary, baseline: baseline)
        }
    }

    private func result(_ metric: SeriesMetric, canary: [Double], baseline: [Double]) -> SeriesResult {
        if (canary + baseline).contains(where: \.isInfinite) {
            return SeriesResult(metric, .error, "a value is infinite")
        }
        let own = cleaned(canary, metric)
        let other = cleaned(baseline, metric)
        guard let ranks = RankSum(own, other) else {
            let side = own.isEmpty ? (other.isEmpty ? "canary and baseline" : "the canary") : "the baseline"
            return withoutData(metric, "no values of \(side)", own, other)
        }
        guard let interval = ranks.shiftInterval(confidence: confidence) else {
            let few = "\(own.count) and \(other.count) values are too few for a confidence of"
            return withoutData(metric, "\(few) \(NumberText.percent(confidence))", own, other)
        }
        let ratio = Self.ratio(own, other)
        var result = SeriesResult(metric, .pass, "")
        result.canaryCount = own.count
        result.baselineCount = other.count
        result.shift = ranks.shift
        result.interval = interval
        result.ratio = ratio.isFinite ? ratio : nil
        result.label = label(metric, ranks.shift, interval, ratio)
        result.isCriticalFailure = metric.isCritical && isCritical(metric, result.label, ratio)
        result.reason = reason(result)
        return result
    }

    private func withoutData(
        _ metric: SeriesMetric, _ reason: String, _ own: [Double], _ other: [Double]
    ) -> SeriesResult {
        var result = SeriesResult(metric, metric.mustHaveData ? .missing : .nodata, reason)
        result.canaryCount = own.count
        result.baselineCount = other.count
        return result
    }

    private func label(
        _ metric: SeriesMetric, _ shift: Double, _ interval: ConfidenceInterval, _ ratio: Double
    ) -> SeriesResult.Label {
        let bound = tolerance * abs(shift)
        switch metric.direction {
        case .increase, .either:
            if interval.low > bound, ratio >= metric.allowedIncrease { return .high }
        case .decrease: break
        }
        switch metric.direction {
        case .decrease, .either:
            if interval.high < -bound, ratio <= metric.allowedDecrease { return .low }
        case .increase: break
        }
        return .pass
    }

    private func isCritical(_ metric: SeriesMetric, _ label: SeriesResult.Label, _ ratio: Double) -> Bool {
        switch label {
        case .high: ratio >= metric.criticalIncrease
        case .low: ratio <= metric.criticalDecrease
        case .pass, .nodata, .missing, .error: false
        }
    }

    private func cleaned(_ values: [Double], _ metric: SeriesMetric) -> [Double] {
        let numbers: [Double]
        switch metric.nanStrategy {
        case .remove: numbers = values.filter { !$0.isNaN }
        case .zero: numbers = values.map { $0.isNaN ? 0 : $0 }
        }
        switch metric.outliers {
        case .keep: return numbers
        case .fence(let factor):
            guard !numbers.isEmpty else { return numbers }
            let fence = OutlierFence(numbers, factor: factor)
            return numbers.filter(fence.holds)
        }
    }

    /// Of the means; summed in order of size, so that the order of the values leaves no trace.
    private static func ratio(_ own: [Double], _ other: [Double]) -> Double {
        let above = own.sorted().reduce(0, +) / Double(own.count)
        let below = other.sorted().reduce(0, +) / Double(other.count)
        if below == 0 { return above == 0 ? 1 : above > 0 ? .infinity : -.infinity }
        return above / below
    }

    private func reason(_ result: SeriesResult) -> String {
        let word: String
        switch result.label {
        case .high: word = "higher than the baseline"
        case .low: word = "lower than the baseline"
        case .pass, .nodata, .missing, .error: word = "no relevant difference"
        }
        let shift = NumberText.significant(result.shift ?? 0)
        let low = NumberText.significant(result.interval?.low ?? 0)
        let high = NumberText.significant(result.interval?.high ?? 0)
        let ratio = NumberText.significant(result.ratio ?? .infinity)
        return "\(word): shift \(shift) (\(low) to \(high)), ratio of means \(ratio),"
            + " \(result.canaryCount) and \(result.baselineCount) values"
    }
}
