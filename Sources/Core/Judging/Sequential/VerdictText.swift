import Domain

/// A verdict in words: values, interval, effect, units, reason.
struct VerdictText: Sendable {
    let spec: SequentialSpec
    let samples: [TrafficSample]
    let comparisons: [Comparison]
    let split: SplitCheck.Answer
    /// Canary instances that are not judged any more.
    let replaced: [String]

    func evidence(_ verdict: Verdict, _ reason: SequentialVerdict.Reason) -> Evidence {
        Evidence(summary(verdict, reason), findings: comparisons.map(finding) + instances + [unit])
    }

    private func summary(_ verdict: Verdict, _ reason: SequentialVerdict.Reason) -> String {
        // What decided comes first; else the one that is furthest from its answer.
        let main = comparisons.first { $0.verdict == .fail } ?? comparisons.first { $0.verdict != .pass }
        let seen = (main ?? comparisons.first).map(sides) ?? ""
        switch reason {
        case .worse: return "the canary is worse than tolerated: \(seen)"
        case .worseOrInstance:
            return "the canary is worse than tolerated: \(seen); with one canary instance, whether it is the release or"
                + " the instance cannot be told"
        case .noWorse:
            let how = comparisons.contains(where: \.isPassedAtLast) ? ", by the test of the last look" : ""
            let without = replaced.isEmpty ? "" : ", without \(replaced.joined(separator: ", "))"
            return "no worse than tolerated\(how)\(without): " + comparisons.map(sides).joined(separator: "; ")
        case .oneInstance(let name):
            return "one instance differs: \(name) has more than its siblings, and without it the canary is not shown to"
                + " be worse; replace it and go on looking (\(seen))"
        case .perhapsOneInstance(let name):
            return "worse than tolerated as a whole, but not yet shown without the instance \(name): \(seen)"
        case .tooFew: return "too few \(plural) so far: \(seen)\(outlook)"
        case .notShown: return "the budget is spent: neither shown to be worse nor to be as good: \(seen)\(outlook)"
        case .misrouted: return "traffic was not split as told: \(splitText)"
        case .invalid: return "cannot be judged"
        }
    }

    /// `error rate 5.1% (21 of 412) on the canary, 1% (37 of 3708) on stable`.
    private func sides(_ comparison: Comparison) -> String {
        "\(what(comparison)) \(rates(comparison))"
    }

    /// Where users stay on their side, people know requests, and the judge counts cohorts: both are said.
    private func rates(_ comparison: Comparison) -> String {
        guard spec.unit == .cohort else {
            return "\(rate(comparison.canaryEvents, comparison.canaryUnits)) on the canary,"
                + " \(rate(comparison.stableEvents, comparison.stableUnits)) on stable"
        }
        let cohorts =
            "\(comparison.canaryEvents) of the canary's \(comparison.canaryUnits) cohorts,"
            + " \(comparison.stableEvents) of stable's \(comparison.stableUnits)"
        guard !isLatency(comparison) else { return "in \(cohorts)" }
        let (canary, stable) = (failed(\.canary), failed(\.stable))
        return "\(rate(canary.errors, canary.requests)) on the canary,"
            + " \(rate(stable.errors, stable.requests)) on stable; in \(cohorts)"
    }

    private func failed(_ side: KeyPath<TrafficSample, ReleaseSample>) -> (errors: Int, requests: Int) {
        samples.reduce(into: (0, 0)) { sums, sample in
            sums.0 += sample[keyPath: side].errors.surely
            sums.1 += sample[keyPath: side].requests
        }
    }

    private func what(_ comparison: Comparison) -> String {
        isLatency(comparison) ? "requests slower than stable's \(comparison.name) allows" : comparison.name
    }

    private func isLatency(_ comparison: Comparison) -> Bool {
        spec.latencies.contains { $0.name == comparison.name }
    }

    private func rate(_ events: Int, _ units: Int) -> String {
        guard units > 0 else { return "of no requests" }
        return "\(NumberText.percent(Double(events) / Double(units))) (\(events) of \(units))"
    }

    private var plural: String { spec.unit == .request ? "requests" : "cohorts" }

    private var outlook: String {
        guard let needed = comparisons.compactMap(\.needed).max(by: { $0.count < $1.count }) else { return "" }
        let units = spec.unit == .request ? "requests" : "cohorts on the canary"
        let count = NumberText.roughly(needed.count)
        return "; about \(count) more \(units) are likely to be needed for a \(needed.verdict.word)"
    }

