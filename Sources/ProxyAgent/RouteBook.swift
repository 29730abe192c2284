import FoundationEssentials
import KubernetesObjects
import ProxyControl

/// What the proxy of this pod is to do: the wishes of all services over the endpoints that the cluster tells. A value
/// without I/O.
struct RouteBook: Sendable {
    /// What every request follows, as far as the proxy has said so, by service.
    private(set) var inForce: [String: ClusterRoute] = [:]
    private var wished: [String: ClusterRoute] = [:]
    /// Of the objects that they were read from, by service: what requests follow, and what is wished for.
    private(set) var versionsInForce: [String: String] = [:]
    private var versions: [String: String] = [:]
    /// By the ConfigMap's name: it was changed to something that cannot be read.
    private var garbled: [String: String] = [:]
    private var names: [String: String] = [:]
    var endpoints = EndpointBook()

    /// Everything that there is.
    mutating func take(_ all: [ObjectValue]) {
        (wished, versions, garbled, names) = ([:], [:], [:], [:])
        for object in all { take(object) }
    }

    mutating func take(_ object: ObjectValue) {
        let name = object.at("metadata", "name")?.text ?? ""
        do {
            let text = object.at("data", ClusterRoute.key)?.text ?? ""
            let route = try JSONDecoder().decode(ClusterRoute.self, from: Data(text.utf8))
            garbled[name] = nil
            names[name] = route.service
            wished[route.service] = route
            versions[route.service] = object.at("metadata", "resourceVersion")?.text
        } catch {
            garbled[name] = "configmap/\(name) holds no route: \(error)"
        }
    }

    mutating func drop(_ object: ObjectValue) {
        let name = object.at("metadata", "name")?.text ?? ""
        garbled[name] = nil
        if let service = names.removeValue(forKey: name) { (wished[service], versions[service]) = (nil, nil) }
    }

    // MARK: - What is to be

    /// The table to be sent, but for its number.
    struct Plan: Sendable, Equatable {
        var routes: [String: ClusterRoute] = [:]
        var services: [ServiceRoute] = []
        /// Services that are served as well as can be: there is no earlier wish, and the cluster has not told of all
        /// instances of this one.
        var provisional: Set<String> = []
        /// By service; only those that are not down.
        var ports: [String: Int] = [:]
        /// Why wishes are not followed, by service.
        var troubles: [String: String] = [:]
        /// Of the objects that the routes were read from, by service.
        var versions: [String: String] = [:]

        static func == (left: Plan, right: Plan) -> Bool {
            (left.routes, left.services, left.ports, left.provisional)
                == (right.routes, right.services, right.ports, right.provisional)
        }

        func listeners(on host: String) -> [Listener] {
            ports.sorted { $0.value < $1.value }.map { service, port in
                Listener(address: Self.address(host, port), rules: [Rule(service: service)])
            }
        }

        static func address(_ host: String, _ port: Int) -> String {
            host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }

    /// - Parameter closed: ports that cannot be listened on, and why.
    func plan(closed: [Int: String] = [:]) -> Plan {
        var plan = Plan()
        var holders: [Int: String] = [:]
        for (service, wish) in wished.sorted(by: { $0.key < $1.key }) {
            var chosen = wish
            let before = inForce[service]
            if let trouble = Self.fault(wish) ?? closed[wish.port] {
                plan.troubles[service] = trouble
                guard let before, closed[before.port] == nil else { continue }
                chosen = before
            } else if before != wish, let missing = missing(wish) {
                plan.troubles[service] = missing
                if let before { chosen = before } else { plan.provisional.insert(service) }
            }
            if let other = holders[chosen.port] {
                plan.troubles[service] = "port \(chosen.port) is \(other)'s"
                continue
            }
            plan.routes[service] = chosen
            plan.versions[service] = chosen == wish ? versions[service] : versionsInForce[service]
            guard let route = chosen.route else { continue }
            holders[chosen.port] = service
            plan.ports[service] = chosen.port
            plan.services.append(located(route, chosen))
        }
        return plan
    }

    /// Instances that the wish was made for and that no endpoint tells of, ready or not: the cluster has not come round
    /// to them. As long as there is an earlier wish, requests stay with it.
    private func missing(_ wish: ClusterRoute) -> String? {
        let told = Set(wish.addresses.flatMap { endpoints.endpoints(of: $0.service) }.map { "\($0.host):\($0.port)" })
        let open = wish.instances.filter { !told.contains("\($0.host):\($0.port)") }
        guard let first = open.first else { return nil }
        return "the cluster has not told of \(first.host):\(first.port) yet"
    }

    /// With the ready endpoints of each release.
    private func located(_ route: ServiceRoute, _ wish: ClusterRoute) -> ServiceRoute {
        let known = Dictionary(wish.instances.map { ("\($0.host):\($0.port)", $0.instance) }) { $1 }
        var located = route
        located.targets = route.targets.map { target in
            var target = target
            let service = wish.addresses.first { $0.release == target.release }?.service ?? ""
            target.backends = endpoints.endpoints(of: service).filter(\.isReady).map { endpoint in
                let name = known["\(endpoint.host):\(endpoint.port)"] ?? endpoint.name
                return Backend(instance: name, host: endpoint.host, port: endpoint.port)
            }
            return target
        }
        return located
    }

    private static func fault(_ wish: ClusterRoute) -> String? {
        guard wish.version == ClusterRoute.currentVersion else {
            return "its route is of version \(wish.version), and this proxy reads \(ClusterRoute.currentVersion)"
        }
        guard let route = wish.route else { return nil }
        return RouteTable(fence: 1, generation: 1, listeners: [], services: [route]).fault()?.message
    }

    // MARK: - What is

    mutating func follow(_ plan: Plan) {
        inForce = plan.routes.filter { !plan.provisional.contains($0.key) }
        versionsInForce = plan.versions
    }

    /// For those who ask: every service that is wished for or followed.
    func report(_ troubles: [String: String]) -> [RouteInForce] {
        Set(inForce.keys).union(wished.keys).sorted().map { service in
            let followed = inForce[service]
            return RouteInForce(
                service: service, fence: followed?.fence ?? 0, generation: followed?.generation ?? 0,
                version: followed.flatMap { _ in versionsInForce[service] },
                trouble: troubles[service] ?? garbledTrouble(service))
        }
    }

    private func garbledTrouble(_ service: String) -> String? {
        names.first { $0.value == service }.flatMap { garbled[$0.key] }
    }
}
