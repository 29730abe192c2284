import Judging

/// Traffic as a judge reads it, look by look: what the proxy would have counted, without the proxy.
struct TrafficWorld {
    let latency: LatencyTolerance?
    private(set) var look = 0
    /// Everything since the mark: for requests by weight, for cohorts by window.
    private(set) var samples: [TrafficSample] = []
    private(set) var counts = LookCounts()

    private var source: TrafficSource
    private var cohorts: CohortWindows
    /// What stable took before the window.
    private var before = Histogram(isUsed: true)

    private static let canaries = ["canary-1", "canary-2"]
    private static let stables = ["stable-1", "stable-2", "stable-3", "stable-4"]

    /// - Parameter latency: compare latency too.
    init(_ scenario: Scenario, latency: LatencyTolerance? = nil, seed: UInt64, stream: UInt64 = 0) {
        self.latency = latency
        source = TrafficSource(scenario, seed: seed, stream: stream)
        cohorts = CohortWindows(isNeeded: scenario.kind == .sticky)
    }

    private var scenario: Scenario { source.scenario }

    var isOver: Bool { look >= scenario.looks }

    /// Draws the requests of one look.
    mutating func advance() {
        let weight = scenario.weight(atLook: look)
        var draw = Draw(isTimed: latency != nil)
        cohorts.begin(weight)
        for _ in 0..<scenario.perLook {
            let request = source.next(weight)
            draw.add(request)
            cohorts.add(request)
        }
        counts = draw.summary
        note(weight, draw)
        look += 1
    }

    private mutating func note(_ weight: Double, _ draw: Draw) {
        var canary = ReleaseSample(requests: draw.counts.canaryRequests, errors: EventCount(draw.counts.canaryErrors))
        var stable = ReleaseSample(requests: draw.counts.stableRequests, errors: EventCount(draw.counts.stableErrors))
        switch scenario.kind {
        case .independent, .bursts: break
        case .sticky:
            let found = cohorts.end()
            canary.errors.cohorts = found.canary
            stable.errors.cohorts = found.stable
        case .badStable, .badCanary:
            canary.instances = zip(Self.canaries, draw.canaries).map { $1.sample($0) }
            stable.instances = zip(Self.stables, draw.stables).map { $1.sample($0) }
        case .latency:
            guard let latency else { break }
            let limits = LatencyLimits(latency, before: before.counts)
            before.add(draw.stableLatency)
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
    var canaries = [InstanceDraw](repeating: InstanceDraw(), count: 2)
    var stables = [InstanceDraw](repeating: InstanceDraw(), count: 4)
    var canaryLatency: Histogram
    var stableLatency: Histogram
    private let isTimed: Bool

    init(isTimed: Bool) {
        canaryLatency = Histogram(isUsed: isTimed)
        stableLatency = Histogram(isUsed: isTimed)
        self.isTimed = isTimed
    }

    @inline(__always)
    mutating func add(_ request: DrawnRequest) {
        counts.add(request.isCanary, isError: request.isError)
        if request.isCanary {
            canaries[request.instance ?? 0].add(request.isError)
            if isTimed { canaryLatency.add(request.microseconds) }
        } else {
            stables[request.instance ?? 0].add(request.isError)
            if isTimed { stableLatency.add(request.microseconds) }
        }
    }

    /// The counts with percentiles.
    var summary: LookCounts {
        var counts = counts
        counts.canaryP95 = canaryLatency.percentile(0.95)
        counts.stableP95 = stableLatency.percentile(0.95)
        return counts
    }
}

/// The counts of one instance.
struct InstanceDraw {
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
