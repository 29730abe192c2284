package import Domain

/// The first line of a recording: whose traffic it is.
///
/// A recording is what one run of a gate was told by the router, as lines of JSON. `docs/reference/recordings.md` has
/// every key; a key that is not there is refused, so that a slip of the pen does not count as zero.
package struct RecordingHead: Hashable, Sendable {
    /// Of the format.
    static let version = 1

    package var project: String
    package var environment: String
    package var service: ServiceName
    /// The release on trial and the one that it is compared with.
    package var canary: ReleaseNumber
    package var stable: ReleaseNumber
    package var deployment: DeploymentNumber?
    package var gate: GateName?
    /// The gate's run within the rollout.
    package var run: Int
    /// Milliseconds since 1970.
    package var began: Int64?
    /// What was asked then; nil: nobody knows.
    package var asked: GateSpec?
    /// The run goes on after a restart of Slipway, which forgot what it had counted.
    package var isResumed: Bool

    package init(
        project: String = "", environment: String = "", service: ServiceName, canary: ReleaseNumber,
        stable: ReleaseNumber, deployment: DeploymentNumber? = nil, gate: GateName? = nil, run: Int = 1,
        began: Int64? = nil, asked: GateSpec? = nil, isResumed: Bool = false
    ) {
        self.project = project
        self.environment = environment
        self.service = service
        self.canary = canary
        self.stable = stable
        self.deployment = deployment
        self.gate = gate
        self.run = run
        self.began = began
        self.asked = asked
        self.isResumed = isResumed
    }
}

/// A line of a recording: what the router had counted more than in the line before.
package struct RecordedReading: Hashable, Sendable {
    /// Milliseconds since the run began, on a clock that does not jump.
    package var at: Int64
    /// The look that it was read for; nil: where the counting begins.
    package var look: Int?
    /// What the gate said then.
    package var said: Verdict?
    /// Instances of the release on trial, ready or not; nil: the same as in the line before.
    package var instances: [InstanceID]?
    /// Which run of the router counted; nil: the same as in the line before.
    package var source: String?
    /// These are sums and no increments: the router began anew, or its counts fell.
    package var isAnew: Bool
    package var splits: [RecordedSplit]
    /// What the two releases served besides the splits.
    package var beside: [RecordedTotals]
    /// When sources of metrics were asked, by the machine's clock: milliseconds since 1970. Nil: none is asked.
    package var time: Int64?
    /// What they said; nil: the gate asks the router.
    package var answers: [RecordedAnswer]?
    /// Why nothing could be read.
    package var failure: String?
    /// Of the looks from here on only those are kept at which the answer changed: the recording would have become too
    /// long.
    package var isCut: Bool

    package init(
        at: Int64, look: Int? = nil, said: Verdict? = nil, instances: [InstanceID]? = nil, source: String? = nil,
        isAnew: Bool = false, splits: [RecordedSplit] = [], beside: [RecordedTotals] = [], time: Int64? = nil,
        answers: [RecordedAnswer]? = nil, failure: String? = nil, isCut: Bool = false
    ) {
        self.at = at
        self.look = look
        self.said = said
        self.instances = instances
        self.source = source
        self.isAnew = isAnew
        self.splits = splits
        self.beside = beside
        self.time = time
        self.answers = answers
        self.failure = failure
        self.isCut = isCut
    }
}

/// What came under one split.
package struct RecordedSplit: Hashable, Sendable {
    /// Rises with each change of the weights.
    package var split: Int
    package var isSticky: Bool
    package var releases: [RecordedRelease]

    package init(split: Int, isSticky: Bool = false, releases: [RecordedRelease]) {
        self.split = split
        self.isSticky = isSticky
        self.releases = releases
    }
}

/// What came to one release under one split.
package struct RecordedRelease: Hashable, Sendable {
    package var release: ReleaseNumber
    package var weight: Weight
    package var requests: Int
    package var errors: Int
    /// Upper ends of buckets in microseconds, with how many requests came into each.
    package var latency: [LatencyCell]
    /// By instance, in their order.
    package var instances: [InstanceCell]
    /// Cohorts that came, and that failed, for the first time under this split.
    package var seen: [Int]
    package var failed: [Int]
    /// Cohorts whose slowest request has become slower.
    package var slowest: [SlowestCell]

    package init(
        release: ReleaseNumber, weight: Weight, requests: Int, errors: Int, latency: [LatencyCell] = [],
        instances: [InstanceCell] = [], seen: [Int] = [], failed: [Int] = [], slowest: [SlowestCell] = []
    ) {
        self.release = release
        self.weight = weight
        self.requests = requests
        self.errors = errors
        self.latency = latency
        self.instances = instances
        self.seen = seen
        self.failed = failed
        self.slowest = slowest
    }

    var isEmpty: Bool {
        requests == 0 && errors == 0 && latency.isEmpty && instances.isEmpty && seen.isEmpty && failed.isEmpty
            && slowest.isEmpty
    }
}

/// What one release served besides the splits, whose numbers may be below zero where a split was forgotten.
package struct RecordedTotals: Hashable, Sendable {
    package var release: ReleaseNumber
    package var requests: Int
    package var errors: Int
    package var latency: [LatencyCell]

    package init(release: ReleaseNumber, requests: Int, errors: Int, latency: [LatencyCell] = []) {
        self.release = release
        self.requests = requests
        self.errors = errors
        self.latency = latency
    }

    var isEmpty: Bool { requests == 0 && errors == 0 && latency.isEmpty }
}

/// `[1200, 5]`: five requests that took at most 1200 µs and more than the bucket before.
package struct LatencyCell: Hashable, Sendable {
    package var microseconds: Int
    package var count: Int
    package init(_ microseconds: Int, _ count: Int) {
        self.microseconds = microseconds
        self.count = count
    }
}

/// `"1f": [31, 2, 0]`: requests, errors and cohorts that failed first at this instance.
package struct InstanceCell: Hashable, Sendable {
    package var instance: InstanceID
    package var requests: Int
    package var errors: Int
    package var failedCohorts: Int
    package init(_ instance: InstanceID, requests: Int, errors: Int, failedCohorts: Int = 0) {
        self.instance = instance
        self.requests = requests
        self.errors = errors
        self.failedCohorts = failedCohorts
    }
}

/// `[4711, 250000]`: the slowest request of cohort 4711 took a quarter of a second.
package struct SlowestCell: Hashable, Sendable {
    package var cohort: Int
    package var microseconds: Int
    package init(_ cohort: Int, _ microseconds: Int) {
        self.cohort = cohort
        self.microseconds = microseconds
    }
}
