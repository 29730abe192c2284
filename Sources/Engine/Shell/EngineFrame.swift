package import Deployments
package import Domain
package import Scaling

/// What the engine knew after a turn: the source of everything that is shown.
package struct EngineFrame: Sendable {
    /// Counted up with every change.
    package var revision: UInt64 = 0
    package var environments: [EnvironmentState] = []
    /// Sorted by service.
    package var views: [EnvironmentID: [ServiceSnapshot]] = [:]
    /// Environments whose runtime has told what runs: of the others nothing is known yet.
    package var seen: Set<EnvironmentID> = []
    /// Newest result per gate run.
    package var evidence: [EvidenceKey: LookResult] = [:]
    /// What the load asks for, of services that scale.
    package var advices: [ServiceKey: ScaleAdvice] = [:]
    /// What keeps Slipway from its work, per part.
    package var troubles: [String: String] = [:]
    /// What somebody should look at although the work goes on, per part.
    package var warnings: [String: String] = [:]

    package init() {}

    package func environment(_ id: EnvironmentID) -> EnvironmentState? { environments.first { $0.id == id } }

    package func view(_ service: ServiceName, in environment: EnvironmentID) -> ServiceSnapshot? {
        guard let views = views[environment] else { return nil }
        var (low, high) = (0, views.count)
        while low < high {
            let middle = (low + high) / 2
            if views[middle].service < service { low = middle + 1 } else { high = middle }
        }
        return low < views.count && views[low].service == service ? views[low] : nil
    }
}

/// Names a service.
package struct ServiceKey: Hashable, Sendable {
    package var environment: EnvironmentID
    package var service: ServiceName
    package init(environment: EnvironmentID, service: ServiceName) {
        self.environment = environment
        self.service = service
    }
}

/// Names a gate run.
package struct EvidenceKey: Hashable, Sendable {
    package var environment: EnvironmentID
    package var service: ServiceName
    package var run: Int
    package init(environment: EnvironmentID, service: ServiceName, run: Int) {
        self.environment = environment
        self.service = service
        self.run = run
    }
}
