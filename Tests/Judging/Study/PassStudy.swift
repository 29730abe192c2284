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
            (20_000, 0.001, 0.005), (20_000, 0.01, 0.005), (20_000, 0.01, 0.01), (100_000, 0.01, 0.005),
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
