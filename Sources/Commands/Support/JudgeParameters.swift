package import ArgumentParser
import Domain
import Manifests

/// What a replay asks instead of what was asked then.
package struct JudgeParameters: ParsableArguments {
    @Option(help: ArgumentHelp("As the manifest has this gate.", valueName: "name"))
    package var gate: String?

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("A gate in the manifest's words: '{ analysis: { errors: +1pp } }'.", valueName: "gate"))
    package var text: String?

    @Option(help: "How many more requests may fail than on stable: +0.5pp, +20%.")
    package var errors: String?

    @Option(help: "How much slower than stable's the median may be: +20%.")
    package var p50: String?

    @Option(help: "The same of the 90th percentile.")
    package var p90: String?

    @Option(help: "The same of the 95th percentile.")
    package var p95: String?

    @Option(help: "The same of the 99th percentile.")
    package var p99: String?

    @Option(help: "How probable a false alarm may be: 1%.")
    package var falseAlarms: String?

    @Option(help: "How probable it may be to miss a bad release: 5%.")
    package var missed: String?

    @Option(help: "How long it may look without an answer: 10m.")
    package var within: String?

    @Option(help: "How many requests of the canary may be spent.")
    package var requests: Int?

    @Option(help: "How long nothing is judged after each change of the weights: 30s.")
    package var warmUp: String?

    @Option(help: "From one look to the next: 2s.")
    package var interval: String?

    package init() {}

    /// Nothing is changed.
    var isEmpty: Bool { gate == nil && text == nil && analysis.isEmpty && interval == nil }

    /// What is said of an analysis, key by key.
    private var analysis: [(key: String, value: String)] {
        let given: [(String, String?)] = [
            ("errors", errors.map(quoted)), ("p50", p50.map(quoted)), ("p90", p90.map(quoted)),
            ("p95", p95.map(quoted)), ("p99", p99.map(quoted)), ("falseAlarms", falseAlarms.map(quoted)),
            ("missed", missed.map(quoted)), ("within", within.map(quoted)), ("requests", requests.map { "\($0)" }),
            ("warmUp", warmUp.map(quoted)),
        ]
        return given.compactMap { key, value in value.map { (key, $0) } }
    }

    private func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    /// Whether the options can be about a gate: those of an analysis are not about a gate on metrics.
    /// - Parameter then: what was asked when the traffic was recorded; nil: nobody knows.
    func suit(_ then: GateSpec?) -> Bool {
        gate != nil || text != nil || analysis.isEmpty || !(then?.question.takesOtherParameters ?? false)
    }

    /// The gate to be asked.
    /// - Parameters:
    ///   - then: what was asked when the traffic was recorded; nil: nobody knows.
    ///   - manifest: reads the gates of the manifest; only asked with `--gate`.
    /// - Throws: a usage error when nothing says what to ask, or it makes no sense.
    func asked(insteadOf then: GateSpec?, manifest: () throws -> [GateSpec]) throws -> GateSpec {
        if gate != nil, text != nil { throw usageError("--gate and --as name two gates", hint: "give one of them") }
        var base = then
        if let name = gate {
            let gates = try manifest()
            guard let found = gates.first(where: { $0.name.text == name }) else {
                throw usageError(
                    "the manifest has no gate `\(name)`",
                    hint: suggestion(for: name, among: gates.map(\.name.text), "gates"))
            }
            base = found
        } else if let text {
            base = try Self.read(
                text, called: then?.name.text ?? "asked", from: "--as",
                sources: then?.question.source.map { [$0] } ?? [])
        }
        if analysis.isEmpty, interval == nil {
            guard let base else {
                throw usageError(
                    "nothing says what to ask: the recording does not know its gate",
                    hint: "--gate NAME takes one of the manifest, --errors +0.5pp asks an analysis")
            }
            return base
        }
        return try changed(base)
    }

    private func changed(_ base: GateSpec?) throws -> GateSpec {
        if let base, base.question.takesOtherParameters {
            guard analysis.isEmpty else {
                let (key, _) = analysis[0]
                throw usageError(
                    "`\(key)` belongs to an analysis, and gate \(base.name) is a \(base.question.word) gate",
                    hint: "--as '{ analysis: { errors: +0.5pp } }' asks an analysis instead")
            }
            var changed = base
            changed.schedule.interval = try Self.read(
                "{ health: true, interval: \(quoted(interval ?? "")) }", called: "asked", from: "--interval"
            ).schedule.interval
            return changed
        }
        let keys = analysis.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
        let rhythm = interval.map { ", interval: \(quoted($0))" } ?? ""
        let given = try Self.read(
            "{ analysis: { \(keys) }\(rhythm) }", called: base?.name.text ?? "asked", from: "the options")
        guard case .analysis(let new) = given.question else { return given }
        guard var changed = base, case .analysis(var spec) = changed.question else {
            try Self.confirm(new)
            return given
        }
        if errors != nil { spec.errors = new.errors }
        for latency in new.latencies {
            spec.latencies.removeAll { $0.percentile == latency.percentile }
            spec.latencies.append(latency)
        }
        spec.latencies.sort { $0.percentile < $1.percentile }
        if falseAlarms != nil { spec.falseAlarms = new.falseAlarms }
        if missed != nil { spec.missed = new.missed }
        if requests != nil { spec.requests = new.requests }
        if warmUp != nil { spec.warmUp = new.warmUp }
        if within != nil { changed.schedule.patience = given.schedule.patience }
        if interval != nil { changed.schedule.interval = given.schedule.interval }
        try Self.confirm(spec)
        changed.question = .analysis(spec)
        return changed
    }

    private static func confirm(_ spec: AnalysisSpec) throws {
        guard spec.errors != nil || !spec.latencies.isEmpty else {
            throw usageError("the analysis compares nothing", hint: "--errors +0.5pp or --p95 +20%")
        }
        for (name, level) in [("--false-alarms", spec.falseAlarms), ("--missed", spec.missed)] {
            guard level > 0, level < 500_000 else { throw usageError("\(name) has to lie between 0% and 50%") }
        }
    }

    private static func read(
        _ text: String, called name: String, from source: String, sources: [MetricSource] = []
    ) throws -> GateSpec {
        let (gate, diagnostics) = GateText.read(text, called: name, from: source, sources: sources)
        if let gate { return gate }
        let first = diagnostics.first { $0.severity == .error }
        throw usageError("\(source): \(first?.message ?? "this is no gate")", hint: first?.hint ?? "")
    }
}

extension GateQuestion {
    /// It can be replayed, and has not the parameters of an analysis.
    fileprivate var takesOtherParameters: Bool {
        switch self {
        case .threshold, .metric, .comparison: true
        case .health, .smoke, .command, .analysis, .approval, .webhook, .load: false
        }
    }
}
