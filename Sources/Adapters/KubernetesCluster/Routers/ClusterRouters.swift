package import Domain
package import Ports

/// What leads requests on clusters, as one router: each environment says which it is.
package struct ClusterRouters: RouterPort {
    private let desk: ClusterDesk
    private let objects: KubernetesRouter
    private let proxies: ClusterProxyRouter

    package init(_ desk: ClusterDesk, times: RouterTimes = RouterTimes()) {
        self.desk = desk
        objects = KubernetesRouter(desk, times: times)
        proxies = ClusterProxyRouter(desk, times: times)
    }

    package var capabilities: RouterCapabilities { objects.capabilities }

    package func capabilities(on cluster: ClusterSpec?) -> RouterCapabilities {
        cluster.map { KubernetesRouter.capabilities(of: $0.router) } ?? capabilities
    }

    package func apply(_ wish: RouteWish, service: Release) async throws {
        let isInside = service.parts.place?.cluster.router == .slipway
        try await isInside ? proxies.apply(wish, service: service) : objects.apply(wish, service: service)
    }

    package func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RouterView] {
        try await side(environment).observe(environment)
    }

    package func forget(_ wish: ForgetWish) async throws { try await side(wish.environment).forget(wish) }

    package func counts(_ service: ServiceName, in environment: EnvironmentID) async throws -> TrafficCounts? {
        try await side(environment).counts(service, in: environment)
    }

    private func side(_ environment: EnvironmentID) async throws -> any RouterPort {
        try await desk.mirror(of: environment)?.router == .slipway ? proxies : objects
    }
}
