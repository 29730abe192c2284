import Domain
import KubernetesAPI
import KubernetesObjects

/// Where a wish's requests are to arrive.
struct RouteEndpoints {
    let wish: RouteWish
    /// Whether each release has a Service of its own.
    let isSplit: Bool

    /// Whether endpoints and gateways are as a wish asks for.
    static func acceptance(of book: RouteBook, _ mirror: ClusterMirror) async -> RouteAcceptance {
        guard await RouteEndpoints(wish: book.wish, isSplit: book.isSplit).areReady(mirror) else {
            return .waitsForEndpoints
        }
        for kind in MirroredKind.routes(of: mirror.router) {
            for said in book.said.values where said.kind.rawValue == kind.resource.kind {
                guard let object = await mirror.object(kind, said.name) else { return .open }
                let acceptance = RouteAcceptance(object, kind: said.kind, generation: said.generation)
                guard acceptance == .followed else { return acceptance }
            }
        }
        return .followed
    }

    /// Whether the ready endpoints are exactly those that are wished for.
    func areReady(_ mirror: ClusterMirror) async -> Bool {
        let pods = await mirror.all(.pods, labels: [ReleaseRendering.serviceLabel: wish.service.text])
        let split = TrafficSplit(refusingWhatIsHeld: wish)
        guard isSplit else {
            return await isReady(wish.service.text, split.shares.map(\.release), pods, mirror)
        }
        for release in split.releases {
            let address = ReleaseRendering.addressName(wish.service, release)
            guard await isReady(address, [release], pods, mirror) else { return false }
        }
        return true
    }

    private func isReady(
        _ address: String, _ releases: [ReleaseNumber], _ pods: [ObjectValue], _ mirror: ClusterMirror
    ) async -> Bool {
        var ready: Set<String> = []
        for slice in await mirror.all(.slices, labels: [ObjectTable.addressLabel: address]) {
            for endpoint in slice["endpoints"]?.items ?? [] where endpoint.at("conditions", "ready") != false {
                ready.formUnion((endpoint["addresses"]?.items ?? []).compactMap(\.text))
            }
        }
        var allowed: Set<String> = []
        for pod in pods {
            guard let release = PodReading(pod).release, releases.contains(release) else { continue }
            if let address = pod.at("status", "podIP")?.text { allowed.insert(address) }
        }
        let wanted = wish.targets.filter { releases.contains($0.release) }.flatMap { target in
            target.backends.compactMap { backend -> String? in
                if case .address(let host, _) = backend.backend { host } else { nil }
            }
        }
        return ready.isSubset(of: allowed) && ready.isSuperset(of: wanted)
    }
}

extension TrafficSplit {
    /// Who cannot hold requests lets them be refused: nobody is led anywhere meanwhile.
    init(refusingWhatIsHeld wish: RouteWish) {
        self.init(wish)
        if wish.hold != nil { (shares, matches) = ([], []) }
    }
}