    private func finding(_ comparison: Comparison) -> Finding {
        var parts = [isLatency(comparison) ? sides(comparison) : rates(comparison)]
        let percent = NumberText.percent(spec.confidence)
        if let difference = comparison.difference {
            let interval = comparison.differenceInterval.map { interval in
                let ends = "\(NumberText.points(interval.low)) to \(NumberText.points(interval.high))"
                return " (\(percent) over all looks: \(ends))"
            }
            let unit = spec.unit == .cohort ? " of the cohorts" : ""
            parts.append("difference \(NumberText.points(difference))\(unit)" + (interval ?? ""))
        }
        if let interval = comparison.ratioInterval, comparison.ratio != nil || comparison.canaryEvents > 0 {
            let high = NumberText.significant(interval.high ?? .infinity)
            let ends = "\(percent) over all looks: \(NumberText.significant(interval.low)) to \(high)"
            // Without an event on stable the ratio is beyond all bounds, but its lower end is known.
            let ratio = NumberText.significant(comparison.ratio ?? .infinity)
            parts.append("ratio \(ratio) (\(ends))")
        }
        parts.append("evidence of worse \(evidence(comparison.against, of: comparison.againstNeeded))")
        parts.append("of no worse \(evidence(comparison.favour, of: comparison.favourNeeded))")
        return Finding(
            asked: comparison.name, got: parts.joined(separator: ", "), wanted: wanted(comparison),
            verdict: comparison.verdict, figures: figures(comparison))
    }

    private func figures(_ comparison: Comparison) -> ComparedFigures {
        func millionths(_ value: Double?) -> Int? {
            guard let value, value.isFinite, abs(value) < 1e12 else { return nil }
            return Int((value * 1_000_000).rounded())
        }
        var figures = ComparedFigures(
            unit: spec.unit.rawValue, canaryEvents: comparison.canaryEvents, canaryUnits: comparison.canaryUnits,
            stableEvents: comparison.stableEvents, stableUnits: comparison.stableUnits,
            confidence: millionths(spec.confidence) ?? 0, worse: millionths(comparison.against) ?? 0,
            worseNeeded: millionths(comparison.againstNeeded) ?? 0, noWorse: millionths(comparison.favour) ?? 0,
            noWorseNeeded: millionths(comparison.favourNeeded) ?? 0)
        figures.difference = millionths(comparison.difference)
        figures.differenceLow = millionths(comparison.differenceInterval?.low)
        figures.differenceHigh = millionths(comparison.differenceInterval?.high)
        figures.ratio = millionths(comparison.ratio)
        figures.ratioLow = millionths(comparison.ratioInterval?.low)
        figures.ratioHigh = millionths(comparison.ratioInterval?.high)
        return figures
    }

    /// `10^1.2 (10^2 needed)`.
    private func evidence(_ reached: Double, of needed: Double) -> String {
        "10^\(NumberText.significant(reached, digits: 2)) (10^\(NumberText.significant(needed, digits: 2)) needed)"
    }

    private func wanted(_ comparison: Comparison) -> String {
        if let latency = spec.latencies.first(where: { $0.name == comparison.name }) {
            return "at most +\(NumberText.significant(latency.tolerance * 100))% of stable's"
        }
        let tolerance = spec.errors ?? .none
        return tolerance.isNone ? "no more than stable's" : "at most \(tolerance.text) over stable's"
    }

    private var instances: [Finding] {
        comparisons.flatMap { comparison in
            comparison.instances.map { note in
                let got: String
                switch note {
                case .canaryDiffers(let name): got = "the canary's \(name) differs from its siblings"
                case .stableDiffers(let name): got = "stable's \(name) differs from its siblings"
                case .restsOn(let name): got = "without \(name) the canary would not fail"
                case .single: got = "one canary instance: release and instance cannot be told apart"
                }
                return Finding(asked: "\(comparison.name) by instance", got: got, verdict: .inconclusive)
            }
        }
    }

    /// What was randomised, the null, and the levels.
    private var unit: Finding {
        let weights = samples.reduce(into: [Double]()) { found, sample in
            if !found.contains(sample.weight) { found.append(sample.weight) }
        }
        let shares = weights.map(NumberText.percent).joined(separator: ", ")
        let drawn: String
        switch spec.unit {
        case .request: drawn = "requests, each sent to the canary with a probability of \(shares)"
        case .cohort: drawn = "cohorts of users, assigned at random; the first event of each counts; weight \(shares)"
        }
        let levels =
            "false alarms at most \(NumberText.percent(spec.falseAlarms)), missed at most"
            + " \(NumberText.percent(spec.missed)), over all looks"
        return Finding(
            asked: "unit", got: split == .asTold ? drawn : "\(drawn); \(splitText)", wanted: levels,
            verdict: split == .asTold ? .pass : .error)
    }

    private var splitText: String {
        switch split {
        case .asTold: return "as told"
        case .tooFew(let seen, let told): return shares(seen, told) + ": they hang there, or were routed elsewhere"
        case .tooMany(let seen, let told): return shares(seen, told)
        }
    }

    private func shares(_ seen: Double, _ told: Double) -> String {
        "\(NumberText.percent(seen)) of the requests ended on the canary, its weight was \(NumberText.percent(told))"
    }
}
