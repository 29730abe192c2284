/// Draws the requests of a rollout, one after the other.
struct TrafficSource {
    let scenario: Scenario
    private var random: SeededGenerator
    private var burst = 1.0
    private var drawn = 0
    private let crowd: Crowd
    private var clock = LatencyClock()

    init(_ scenario: Scenario, seed: UInt64, stream: UInt64 = 0) {
        self.scenario = scenario
        random = SeededGenerator(seed: seed, stream: stream)
        crowd = Crowd(isNeeded: scenario.kind == .sticky, random: &random)
    }

    /// - Parameter weight: the canary's share, 0...1.
    @inline(__always)
    mutating func next(_ weight: Double) -> DrawnRequest {
        switch scenario.kind {
        case .independent, .bursts: plain(weight)
        case .sticky: crowd.request(weight, scenario, &random)
        case .badStable, .badCanary: ofInstance(weight)
        case .latency: timed(weight)
        }
    }

    private mutating func plain(_ weight: Double) -> DrawnRequest {
        if scenario.kind == .bursts, drawn % 250 == 0 {
            // One stretch in twenty; the others keep the mean.
            burst = random.isHit(0.05) ? 10 : 0.5 / 0.95
        }
        drawn += 1
        let isCanary = random.isHit(weight)
        // What the canary makes on top does not come in bursts: a pass may well come before the first one does.
        let rate = isCanary ? scenario.rate * scenario.factor * burst + scenario.excess : scenario.rate * burst
        return DrawnRequest(isCanary: isCanary, isError: random.isHit(rate))
    }

    private mutating func ofInstance(_ weight: Double) -> DrawnRequest {
        let isCanary = random.isHit(weight)
        let index = random.below(isCanary ? 2 : 4)
        let isBad = index == 0 && (scenario.kind == .badCanary) == isCanary
        let rate = min(0.5, (isCanary ? scenario.canaryRate : scenario.rate) * (isBad ? 10 : 1))
        return DrawnRequest(isCanary: isCanary, isError: random.isHit(rate), instance: index)
    }

    private mutating func timed(_ weight: Double) -> DrawnRequest {
        let isCanary = random.isHit(weight)
        let isError = random.isHit(isCanary ? scenario.canaryRate : scenario.rate)
        let time = clock.next(&random) * (isCanary ? scenario.slower : 1)
        return DrawnRequest(isCanary: isCanary, isError: isError, microseconds: time)
    }
}

/// One request, as it ended.
struct DrawnRequest {
    var isCanary: Bool
    var isError: Bool
    /// Of its release, counted from 0; nil: any, in turn.
    var instance: Int?
    /// Of the visitor; -1: routing does not stick.
    var cohort = -1
    var microseconds = 20_000.0
}

/// Latencies of a service under a load that comes and goes.
struct LatencyClock {
    private var load = 0.0
    private var level = 1.0
    private var drawn = 0

    /// Microseconds: 20 ms, a Pareto tail with index 2, and a load that doubles and halves them over some hundred
    /// requests.
    @inline(__always)
    mutating func next(_ random: inout SeededGenerator) -> Double {
        if drawn & 15 == 0 {
            load = 0.95 * load + 0.4 * (random.unit() - 0.5)
            // A cheap exponential: the shape does not matter.
            level = load > 0 ? 1 + load : 1 / (1 - load)
        }
        drawn += 1
        return 20_000 * level / (1 - random.unit()).squareRoot()
    }
}
