import Domain
import Judging

/// What a look costs.
struct CostStudy {
    func run(_ print: (String) -> Void) {
        var table = Table("Cost of a look", ["what it sees", "microseconds"])
        for (name, kind, weights, spec) in Self.cases {
            let scenario = Scenario(kind: kind, perLook: 1000, looks: 60, weights: weights, rate: 0.01)
            var world = TrafficWorld(scenario, latency: spec.latencies.first, seed: 1)
            while !world.isOver { world.advance() }
            let samples = kind == .sticky ? world.samples : world.samples.addedUp
            table.add([name, Figures.number(Self.microseconds { SequentialJudge(spec).look(samples).verdict })])
        }
        print(table.text)
    }

    private static let cases: [(String, Scenario.Kind, [Double], SequentialSpec)] = [
        ("errors, one weight", .independent, [0.1], SequentialSpec(errors: Tolerance(absolute: 0.005))),
        ("errors, three weights", .independent, [0.05, 0.25, 0.5], SequentialSpec(errors: Tolerance(absolute: 0.005))),
        (
            "errors, three weights, six instances", .badStable, [0.05, 0.25, 0.5],
            SequentialSpec(errors: Tolerance.none)
        ),
        (
            "errors and p95, one weight", .latency, [0.2],
            SequentialSpec(
                errors: Tolerance(absolute: 0.005), latencies: [LatencyTolerance(percentile: 95_000, tolerance: 0.2)])
        ),
        ("sixty windows of cohorts", .sticky, [0.1], SequentialSpec(errors: Tolerance.none, unit: .cohort)),
    ]

    /// The median of runs.
    private static func microseconds(_ body: () -> Verdict) -> Double {
        let clock = ContinuousClock()
        var spans: [Double] = []
        var passes = 0
        for _ in 0..<400 {
            let start = clock.now
            for _ in 0..<10 where body() == .pass { passes += 1 }
            let span = (clock.now - start).components
            spans.append(Double(span.attoseconds) / 1e12 / 10 + Double(span.seconds) * 1e5)
        }
        // What was computed is used, or the compiler could leave it out.
        precondition(passes >= 0, "counts only grow")
        return spans.sorted()[spans.count / 2]
    }
}
