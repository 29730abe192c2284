/// The whole wish for one service's requests, as proxies inside a cluster find it: the text of a ConfigMap.
///
/// It says which releases get which share. Where their instances are, the endpoints of each release's own Service say,
/// so that the proxies follow the cluster while nobody else does.
package struct ClusterRoute: Codable, Sendable, Equatable {
    /// The version of this layout that this build writes and reads.
    package static let currentVersion = 1
    /// The key of the ConfigMap that holds the text.
    package static let key = "route.json"

    /// The label of such ConfigMaps, and its value.
    package static let label = "slipway.dev/record"
    package static let record = "route"

    /// The layout version; others are not followed.
    package var version: Int
    /// Of the supervisor that wrote it, and of its wish: a lower pair is stale.
    package var fence: UInt64
    package var generation: UInt64
    /// `shop/production/api`
    package var service: String
    /// What every proxy listens on for the service: the same for ever.
    package var port: Int
    /// Nil while the service is down. Its targets have no backends.
    package var route: ServiceRoute?
    /// For each target: the Service whose endpoints are its instances.
    package var addresses: [TargetAddress]
    /// The instances that the wish was made for, by their addresses.
    package var instances: [Backend]
    /// The weight epoch, also while the service is down.
    package var epoch: UInt64

    package init(
        fence: UInt64, generation: UInt64, service: String, port: Int, route: ServiceRoute?, addresses: [TargetAddress],
        instances: [Backend], epoch: UInt64
    ) {
        version = Self.currentVersion
        self.fence = fence
        self.generation = generation
        self.service = service
        self.port = port
        self.route = route
        self.addresses = addresses
        self.instances = instances
        self.epoch = epoch
    }
}

/// Where the instances of one release are told.
package struct TargetAddress: Codable, Sendable, Equatable {
    /// As in `Target`.
    package var release: Int
    /// Of a Service in the same namespace: `api-r14`.
    package var service: String

    package init(release: Int, service: String) {
        self.release = release
        self.service = service
    }
}
