package import Domain
package import Deployments

/// Everything that is known of one service now. A missing view means that nobody has said anything yet.
package struct ServiceSnapshot: Sendable {
    package var service: ServiceName
    package var runtime: RuntimeView?
    package var router: RouterView?
    package var looks: [LookView]
    /// Nil: nobody has said which migrations are known.
    package var migrations: [MigrationView]?

    package init(
        service: ServiceName, runtime: RuntimeView? = nil, router: RouterView? = nil, looks: [LookView] = [],
        migrations: [MigrationView]? = nil
    ) {
        self.service = service
        self.runtime = runtime
        self.router = router
        self.looks = looks
        self.migrations = migrations
    }
}

/// Everything that is known of one environment now.
package struct EnvironmentSnapshot: Sendable {
    package var id: EnvironmentID
    package var services: [ServiceSnapshot]

    package init(id: EnvironmentID, services: [ServiceSnapshot]) {
        self.id = id
        self.services = services
    }
}

/// A command on its way to an environment.
package struct AddressedCommand: Sendable {
    package var environment: EnvironmentID
    package var envelope: CommandEnvelope

    package init(environment: EnvironmentID, envelope: CommandEnvelope) {
        self.environment = environment
        self.envelope = envelope
    }
}
