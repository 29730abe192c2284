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
        if let missing = await RouteEndpoints(wish: book.wish, isSplit: book.isSplit).missing(mirror) {
            return .waitsForEndpoints(missing)
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

    /// What the ready endpoints have too few or too many; nil: they are exactly those that are wished for.
    func missing(_ mirror: ClusterMirror) async -> String? {
        let pods = await mirror.all(.pods, labels: [ReleaseRendering.serviceLabel: wish.service.text])
        let split = TrafficSplit(refusingWhatIsHeld: wish)
        guard isSplit else {
            return await missing(at: wish.service.text, split.shares.map(\.release), pods, mirror)
        }
        for release in split.releases {
            let address = ReleaseRendering.addressName(wish.service, release)
            if let missing = await missing(at: address, [release], pods, mirror) { return missing }
        }
        return nil
    }

    private func missing(
        at address: String, _ releases: [ReleaseNumber], _ pods: [ObjectValue], _ mirror: ClusterMirror
    ) async -> String? {
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
        func name(of host: String) -> String {
            let pod = pods.first { $0.at("status", "podIP")?.text == host }
            return pod?.at("metadata", "name")?.text.map { "\($0) (\(host))" } ?? host
        }
        let absent = wish.targets.filter { releases.contains($0.release) }.flatMap { target in
            target.backends.compactMap { backend -> String? in
                guard case .address(let host, _) = backend.backend, !ready.contains(host) else { return nil }
                return name(of: host)
            }
        }
        if !absent.isEmpty {
            return "the cluster does not count \(Self.few(absent)) among the ready endpoints of service/\(address)"
        }
        let strangers = ready.subtracting(allowed).sorted()
        guard !strangers.isEmpty else { return nil }
        return "service/\(address) leads to \(Self.few(strangers.map(name))), which should get no requests"
    }

    /// The first of them, and how many more there are.
    private static func few(_ names: [String]) -> String {
        names.prefix(3).joined(separator: ", ") + (names.count > 3 ? " and \(names.count - 3) more" : "")
    }
}

extension TrafficSplit {
    /// Who cannot hold requests lets them be refused: nobody is led anywhere meanwhile.
    init(refusingWhatIsHeld wish: RouteWish) {
        self.init(wish)
        if wish.hold != nil { (shares, matches) = ([], []) }
    }
}
