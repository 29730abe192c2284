package import Domain

/// One environment as it is now: what `status` shows. The answer to `GET /v1/environments/{project}/{name}/status`.
package struct StatusReport: Codable, Hashable, Sendable {
    package var environment: EnvironmentID
    /// Counted up with everything that changes; a later question may wait for a higher one.
    package var revision: UInt64
    /// Milliseconds since 1970, by the supervisor's clock.
    package var now: Int64
    package var deployment: DeploymentReport?
    /// The last one that ended.
    package var last: DeploymentReport?
    package var services: [ServiceReport]
    /// What keeps Slipway itself from its work: a full disk, a proxy that does not answer.
    package var troubles: [String]
    /// What somebody should look at although the work goes on: a notification that did not arrive.
    package var warnings: [String]

    package init(
        environment: EnvironmentID, revision: UInt64, now: Int64, deployment: DeploymentReport? = nil,
        last: DeploymentReport? = nil, services: [ServiceReport] = [], troubles: [String] = [],
        warnings: [String] = []
    ) {
        self.environment = environment
        self.revision = revision
        self.now = now
        self.deployment = deployment
        self.last = last
        self.services = services
        self.troubles = troubles
        self.warnings = warnings
    }
}

/// One deployment.
package struct DeploymentReport: Codable, Hashable, Sendable {
    package var number: DeploymentNumber
    /// `deploy`, `rollback`, `retry`, `revert`
    package var kind: String
    package var by: String
    package var reason: String
    /// `advancing`, `reverting`, `committed`, `reverted`
    package var phase: String
    package var started: Int64
    package var ended: Int64?
    package var failedService: ServiceName?
    package var failure: String?
    package var items: [DeploymentItemReport]
    /// Services that it takes down for good.
    package var removals: [ServiceName]
    /// Where its artifacts stood before: `staging #12`; empty: they were packed for it.
    package var origin: String
    /// The deployment that it takes back; nil: none.
    package var takesBack: DeploymentNumber?

    package init(
        number: DeploymentNumber, kind: String, by: String, reason: String, phase: String, started: Int64,
        ended: Int64? = nil, failedService: ServiceName? = nil, failure: String? = nil,
        items: [DeploymentItemReport] = [], removals: [ServiceName] = [], origin: String = "",
        takesBack: DeploymentNumber? = nil
    ) {
        self.takesBack = takesBack
        self.removals = removals
        self.origin = origin
        self.number = number
        self.kind = kind
        self.by = by
        self.reason = reason
        self.phase = phase
        self.started = started
        self.ended = ended
        self.failedService = failedService
        self.failure = failure
        self.items = items
    }

    package var isOver: Bool { phase == "committed" || phase == "reverted" }
}

/// One service of a deployment.
package struct DeploymentItemReport: Codable, Hashable, Sendable {
    package var service: ServiceName
    package var wave: Int
    package var from: ReleaseNumber?
    package var to: ReleaseNumber
    package var strategy: String

    package init(service: ServiceName, wave: Int, from: ReleaseNumber?, to: ReleaseNumber, strategy: String) {
        self.service = service
        self.wave = wave
        self.from = from
        self.to = to
        self.strategy = strategy
    }
}

/// One service.
package struct ServiceReport: Codable, Hashable, Sendable {
    package var name: ServiceName
    package var stable: ReleaseNumber?
    package var isDown: Bool
    /// It left the project and was taken down for good.
    package var isRemoved: Bool
    /// Wished for, of the stable release.
    package var replicas: Int
    package var weights: [WeightReport]
    package var instances: [InstanceReport]
    package var rollout: RolloutReport?
    package var warm: [WarmReport]
    /// Wished-for instances are ready, and the router knows just those.
    package var isServing: Bool
    /// Requests that wait at the router.
    package var held: Int
    /// Where it can be reached.
    package var urls: [String]
    /// Counted since the router started.
    package var traffic: [TrafficReport]
    /// Nil: the count is the manifest's.
    package var scale: ScaleReport?
    /// Nil: it is not looked after, or the supervisor is of a version that does not.
    package var watch: WatchReport?

    package init(
        name: ServiceName, stable: ReleaseNumber?, isDown: Bool, replicas: Int, weights: [WeightReport] = [],
        instances: [InstanceReport] = [], rollout: RolloutReport? = nil, warm: [WarmReport] = [],
        isServing: Bool = true, held: Int = 0,
        urls: [String] = [], traffic: [TrafficReport] = [], isRemoved: Bool = false, scale: ScaleReport? = nil,
        watch: WatchReport? = nil
    ) {
        self.watch = watch
        self.isRemoved = isRemoved
        self.scale = scale
        self.name = name
        self.stable = stable
        self.isDown = isDown
        self.replicas = replicas
        self.weights = weights
        self.instances = instances
        self.rollout = rollout
        self.warm = warm
        self.isServing = isServing
        self.held = held
        self.urls = urls
        self.traffic = traffic
    }
}

/// What says how many instances of a service run.
package struct ScaleReport: Codable, Hashable, Sendable {
    /// The count that is wished for now.
    package var current: Int
    /// The bounds; nil: the service does not scale by load, and a person has set its count.
    package var min: Int?
    package var max: Int?
    /// What the load says, for people; empty: nobody has looked yet.
    package var why: String
    /// Who has set the count by hand, and until when (milliseconds since 1970; nil: until it is given back).
    package var by: String?
    package var until: Int64?

    package init(current: Int, min: Int?, max: Int?, why: String, by: String? = nil, until: Int64? = nil) {
        self.current = current
        self.min = min
        self.max = max
        self.why = why
        self.by = by
        self.until = until
    }
}

