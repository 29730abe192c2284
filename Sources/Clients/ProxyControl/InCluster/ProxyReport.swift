/// What one proxy inside a cluster says of itself: a line of `/snapshots`, and the body of `/snapshot`.
package struct ProxyReport: Codable, Sendable, Equatable {
    /// The port of the pod that tells it.
    package static let port = 9180

    /// The wishes that every request follows in this pod, in the order of their services.
    package var routes: [RouteInForce]
    /// What the proxy has counted; nil while it does not answer.
    package var snapshot: ProxySnapshot?

    package init(routes: [RouteInForce], snapshot: ProxySnapshot?) {
        self.routes = routes
        self.snapshot = snapshot
    }
}

/// One service's wish in one pod.
package struct RouteInForce: Codable, Sendable, Equatable {
    /// `shop/production/api`
    package var service: String
    /// Of the wish that requests follow; both 0 when none could be followed yet.
    package var fence: UInt64
    package var generation: UInt64
    /// Of the object that the wish was read from: one that was deleted and written again is another. Nil: it does not
    /// tell.
    package var version: String?
    /// Why a later wish is not followed; nil: it is, or is about to be.
    package var trouble: String?

    package init(
        service: String, fence: UInt64, generation: UInt64, version: String? = nil, trouble: String? = nil
    ) {
        self.service = service
        self.fence = fence
        self.generation = generation
        self.version = version
        self.trouble = trouble
    }
}
