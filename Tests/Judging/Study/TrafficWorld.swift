import Judging

/// Draws traffic request by request and counts it as the proxy does.
struct TrafficWorld {
    let scenario: Scenario
    let latency: LatencyTolerance?
    private(set) var look = 0
    /// Everything since the mark: for requests by weight, for cohorts by window.
    private(set) var samples: [TrafficSample] = []
    private(set) var counts = LookCounts()

    private var random: SeededGenerator
    private var burst = 1.0
    private var drawn = 0
    private var crowd: Crowd
    private var clock: LatencyClock

    private static let canaries = ["canary-1", "canary-2"]
    private static let stables = ["stable-1", "stable-2", "stable-3", "stable-4"]

    /// - Parameter latency: compare latency too.
    init(_ scenario: Scenario, latency: LatencyTolerance? = nil, seed: UInt64, stream: UInt64 = 0) {
        self.scenario = scenario
        self.latency = latency
        random = SeededGenerator(seed: seed, stream: stream)
        crowd = Crowd(isNeeded: scenario.kind == .sticky, random: &random)
        clock = LatencyClock()
    }

    var isOver: Bool { look >= scenario.looks }

    /// Draws the requests of one look.
    mutating func advance() {
        let weight = scenario.weight(atLook: look)
        var draw = Draw(isTimed: latency != nil)
        crowd.beginWindow(weight)
        for _ in 0..<scenario.perLook {
            switch scenario.kind {
            case .independent, .bursts: plain(weight, &draw)
            case .sticky: crowd.request(weight, scenario, &draw, &random)
            case .badStable, .badCanary: instance(weight, &draw)
            case .latency: timed(weight, &draw)
            }
        }
        counts = draw.counts
        counts.canaryP95 = draw.canaryLatency.percentile(0.95)
        counts.stableP95 = draw.stableLatency.percentile(0.95)
        note(weight, draw)
        look += 1
    }

    private mutating func plain(_ weight: Double, _ draw: inout Draw) {
        if scenario.kind == .bursts, drawn % 250 == 0 {
            // One stretch in twenty; the others keep the mean.
            burst = random.isHit(0.05) ? 10 : 0.5 / 0.95
        }
        drawn += 1
        let isCanary = random.isHit(weight)
        // What the canary makes on top does not come in bursts: a pass may well come before the first one does.
        let rate = isCanary ? scenario.rate * scenario.factor * burst + scenario.excess : scenario.rate * burst
        draw.counts.add(isCanary, isError: random.isHit(rate))
    }

    private mutating func instance(_ weight: Double, _ draw: inout Draw) {
        let isCanary = random.isHit(weight)
        let index = random.below(isCanary ? 2 : 4)
        let isBad = index == 0 && (scenario.kind == .badCanary) == isCanary
        let rate = min(0.5, (isCanary ? scenario.canaryRate : scenario.rate) * (isBad ? 10 : 1))
        let isError = random.isHit(rate)
        draw.counts.add(isCanary, isError: isError)
        if isCanary { draw.canaries[index].add(isError) } else { draw.stables[index].add(isError) }
    }

    private mutating func timed(_ weight: Double, _ draw: inout Draw) {
        let isCanary = random.isHit(weight)
        draw.counts.add(isCanary, isError: random.isHit(isCanary ? scenario.canaryRate : scenario.rate))
        let value = clock.next(&random) * (isCanary ? scenario.slower : 1)
        if isCanary { draw.canaryLatency.add(value) } else { draw.stableLatency.add(value) }
    }

    private mutating func note(_ weight: Double, _ draw: Draw) {
        var canary = ReleaseSample(requests: draw.counts.canaryRequests, errors: EventCount(draw.counts.canaryErrors))
        var stable = ReleaseSample(requests: draw.counts.stableRequests, errors: EventCount(draw.counts.stableErrors))
        switch scenario.kind {
        case .independent, .bursts: break
        case .sticky:
            let found = crowd.endWindow()
            canary.errors.cohorts = found.canary
            stable.errors.cohorts = found.stable
        case .badStable, .badCanary:
            canary.instances = zip(Self.canaries, draw.canaries).map { $1.sample($0) }
            stable.instances = zip(Self.stables, draw.stables).map { $1.sample($0) }
        case .latency:
            guard let latency else { break }
            let limits = LatencyLimits(latency, before: clock.before.counts)
            clock.before.add(draw.stableLatency)
            canary.slow = [limits?.canary(draw.canaryLatency.counts) ?? EventCount(0)]
            stable.slow = [limits?.stable(draw.stableLatency.counts) ?? EventCount(0)]
        }
        samples.append(TrafficSample(weight: weight, canary: canary, stable: stable))
        if scenario.kind != .sticky { samples = samples.addedUp }
    }
}

/// What one look counts.
struct Draw {
    var counts = LookCounts()
    var canaries = [InstanceTally](repeating: InstanceTally(), count: 2)
    var stables = [InstanceTally](repeating: InstanceTally(), count: 4)
    var canaryLatency: Histogram
    var stableLatency: Histogram

    init(isTimed: Bool) {
        canaryLatency = Histogram(isUsed: isTimed)
        stableLatency = Histogram(isUsed: isTimed)
    }
}

/// The counts of one instance.
struct InstanceTally {
    var requests = 0
    var errors = 0

    @inline(__always)
    mutating func add(_ isError: Bool) {
        requests += 1
        if isError { errors += 1 }
    }

    func sample(_ name: String) -> InstanceSample {
        InstanceSample(name: name, requests: requests, errors: EventCount(errors))
    }
}

extension LookCounts {
    @inline(__always)
    mutating func add(_ isCanary: Bool, isError: Bool) {
        if isCanary {
            canaryRequests += 1
            if isError { canaryErrors += 1 }
        } else {
            stableRequests += 1
            if isError { stableErrors += 1 }
        }
    }
}
