/// Names one start of a migration. Every start that a person asks for has an attempt of its own.
package struct MigrationKey: Hashable, Comparable, Sendable, Codable {
    package var environment: EnvironmentID
    package var service: ServiceName
    package var deployment: DeploymentNumber
    /// Within the rollout, counted from 1.
    package var attempt: Int

    package init(environment: EnvironmentID, service: ServiceName, deployment: DeploymentNumber, attempt: Int) {
        self.environment = environment
        self.service = service
        self.deployment = deployment
        self.attempt = attempt
    }

    package static func < (left: MigrationKey, right: MigrationKey) -> Bool {
        (left.environment, left.service, left.deployment, left.attempt)
            < (right.environment, right.service, right.deployment, right.attempt)
    }
}

/// What is known of one migration. Those that nobody knows of are not listed.
package struct MigrationView: Hashable, Sendable, Codable {
    package var deployment: DeploymentNumber
    package var attempt: Int
    package var state: MigrationState
    /// The last lines that it wrote, once it has ended.
    package var lines: [String]

    package init(deployment: DeploymentNumber, attempt: Int, state: MigrationState, lines: [String] = []) {
        self.deployment = deployment
        self.attempt = attempt
        self.state = state
        self.lines = lines
    }
}

/// Where a migration is in its life.
package enum MigrationState: Hashable, Sendable, Codable {
    /// Its files are made ready; nothing of it runs yet.
    case starting
    case running
    case exited(Int32)
    case signalled(Int32)
    /// Nothing of it ever ran, and nothing will: why.
    case notStarted(String)
    /// It may have run, and nobody can say how it ended: what is known.
    case lost(String)
}
