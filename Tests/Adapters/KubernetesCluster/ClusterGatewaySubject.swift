import ClusterDouble
import Domain
import Glibc
import KubernetesAPI
import KubernetesObjects
import LoopbackServers
import Ports
import RouterConformance

/// A router that says by a cluster's own objects where requests go, with a real HAProxy that follows them.
final class ClusterGatewaySubject: RouterSubject {
    let cluster: TrialCluster
    private let spec: ClusterSpec
    private let entrance: (descriptor: Int32, port: Int)
    private let controller: GatewayController
    private let working: Task<Void, Never>

    init(_ kind: GatewayKind) async throws {
        cluster = try await TrialCluster()
        spec = ClusterSpec(
            namespace: TrialCluster.namespace, router: kind.router,
            mesh: kind == .istio ? MeshSpec(gateways: ["\(TrialCluster.namespace)/edge"]) : nil)
        for kind in kind.definitions { try await cluster.client.define(kind, in: TrialCluster.namespace) }
        entrance = try Loopback.listen(port: 0)
        let controller = GatewayController(
            kind, cluster.client, namespace: TrialCluster.namespace, listener: entrance.descriptor,
            folder: cluster.folder)
        self.controller = controller
        working = Task { await controller.run() }
    }

    func make() async throws -> TrialRouter { try open() }

    private func open() throws -> TrialRouter {
        try cluster.router(spec) { [controller] in try await controller.settle() }
    }

    func reopen(_ router: TrialRouter) async throws -> TrialRouter {
        await router.stop()
        return try open()
    }

    func discard(_ router: TrialRouter) async throws {
        await router.stop()
        working.cancel()
        await working.value
        Glibc.close(entrance.descriptor)
        try await cluster.close()
    }

    func backend(_ instance: InstanceID, release: ReleaseNumber) async throws -> Domain.Backend {
        try cluster.backend(instance, release: release)
    }

    /// As a client outside the cluster would: with the host of the service's route.
    func send(
        _ request: TrialRequest, to service: ServiceName, in environment: EnvironmentID, through router: TrialRouter
    ) async throws -> TrialAnswer {
        try await request.answer(port: entrance.port, asking: TrialRouter.host(of: service))
    }
}

extension GatewayKind {
    var router: ClusterRouter {
        switch self {
        case .gateway: .gateway
        case .nginx: .nginx
        case .istio: .istio
        }
    }

    /// What whoever installs it brings along.
    fileprivate var definitions: [ObjectKind] {
        switch self {
        case .gateway: [.route]
        case .nginx: []
        case .istio: [.virtualService, .destinationRule]
        }
    }
}
