package import Domain
package import Ports
import ProxyRoutes
import Synchronization

/// What leads requests on clusters, as one router: each release says which it is.
package struct ClusterRouters: RouterPort {
    private let desk: ClusterDesk
    private let objects: KubernetesRouter
    private let proxies: ClusterProxyRouter
    private let leaders = RouteLeaders()

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
        guard let router = service.parts.place?.cluster.router else {
            throw PortError(.invalid, "\(service.label) is not made for a cluster")
        }
        leaders.note(router, of: ServiceKey(wish.service, in: wish.environment))
        try await router == .slipway ? proxies.apply(wish, service: service) : objects.apply(wish, service: service)
    }

    package func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RouterView] {
        guard let standing = try await desk.mirror(of: environment)?.router else { return [:] }
        var views: [ServiceName: RouterView] = [:]
        for router in leaders.all(in: environment).union([standing]).sorted(by: { $0.rawValue < $1.rawValue }) {
            guard let mirror = try await desk.mirror(of: environment, led: router) else { continue }
            let leads = { @Sendable (service: ServiceName) in
                leaders.leader(of: ServiceKey(service, in: environment)) ?? standing == router
            }
            let seen =
                try await router == .slipway
                ? proxies.observe(environment, on: mirror, leads) : objects.observe(environment, on: mirror, leads)
            views.merge(seen) { $1 }
        }
        return leaders.numbered(views, in: environment)
    }

    package func forget(_ wish: ForgetWish) async throws {
        guard let (router, mirror) = try await leader(of: wish.service, in: wish.environment) else { return }
        try await router == .slipway ? proxies.forget(wish, on: mirror) : objects.forget(wish, on: mirror)
    }

    package func counts(_ service: ServiceName, in environment: EnvironmentID) async throws -> TrafficCounts? {
        guard let (router, mirror) = try await leader(of: service, in: environment), router == .slipway else {
            return nil
        }
        return try await proxies.counts(service, in: environment, on: mirror)
    }

    private func leader(
        of service: ServiceName, in environment: EnvironmentID
    ) async throws -> (ClusterRouter, ClusterMirror)? {
        let known = leaders.leader(of: ServiceKey(service, in: environment))
        guard let mirror = try await desk.mirror(of: environment, led: known) else { return nil }
        return (mirror.router, mirror)
    }
}

/// Which router leads a service, as the release says that its requests go by. While an environment changes over, or a
/// service goes back to a release from before, its services are led by different ones.
private final class RouteLeaders: Sendable {
    private struct State {
        var routers: [ServiceKey: ClusterRouter] = [:]
        var views: [ServiceKey: RouterView] = [:]
        /// Above all numbers of a machine's router: it is asked until the cluster is known.
        var version: UInt64 = 1 << 32
    }

    private let state = Mutex(State())

    func note(_ router: ClusterRouter, of service: ServiceKey) { state.withLock { $0.routers[service] = router } }

    /// Nil: nothing was said of it since the start.
    func leader(of service: ServiceKey) -> ClusterRouter? { state.withLock { $0.routers[service] } }

    func all(in environment: EnvironmentID) -> Set<ClusterRouter> {
        state.withLock { state in Set(state.routers.filter { $0.key.environment == environment }.values) }
    }

    /// Numbers that grow with every change, whoever leads: each router has its own.
    func numbered(
        _ views: [ServiceName: RouterView], in environment: EnvironmentID
    ) -> [ServiceName: RouterView] {
        state.withLock { state in
            var numbered: [ServiceName: RouterView] = [:]
            for name in views.keys.sorted() {
                guard var view = views[name] else { continue }
                let key = ServiceKey(name, in: environment)
                let last = state.views[key]
                view.version = last?.version ?? 0
                if last != view {
                    state.version += 1
                    view.version = state.version
                    state.views[key] = view
                }
                numbered[name] = view
            }
            return numbered
        }
    }
}
