package import Domain

/// What runs hooks, and records that they began and how they ended.
package protocol HookPort: Sendable {
    /// - Returns: why it failed, in words for a person; nil: exit code 0.
    func run(_ hook: HookSpec, _ occasion: HookOccasion) async -> String?
}

/// What a hook is told.
package struct HookOccasion: Hashable, Sendable {
    package var environment: EnvironmentID
    package var deployment: DeploymentNumber?
    /// To whom it happened, where it happened to one.
    package var service: ServiceName?
    package var release: ReleaseNumber?
    /// `api web`: what the deployment changes; empty: unknown.
    package var services: [ServiceName]
    /// `committed`, `reverted`, `failed`; empty before a deployment.
    package var outcome: String
    package var by: String

    package init(
        environment: EnvironmentID, deployment: DeploymentNumber?, service: ServiceName? = nil,
        release: ReleaseNumber? = nil, services: [ServiceName] = [], outcome: String = "", by: String = ""
    ) {
        self.environment = environment
        self.deployment = deployment
        self.service = service
        self.release = release
        self.services = services
        self.outcome = outcome
        self.by = by
    }
}
