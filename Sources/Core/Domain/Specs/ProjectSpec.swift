/// A project as its manifest describes it for one environment: overrides are applied, nothing is left to look up.
package struct ProjectSpec: Hashable, Sendable, Codable {
    package var environment: EnvironmentID
    package var runtime: RuntimeKind
    /// Sorted by name.
    package var services: [ServicePlanSpec]
    /// Sorted by name; only those that a strategy uses or that `verify` runs.
    package var gates: [GateSpec]
    package var retention: RetentionSpec
    /// Sorted by name; only the channels that are for this environment.
    package var notify: [NotifySpec]
    /// Sorted by name.
    package var hooks: [HookSpec]
    /// Where it runs on Kubernetes; nil for other runtimes.
    package var cluster: ClusterSpec?

    package init(
        environment: EnvironmentID, runtime: RuntimeKind = .process, services: [ServicePlanSpec],
        gates: [GateSpec] = [], retention: RetentionSpec = RetentionSpec(), notify: [NotifySpec] = [],
        hooks: [HookSpec] = [], cluster: ClusterSpec? = nil
    ) {
        self.environment = environment
        self.runtime = runtime
        self.services = services
        self.gates = gates
        self.retention = retention
        self.notify = notify
        self.hooks = hooks
        self.cluster = cluster
    }
}

/// A service and the way its rollouts go.
package struct ServicePlanSpec: Hashable, Sendable, Codable {
    package var spec: ServiceSpec
    package var strategy: StrategySpec

    package init(spec: ServiceSpec, strategy: StrategySpec = .standard) {
        self.spec = spec
        self.strategy = strategy
    }
}

/// What runs instances.
package enum RuntimeKind: String, Hashable, Sendable, Codable, CaseIterable {
    case process
    case container
    case kubernetes
}

/// How many earlier releases keep their files.
package struct RetentionSpec: Hashable, Sendable, Codable {
    /// Releases besides the stable one, per service.
    package var releases: Int
    /// Younger ones are kept whatever their number.
    package var age: Span

    package init(releases: Int = 10, age: Span = .days(7)) {
        self.releases = releases
        self.age = age
    }
}
