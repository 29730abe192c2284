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
    /// The router was asked and knows nothing of the service.
    package var isUnknownToRouter: Bool
    /// What the last attempt to say or to see something of the service ended with; empty: all is well.
    package var trouble: String

    package init(
        service: ServiceName, runtime: RuntimeView? = nil, router: RouterView? = nil, looks: [LookView] = [],
        migrations: [MigrationView]? = nil, isUnknownToRouter: Bool = false,
        trouble: String = ""
    ) {
        self.trouble = trouble
        self.service = service
        self.runtime = runtime
        self.router = router
        self.looks = looks
        self.migrations = migrations
        self.isUnknownToRouter = isUnknownToRouter
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

    /// What is known of a service.
    /// - Parameter place: where it stands if there is one for each service, in their order.
    func service(_ name: ServiceName, near place: Int) -> ServiceSnapshot? {
        if services.indices.contains(place), services[place].service == name { return services[place] }
        return services.first { $0.service == name }
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
