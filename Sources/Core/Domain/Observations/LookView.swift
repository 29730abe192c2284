/// Names one look: which gate run, and the how-manieth.
package struct LookKey: Hashable, Sendable, Codable {
    package var environment: EnvironmentID
    package var service: ServiceName
    package var deployment: DeploymentNumber
    /// The gate run within the rollout, counted from 1.
    package var run: Int
    /// The look within the run, counted from 1.
    package var look: Int

    package init(
        environment: EnvironmentID, service: ServiceName, deployment: DeploymentNumber, run: Int, look: Int
    ) {
        self.environment = environment
        self.service = service
        self.deployment = deployment
        self.run = run
        self.look = look
    }
}

/// What is known of one look of a rollout's gates. Looks that nobody knows of are not listed.
package struct LookView: Hashable, Sendable, Codable {
    package var run: Int
    package var look: Int
    /// Nil while it is under way.
    package var result: LookResult?

    package init(run: Int, look: Int, result: LookResult?) {
        self.run = run
        self.look = look
        self.result = result
    }
}
