import Domain
import Judging
import Proxy

/// What a look costs, and what a request costs the proxy's own counters.
struct CostStudy {
    /// Goals, in microseconds and nanoseconds.
    static let lookGoal = 50.0
    static let requestGoal = 200.0

    /// Nothing was above its goal.
    private(set) var isCheap = true

    mutating func run(_ print: (String) -> Void) {
        requests(print)
        var table = Table("Cost of a look (goal: below 50 µs)", ["what it sees", "µs, median", "95 % interval"])
        for (name, kind, weights, spec) in Self.cases {
            let scenario = Scenario(kind: kind, perLook: 1000, looks: 60, weights: weights, rate: 0.01)
            var world = TrafficWorld(scenario, latency: spec.latencies.first, seed: 1)
            while !world.isOver { world.advance() }
            let samples = kind == .sticky ? world.samples : world.samples.addedUp
            let spans = Self.spans(400, of: 10) { SequentialJudge(spec).look(samples).verdict == .pass ? 1 : 0 }
            add(name, spans.map { $0 / 1000 }, goal: Self.lookGoal, &table)
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

    /// The counters are those of the proxy, the requests drawn beforehand.
    private mutating func requests(_ print: (String) -> Void) {
        var table = Table(
            "Cost of a request folded in (goal: below 200 ns)", ["what is counted", "ns, median", "95 % interval"])
        for (name, isSticky, instances) in [
            ("drawn for each request, two instances", false, 2), ("cohorts, two instances", true, 2),
            ("cohorts, twenty instances", true, 20),
        ] {
            let count = 100_000
            let rehearsal = CountingRehearsal(isSticky: isSticky, instances: instances, requests: count)
            let spans = Self.spans(60, of: 1) { rehearsal.run() }
            add(name, spans.map { $0 / Double(count) }, goal: Self.requestGoal, &table)
        }
        print(table.text)
    }

    /// The interval is that of the median: order statistics, by the normal approximation of the binomial.
    private mutating func add(_ name: String, _ spans: [Double], goal: Double, _ table: inout Table) {
        let sorted = spans.sorted()
        let half = Int((0.98 * Double(sorted.count).squareRoot()).rounded(.up))
        let middle = sorted.count / 2
        let median = sorted[middle]
        let low = sorted[max(0, middle - half)]
        let high = sorted[min(sorted.count - 1, middle + half)]
        if median >= goal { isCheap = false }
        table.add([name, Figures.number(median), "\(Figures.number(low)) to \(Figures.number(high))"])
    }

    /// Nanoseconds of so many measurements, each the mean over some repetitions.
    private static func spans(_ measurements: Int, of repetitions: Int, _ body: () -> UInt64) -> [Double] {
        let clock = ContinuousClock()
        var spans: [Double] = []
        var sum: UInt64 = 0
        for _ in 0..<measurements {
            let start = clock.now
            for _ in 0..<repetitions { sum &+= body() }
            let span = (clock.now - start).components
            spans.append((Double(span.attoseconds) / 1e9 + Double(span.seconds) * 1e9) / Double(repetitions))
        }
        // What was computed is used, or the compiler could leave it out.
        precondition(sum < .max, "counts only grow")
        return spans
    }
}
