/// What should run of one service: the whole of it. Convergent: may be said again.
package struct RuntimeWish: Hashable, Sendable, Codable {
    package var environment: EnvironmentID
    package var service: ServiceName
    /// A runtime refuses a wish with a lower fence, or the same fence and a lower generation.
    package var fence: UInt64
    package var generation: UInt64
    package var sets: [SetWish]

    package init(
        environment: EnvironmentID, service: ServiceName, fence: UInt64, generation: UInt64, sets: [SetWish]
    ) {
        self.environment = environment
        self.service = service
        self.fence = fence
        self.generation = generation
        self.sets = sets
    }
}

/// So many instances of one release. A release that is not listed gets none.
package struct SetWish: Hashable, Sendable, Codable {
    package var release: ReleaseNumber
    package var count: Int
    /// Between how many a runtime that scales by load itself may move; nil: `count` holds there too. A runtime that
    /// does not scale by itself goes by `count`.
    package var bounds: ScaleBounds?
    package init(release: ReleaseNumber, count: Int, bounds: ScaleBounds? = nil) {
        self.release = release
        self.count = count
        self.bounds = bounds
    }
}

/// So few and so many instances of a release, whatever the load.
package struct ScaleBounds: Hashable, Sendable, Codable {
    package var min: Int
    package var max: Int
    package init(min: Int, max: Int) {
        self.min = min
        self.max = max
    }
}

/// How requests for one service are split: the whole of it. Convergent: may be said again.
package struct RouteWish: Hashable, Sendable, Codable {
    package var environment: EnvironmentID
    package var service: ServiceName
    package var fence: UInt64
    package var generation: UInt64
    /// Weights sum to 100; none while the service is down.
    package var targets: [TargetWish]
    /// The release on trial: its target is the low end of the cohorts.
    package var canary: ReleaseNumber?
    package var matches: [MatchSpec]
    /// Cohorts are drawn anew for each value; nil: every request is drawn by itself.
    package var sticky: UInt64?
    package var hold: HoldSpec?

    package init(
        environment: EnvironmentID, service: ServiceName, fence: UInt64, generation: UInt64, targets: [TargetWish],
        canary: ReleaseNumber? = nil, matches: [MatchSpec] = [], sticky: UInt64? = nil, hold: HoldSpec? = nil
    ) {
        self.environment = environment
        self.service = service
        self.fence = fence
        self.generation = generation
        self.targets = targets
        self.canary = canary
        self.matches = matches
        self.sticky = sticky
        self.hold = hold
    }
}

/// A service that is gone for good: nothing of it is to stay at the router. Convergent: may be said again.
package struct ForgetWish: Hashable, Sendable, Codable {
    package var environment: EnvironmentID
    package var service: ServiceName
    /// Numbered as the service's `RouteWish`es are.
    package var fence: UInt64
    package var generation: UInt64

    package init(environment: EnvironmentID, service: ServiceName, fence: UInt64, generation: UInt64) {
        self.environment = environment
        self.service = service
        self.fence = fence
        self.generation = generation
    }
}

/// One release's share, and the ready instances that carry it.
package struct TargetWish: Hashable, Sendable, Codable {
    package var release: ReleaseNumber
    package var weight: Weight
    /// In the order of their ids.
    package var backends: [BackendWish]
    package init(release: ReleaseNumber, weight: Weight, backends: [BackendWish]) {
        self.release = release
        self.weight = weight
        self.backends = backends
    }
}

/// One instance as the router reaches it.
package struct BackendWish: Hashable, Sendable, Codable {
    package var instance: InstanceID
    package var backend: Backend
    package init(instance: InstanceID, backend: Backend) {
        self.instance = instance
        self.backend = backend
    }
}
