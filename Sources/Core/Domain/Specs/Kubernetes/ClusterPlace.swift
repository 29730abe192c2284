/// Where a release runs on Kubernetes, and what its objects have to know of its neighbours. With it a release's objects
/// can be written without the manifest that they came from.
package struct ClusterPlace: Hashable, Sendable, Codable {
    package var cluster: ClusterSpec
    /// The services that it needs and that have an address. Sorted by name.
    package var peers: [ClusterPeer]
    /// The services that need it: whom its network policy lets in. Sorted.
    package var callers: [ServiceName]

    package init(cluster: ClusterSpec, peers: [ClusterPeer] = [], callers: [ServiceName] = []) {
        self.cluster = cluster
        self.peers = peers
        self.callers = callers
    }
}

/// A neighbour's address.
package struct ClusterPeer: Hashable, Sendable, Codable {
    package var service: ServiceName
    package var port: Int

    package init(service: ServiceName, port: Int) {
        self.service = service
        self.port = port
    }
}

extension ProjectSpec {
    /// Where a service of this project runs; nil where it isn't on Kubernetes.
    package func place(of spec: ServiceSpec) -> ClusterPlace? {
        guard let cluster else { return nil }
        let peers = services.filter { spec.needs.contains($0.spec.service) }.compactMap { plan in
            plan.spec.port.map { ClusterPeer(service: plan.spec.service, port: $0) }
        }
        let callers = services.filter { $0.spec.needs.contains(spec.service) }.map(\.spec.service)
        return ClusterPlace(
            cluster: cluster, peers: peers.sorted { $0.service < $1.service }, callers: callers.sorted())
    }
}
