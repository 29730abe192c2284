import Domain
import Glibc
import Judging

/// Bad canaries: how many are caught, and after how many of their requests?
struct PowerStudy {
    let crew: Crew

    init(_ crew: Crew) { self.crew = crew }

    private struct Found: Sendable {
        var trial: Trial
        var wald: Int?
    }

    func errors(_ print: (String) -> Void) async {
        var table = Table(
            "Bad canaries by errors: caught within the budget, and the median of the canary's requests",
            [
                "budget", "weight", "errors", "times", "tolerated", "caught", "canary requests", "Wald's, rates known",
                "caught by it", "ratio", "least possible",
            ])
        for (budget, rate, weight) in cells {
            for factor in [2.0, 5, 10] {
                for tolerance in [Tolerance.none, Tolerance(relative: 0.2)] {
                    let scenario = Scenario(
                        kind: .independent, perLook: budget / 400, looks: 400, weights: [weight], rate: rate,
                        factor: factor)
                    let spec = SequentialSpec(errors: tolerance)
                    let found = await crew.run { seed in
                        Found(
                            trial: Trial.run(scenario, spec, seed: seed, stream: 2),
                            wald: Self.wald(scenario, tolerance, seed))
                    }
                    table.add(
                        ["\(budget)", Figures.percent(weight), Figures.percent(rate), "\(Int(factor))", tolerance.text]
                            + Self.cells(found) + [Figures.number(Self.leastRatio(scenario, tolerance))])
                }
            }
        }
        print(table.text)
    }

    private var cells: [(budget: Int, rate: Double, weight: Double)] {
        [
            (20_000, 0.01, 0.05), (20_000, 0.01, 0.1), (20_000, 0.01, 0.25), (20_000, 0.01, 0.5),
            (200_000, 0.001, 0.1), (20_000, 0.05, 0.1), (20_000, 0.001, 0.1),
        ]
    }

    func latencies(_ print: (String) -> Void) async {
        var table = Table(
            "Slow canaries: p95 with 10 % tolerated, canary at 20 %",
            ["budget", "slower by", "failed", "passed", "canary requests (median)"])
        for budget in [20_000, 100_000] {
            for slower in [1.0, 1.2, 1.5, 2] {
                let scenario = Scenario(
                    kind: .latency, perLook: budget / 100, looks: 100, weights: [0.2], rate: 0.001, slower: slower)
                let spec = SequentialSpec(
                    errors: nil, latencies: [LatencyTolerance(percentile: 95_000, tolerance: 0.1)])
                let trials = await crew.run { Trial.run(scenario, spec, seed: $0, stream: 3) }
                table.add(["\(budget)", Figures.percent(slower - 1)] + Self.decided(trials))
            }
        }
        print(table.text)
    }

    /// The same where the unit is another, or instances are told apart: 5 × the errors.
    func units(_ print: (String) -> Void) async {
        var table = Table(
            "Bad canaries by unit: 5 × the errors, nothing tolerated, 200,000 requests, canary at 10 %",
            ["errors", "what", "failed", "passed", "canary requests (median)"])
        for rate in [0.001, 0.01] {
            for kind in [Scenario.Kind.independent, .bursts, .sticky, .badStable, .badCanary] {
                let scenario = Scenario(
                    kind: kind, perLook: 500, looks: 400, weights: [0.1], rate: rate, factor: 5)
                let spec = AlarmStudy.spec(kind)
                let trials = await crew.run { Trial.run(scenario, spec, seed: $0, stream: 7) }
                table.add([Figures.percent(rate), kind.rawValue] + Self.decided(trials))
            }
        }
        print(table.text)
    }

    private static func decided(_ trials: [Trial]) -> [String] {
        let failed = trials.filter { $0.verdict == .fail }
        let passed = trials.filter { $0.verdict == .pass }
        let decided = failed.count > passed.count ? failed : passed
        return [
            Figures.percent(Double(failed.count) / Double(trials.count)),
            Figures.percent(Double(passed.count) / Double(trials.count)),
            Figures.count(Figures.median(decided.map(\.canaryRequests), of: trials.count)),
        ]
    }

    /// The canary's requests that Wald's test needs, on a stream of its own.
    private static func wald(_ scenario: Scenario, _ tolerance: Tolerance, _ seed: UInt64) -> Int? {
        let usual = scenario.rate * (1 + tolerance.relative) + tolerance.absolute
        var test = WaldTest(usual: usual, bad: scenario.canaryRate, falseAlarms: 0.01, missed: 0.01)
        var random = SeededGenerator(seed: seed, stream: 4)
        let weight = scenario.weights[0]
        for _ in 0..<Int(Double(scenario.perLook * scenario.looks) * weight) where test.requests == nil {
            test.add(isError: random.isHit(scenario.canaryRate))
        }
        return test.requests
    }

    /// How many times the requests of Wald's test any test needs that has to learn stable's rate from the same traffic:
    /// the ratio of what a request of the canary tells on average (Kullback and Leibler's divergence).
    private static func leastRatio(_ scenario: Scenario, _ tolerance: Tolerance) -> Double {
        func divergence(_ a: Double, _ b: Double) -> Double { a * log(a / b) + (1 - a) * log((1 - a) / (1 - b)) }
        let (bad, weight) = (scenario.canaryRate, scenario.weights[0])
        let told = divergence(bad, scenario.rate * (1 + tolerance.relative))
        // Errors on either side for each request of the canary, and the part that falls on it.
        let errors = bad + scenario.rate * (1 - weight) / weight
        let null = (1 + tolerance.relative) * weight / ((1 + tolerance.relative) * weight + 1 - weight)
        return told / (errors * divergence(bad / errors, null))
    }

    private static func cells(_ found: [Found]) -> [String] {
        let caught = found.filter { $0.trial.verdict == .fail }
        let own = Figures.median(caught.map(\.trial.canaryRequests), of: found.count)
        let told = found.compactMap(\.wald)
        let wald = Figures.median(told, of: found.count)
        let ratio = own.flatMap { own in wald.map { Double(own) / Double($0) } }
        return [
            Figures.percent(Double(caught.count) / Double(found.count)), Figures.count(own), Figures.count(wald),
            Figures.percent(Double(told.count) / Double(found.count)), ratio.map(Figures.number) ?? "–",
        ]
    }
}
