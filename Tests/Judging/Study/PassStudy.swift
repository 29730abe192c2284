import Domain
import Judging

/// Good canaries pass, and those at the edge of what is tolerated do not.
struct PassStudy {
    static let missed = 0.05
    let crew: Crew
    private(set) var isSound = true

    init(_ crew: Crew) { self.crew = crew }

    private struct Found: Sendable {
        var trial: Trial
        var isFixedPass: Bool
    }

    mutating func run(_ print: (String) -> Void) async {
        var table = Table(
            "Rollouts that passed: equal releases, and canaries worse by just what is no longer tolerated"
                + " (canary at 25 %; 5 % missed asked for)",
            [
                "budget", "errors", "tolerated", "good: passed", "good: fixed-sample test", "requests (median)",
                "at the edge: passed", "within",
            ])
        for (budget, rate, margin) in [
            (1000, 0.0001, 0.02), (2000, 0.01, 0.05), (20_000, 0.001, 0.005), (20_000, 0.01, 0.005),
            (20_000, 0.01, 0.01), (100_000, 0.01, 0.005),
            (200_000, 0.01, 0.005), (200_000, 0.05, 0.005), (200_000, 0.05, 0.01),
        ] {
            let good = await trials(budget, rate, 0, margin)
            let edge = await trials(budget, rate, margin, margin)
            var (passed, fixed, missed) = (Rate(), Rate(), Rate())
            for found in good {
                passed.add(found.trial.verdict == .pass)
                fixed.add(found.isFixedPass)
            }
            for found in edge { missed.add(found.trial.verdict == .pass) }
            let isWithin = missed.isWithin(Self.missed)
            isSound = isSound && isWithin
            let requests = good.filter { $0.trial.verdict == .pass }.map(\.trial.requests)
            table.add([
                "\(budget)", Figures.percent(rate), Tolerance(absolute: margin).text, Figures.percent(passed.share),
                Figures.percent(fixed.share), Figures.count(Figures.median(requests, of: good.count)), missed.text,
                isWithin ? "yes" : "NO",
            ])
        }
        print(table.text)
    }

    /// Canaries at the edge where the unit is another: none of them may pass more often than the level says.
    mutating func edges(_ print: (String) -> Void) async {
        var table = Table(
            "Canaries worse by just what is no longer tolerated, by unit (canary at 25 %, 50,000 requests; 5 % missed"
                + " asked for)", ["what", "errors", "worse by", "good: passed", "at the edge: passed", "within"])
        for (kind, rate) in [
            (Scenario.Kind.bursts, 0.01), (.sticky, 0.001), (.sticky, 0.01), (.badStable, 0.002), (.badStable, 0.01),
            (.latency, 0.001),
        ] {
            let isLatency = kind == .latency
            var spec = AlarmStudy.spec(kind)
            spec.errors = isLatency ? nil : Tolerance(absolute: 0.01)
            if isLatency { spec.latencies = [LatencyTolerance(percentile: 95_000, tolerance: 0.2)] }
            var scenario = Scenario(kind: kind, perLook: 500, looks: 100, weights: [0.25], rate: rate)
            let good = await passes(scenario, spec)
            if isLatency { scenario.slower = 1.2 } else { scenario.excess = 0.01 }
            let edge = await passes(scenario, spec)
            isSound = isSound && edge.isWithin(Self.missed)
            table.add([
                kind.rawValue, Figures.percent(rate), isLatency ? "20%" : "1pp", Figures.percent(good.share), edge.text,
                edge.isWithin(Self.missed) ? "yes" : "NO",
            ])
        }
        print(table.text)
    }

    private func passes(_ scenario: Scenario, _ spec: SequentialSpec) async -> Rate {
        var rate = Rate()
        for trial in await crew.run({ Trial.run(scenario, spec, seed: $0, stream: 8) }) {
            rate.add(trial.verdict == .pass)
        }
        return rate
    }

    private func trials(_ budget: Int, _ rate: Double, _ excess: Double, _ margin: Double) async -> [Found] {
        let scenario = Scenario(
            kind: .independent, perLook: budget / 100, looks: 100, weights: [0.25], rate: rate, excess: excess)
        let spec = SequentialSpec(errors: Tolerance(absolute: margin), missed: Self.missed)
        return await crew.run { seed in
            var world = TrafficWorld(scenario, seed: seed, stream: 5)
            while !world.isOver { world.advance() }
            return Found(
                trial: Trial.run(scenario, spec, seed: seed, stream: 5),
                isFixedPass: FixedTest.passes(world.samples, margin: margin, level: Self.missed))
        }
    }
}