/// A release's share of traffic, as the router follows it now.
package struct WeightReport: Codable, Hashable, Sendable {
    package var release: ReleaseNumber
    package var weight: Weight
    package init(release: ReleaseNumber, weight: Weight) {
        self.release = release
        self.weight = weight
    }
}

/// One instance.
package struct InstanceReport: Codable, Hashable, Sendable {
    package var id: InstanceID
    package var release: ReleaseNumber
    /// `starting`, `ready`, `not ready`, `leaving`, `failed`
    package var phase: String
    package var readyFor: Span
    package var restarts: Int
    package var trouble: String
    package var address: String
    /// Ends in a row; nil: none.
    package var streak: Int?
    /// How it ended last; nil: it never did.
    package var lastEnd: String?
    /// Thousandths of a core, and bytes; nil: not measured.
    package var cpu: Int?
    package var memory: Int64?

    package init(
        id: InstanceID, release: ReleaseNumber, phase: String, readyFor: Span, restarts: Int, trouble: String,
        address: String, streak: Int? = nil, lastEnd: String? = nil, cpu: Int? = nil, memory: Int64? = nil
    ) {
        self.streak = streak
        self.lastEnd = lastEnd
        self.cpu = cpu
        self.memory = memory
        self.id = id
        self.release = release
        self.phase = phase
        self.readyFor = readyFor
        self.restarts = restarts
        self.trouble = trouble
        self.address = address
    }
}

/// A rollout under way.
package struct RolloutReport: Codable, Hashable, Sendable {
    package var from: ReleaseNumber?
    package var to: ReleaseNumber
    package var strategy: String
    /// `queued`, `advancing`, `arrived`, `failing`, `reverting`, `reverted`
    package var phase: String
    /// The stages in order; `stage` is the place of the current one, from 0.
    package var stages: [String]
    package var stage: Int
    package var stageSince: Int64
    package var weight: Weight
    package var gate: GateReport?
    package var background: [GateReport]
    package var pausedSince: Int64?
    /// Since when a person's word is awaited, and for what.
    package var waitsSince: Int64?
    package var waitsFor: String?
    /// What is missing for requests to follow; nil: nothing, or nobody can tell.
    package var missing: String?
    package var failure: String?
    /// Nil: the canary is compared with no fresh baseline now.
    package var baseline: BaselineReport?

    package init(
        from: ReleaseNumber?, to: ReleaseNumber, strategy: String, phase: String, stages: [String], stage: Int,
        stageSince: Int64, weight: Weight, gate: GateReport? = nil, background: [GateReport] = [],
        pausedSince: Int64? = nil, waitsSince: Int64? = nil, waitsFor: String? = nil, failure: String? = nil,
        baseline: BaselineReport? = nil
    ) {
        self.baseline = baseline
        self.from = from
        self.to = to
        self.strategy = strategy
        self.phase = phase
        self.stages = stages
        self.stage = stage
        self.stageSince = stageSince
        self.weight = weight
        self.gate = gate
        self.background = background
        self.pausedSince = pausedSince
        self.waitsSince = waitsSince
        self.waitsFor = waitsFor
        self.failure = failure
    }
}

/// Fresh instances of the stable release that a canary is compared with.
package struct BaselineReport: Codable, Hashable, Sendable {
    package var release: ReleaseNumber
    /// Wished for.
    package var instances: Int
    package var weight: Weight

    package init(release: ReleaseNumber, instances: Int, weight: Weight) {
        self.release = release
        self.instances = instances
        self.weight = weight
    }
}

/// A gate run, with the evidence of its last look.
package struct GateReport: Codable, Hashable, Sendable {
    package var name: GateName
    package var look: Int
    package var isLooking: Bool
    /// Conclusive looks that are needed.
    package var count: Int
    package var passes: Int
    package var failures: Int
    package var inconclusive: Int
    package var hasPassed: Bool
    package var last: LookResult?

    package init(
        name: GateName, look: Int, isLooking: Bool, count: Int, passes: Int, failures: Int, inconclusive: Int,
        hasPassed: Bool, last: LookResult? = nil
    ) {
        self.name = name
        self.look = look
        self.isLooking = isLooking
        self.count = count
        self.passes = passes
        self.failures = failures
        self.inconclusive = inconclusive
        self.hasPassed = hasPassed
        self.last = last
    }
}

/// An earlier release that stands by.
package struct WarmReport: Codable, Hashable, Sendable {
    package var release: ReleaseNumber
    package var instances: Int
    /// Milliseconds since 1970; nil: until the next deployment.
    package var until: Int64?
    package init(release: ReleaseNumber, instances: Int, until: Int64?) {
        self.release = release
        self.instances = instances
        self.until = until
    }
}

/// What the router counted for one release.
package struct TrafficReport: Codable, Hashable, Sendable {
    package var release: ReleaseNumber
    package var requests: Int
    package var errors: Int
    package var inFlight: Int
    /// Microseconds.
    package var p50: Int
    package var p95: Int
    package var p99: Int

    package init(
        release: ReleaseNumber, requests: Int, errors: Int, inFlight: Int, p50: Int, p95: Int, p99: Int
    ) {
        self.release = release
        self.requests = requests
        self.errors = errors
        self.inFlight = inFlight
        self.p50 = p50
        self.p95 = p95
        self.p99 = p99
    }
}
