import Domain
import Judging

/// Healthy rollouts: how often is one failed, whatever makes it look ill?
struct AlarmStudy {
    static let level = 0.01
    let crew: Crew
    private(set) var isSound = true

    init(_ crew: Crew) { self.crew = crew }

    /// Low and high traffic: requests of a look, sixty looks.
    static let traffic = [("low", 333), ("high", 3333)]
    static let rates = [0.001, 0.01, 0.05]

    static func spec(_ kind: Scenario.Kind) -> SequentialSpec {
        // Nothing is tolerated: the null's edge, where alarms are most frequent.
        switch kind {
        case .sticky: SequentialSpec(errors: Tolerance.none, unit: .cohort, falseAlarms: level)
        case .latency:
            SequentialSpec(
                errors: Tolerance.none, latencies: [LatencyTolerance(percentile: 95_000, tolerance: 0)],
                falseAlarms: level)
        case .independent, .bursts, .badStable, .badCanary:
            SequentialSpec(errors: Tolerance.none, falseAlarms: level)
        }
    }

    /// The same in the words of a manifest, with a budget that ends with the rollout: its last look counts too.
    private static func gate(_ kind: Scenario.Kind, _ scenario: Scenario) -> AnalysisSpec {
        let canary = (0..<scenario.looks).reduce(0) { $0 + Double(scenario.perLook) * scenario.weight(atLook: $1) }
        return AnalysisSpec(
            errors: .absolute(0), latencies: kind == .latency ? [LatencyAllowance(percentile: 95_000, more: 0)] : [],
            falseAlarms: Int(level * 1_000_000), requests: Int(canary * 0.98))
    }

    mutating func run(_ print: (String) -> Void) async {
        var table = Table(
            "Healthy rollouts that were failed (60 looks, canary at 5, 25, 50 %; 1 % asked for; 99 % interval)",
            ["traffic", "errors", "what", "sequential", "within", "threshold", "Kayenta-style"])
        for (name, perLook) in Self.traffic {
            for rate in Self.rates {
                for kind in Scenario.Kind.allCases {
                    let scenario = Scenario(
                        kind: kind, perLook: perLook, looks: 60, weights: [0.05, 0.25, 0.5], rate: rate)
                    let spec = Self.gate(kind, scenario)
                    let trials = await crew.run {
                        await CountedRollout.run(scenario, spec, seed: $0, stream: 1, rivals: true)
                    }
                    var (own, threshold, series) = (Rate(), Rate(), Rate())
                    for trial in trials {
                        own.add(trial.verdict == .fail)
                        threshold.add(trial.thresholdAt != nil)
                        series.add(trial.seriesAt != nil)
                    }
                    let isWithin = own.isWithin(Self.level)
                    isSound = isSound && isWithin
                    table.add([
                        name, Figures.percent(rate), kind.rawValue, own.text, isWithin ? "yes" : "NO",
                        Figures.percent(threshold.share), Figures.percent(series.share),
                    ])
                }
            }
        }
        print(table.text)
    }
}
