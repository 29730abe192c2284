import Domain

/// Who may talk to the service's pods, to whom they may, and where traffic from outside enters.
extension ServiceRendering {
    // MARK: - Policies

    var networkPolicy: KubernetesObject {
        let content: ObjectValue = [
            "podSelector": ["matchLabels": allPods(of: spec.service)], "policyTypes": ["Ingress", "Egress"],
            "ingress": ObjectValue.list(incoming).unlessEmpty, "egress": .list(outgoing),
        ]
        return object(.networkPolicy, [ObjectField("spec", content)])
    }

    private var incoming: [ObjectValue] {
        var rules: [ObjectValue] = []
        if let port = spec.port, cluster.router == .slipway {
            // Everybody comes through the proxies.
            rules.append(["from": [Self.proxies], "ports": Self.ports([port])])
        } else if let port = spec.port {
            let callers = project.services.filter { $0.spec.needs.contains(spec.service) }.map(\.spec.service)
            if !callers.isEmpty {
                rules.append(["from": .list(callers.map { pods(of: $0) }), "ports": Self.ports([port])])
            }
            if !spec.routes.isEmpty {
                let entrance = cluster.entranceNamespace.map { name -> ObjectValue in [Self.namespace(name)] }
                rules.append(["from": entrance, "ports": Self.ports([port])])
            }
        }
        if let monitor = extras.monitor, let port = monitor.port ?? spec.port {
            rules.append(["from": [["namespaceSelector": [:]]], "ports": Self.ports([port])])
        }
        rules += extras.network.from.map { ["from": [party($0.who)], "ports": Self.ports($0.ports)] }
        return rules
    }

    private var outgoing: [ObjectValue] {
        var rules: [ObjectValue] = [
            [
                "to": [Self.namespace("kube-system")],
                "ports": [["protocol": "UDP", "port": 53], ["port": 53]],
            ]
        ]
        for need in spec.needs {
            guard let port = project.services.first(where: { $0.spec.service == need })?.spec.port else { continue }
            // The port that the proxies listen on for it is chosen when it is first routed.
            if cluster.router == .slipway { rules.append(["to": [Self.proxies]]) }
            rules.append(["to": [pods(of: need)], "ports": Self.ports([port])])
        }
        if !extras.account.permissions.isEmpty {
            // The API server's address is the cluster's to say; its port is one of these.
            rules.append(["ports": Self.ports([443, 6443])])
        }
        rules += extras.network.to.map { ["to": [party($0.who)], "ports": Self.ports($0.ports)] }
        return rules
    }

    private static var proxies: ObjectValue {
        ["podSelector": ["matchLabels": map(ProxyPods.selector)]]
    }

    private static func ports(_ ports: [Int]) -> ObjectValue? {
        ObjectValue.list(ports.map { ["port": .number($0)] }).unlessEmpty
    }

    private func pods(of service: ServiceName) -> ObjectValue {
        ["podSelector": ["matchLabels": allPods(of: service)]]
    }

    private static func namespace(_ name: String) -> ObjectValue {
        ["namespaceSelector": ["matchLabels": ["kubernetes.io/metadata.name": .text(name)]]]
    }

    private func party(_ party: NetworkParty) -> ObjectValue {
        switch party {
        case .service(let name): pods(of: name)
        case .namespace(let name): Self.namespace(name)
        case .block(let block): ["ipBlock": ["cidr": .text(block)]]
        case .pods(let labels): ["podSelector": ["matchLabels": .names(labels) ?? [:]]]
        }
    }

    // MARK: - Entrances

    /// Where traffic from outside enters, and how it is split inside a mesh.
    var entrances: [KubernetesObject] {
        guard spec.isRouted else { return [] }
        switch cluster.router {
        case .istio: return [destinationRule].compactMap { $0 } + virtualServices
        case .gateway: return httpRoutes
        case .nginx: return spec.routes.isEmpty ? [] : [ingress] + [canaryIngress].compactMap(\.self)
        case .service, .replicas, .slipway: return spec.routes.isEmpty ? [] : [ingress]
        }
    }

    /// Hosts in the order of the manifest, each with its paths; nil is any host.
    private var hosts: [(host: String?, paths: [String])] {
        var hosts: [(host: String?, paths: [String])] = []
        for route in spec.routes {
            if let index = hosts.firstIndex(where: { $0.host == route.host }) {
                if !hosts[index].paths.contains(route.path) { hosts[index].paths.append(route.path) }
            } else {
                hosts.append((route.host, [route.path]))
            }
        }
        return hosts
    }

    private var ingress: KubernetesObject {
        let settings = cluster.ingress
        let main = cluster.router == .nginx ? ingressMain.map { Self.addressName(name, $0) } : nil
        let rules = ingressRules(leadingTo: main ?? ArgoRollout(service: self)?.stableService ?? name)
        var annotations = Self.dictionary(settings.annotations)
        if let issuer = settings.issuer {
            annotations[settings.isClusterIssuer ? "cert-manager.io/cluster-issuer" : "cert-manager.io/issuer"] = issuer
        }
        if let limit = settings.rateLimit {
            annotations["nginx.ingress.kubernetes.io/limit-rps"] = String(limit)
        }
        let names = hosts.compactMap(\.host)
        var tls: ObjectValue?
        if !names.isEmpty, settings.secret != nil || settings.issuer != nil {
            tls = [["hosts": .texts(names), "secretName": .text(settings.secret ?? "\(name)-tls")]]
        }
        let content: ObjectValue = [
            "ingressClassName": settings.ingressClass.map { .text($0) }, "tls": tls, "rules": .list(rules),
        ]
        return object(.ingress, annotations: annotations, [ObjectField("spec", content)])
    }

    func ingressRules(leadingTo entrance: String) -> [ObjectValue] {
        let backend: ObjectValue = ["service": ["name": .text(entrance), "port": ["name": "http"]]]
        return hosts.map { host, paths -> ObjectValue in
            let paths = paths.map { path -> ObjectValue in
                ["path": .text(path), "pathType": "Prefix", "backend": backend]
            }
            return ["host": host.map { .text($0) }, "http": ["paths": .list(paths)]]
        }
    }

    /// Hosts that have the same paths. An empty list of hosts is any.
    private var entries: [(hosts: [String], paths: [String])] {
        var entries: [(hosts: [String], paths: [String])] = []
        for (host, paths) in hosts {
            // Any host is no list of them.
            if let host, let index = entries.firstIndex(where: { $0.paths == paths && !$0.hosts.isEmpty }) {
                entries[index].hosts.append(host)
            } else {
                entries.append((host.map { [$0] } ?? [], paths))
            }
        }
        return entries
    }

    /// `api`, `api-2`
    private func entryName(_ index: Int) -> String { index == 0 ? name : "\(name)-\(index + 1)" }

    /// One for all hosts with the same paths: a route's paths are those of each of its hosts.
    private var httpRoutes: [KubernetesObject] {
        let gateway = cluster.gateway ?? GatewaySpec(name: project.environment.project)
        let parent: ObjectValue = [
            "namespace": gateway.namespace.map { .text($0) }, "name": .text(gateway.name),
            "sectionName": gateway.section.map { .text($0) },
        ]
        return entries.enumerated().map { index, entry in
            let content: ObjectValue = [
                "parentRefs": [parent], "hostnames": ObjectValue.texts(entry.hosts).unlessEmpty,
                "rules": .list(routeRules(entry.paths)),
            ]
            return object(.route, name: entryName(index), [ObjectField("spec", content)])
        }
    }

    /// Callers speak mutual TLS where nothing else is accepted.
    private var destinationRule: KubernetesObject? {
        guard cluster.mesh?.isStrict ?? true else { return nil }
        let content: ObjectValue = [
            "host": .text(name), "trafficPolicy": ["tls": ["mode": "ISTIO_MUTUAL"]],
        ]
        return object(.destinationRule, [ObjectField("spec", content)])
    }

    /// One for the mesh, and one for the gateways at its edge for all hosts with the same paths.
    private var virtualServices: [KubernetesObject] {
        let inside: ObjectValue = ["hosts": .texts([name]), "http": .list(meshRules([]))]
        var services = [object(.virtualService, [ObjectField("spec", inside)])]
        let edge = cluster.mesh?.gateways ?? []
        guard !edge.isEmpty else { return services }
        for (index, entry) in entries.enumerated() {
            // Whole segments: Istio's prefix `/api` would match `/apis` too.
            let matches = entry.paths.flatMap { path -> [ObjectValue] in
                path == "/"
                    ? [["uri": ["prefix": "/"]]]
                    : [["uri": ["exact": .text(path)]], ["uri": ["prefix": .text(path + "/")]]]
            }
            let content: ObjectValue = [
                "hosts": .texts(entry.hosts.isEmpty ? ["*"] : entry.hosts), "gateways": .texts(edge),
                "http": .list(meshRules(matches)),
            ]
            services.append(
                object(.virtualService, name: "\(entryName(index))-edge", [ObjectField("spec", content)]))
        }
        return services
    }

    /// Where nobody says how requests are split.
    var destination: ObjectValue {
        let port: ObjectValue = ["number": .number(spec.port ?? 80)]
        guard let stable = ArgoRollout(service: self)?.stableService else {
            return [["destination": ["host": .text(name), "port": port]]]
        }
        return [
            ["destination": ["host": .text(stable), "port": port], "weight": 100],
            ["destination": ["host": .text("\(name)-canary"), "port": port], "weight": 0],
        ]
    }

    // MARK: - Monitoring

    /// Of the Service, or of the pods of a worker, which has none.
    var monitor: KubernetesObject? {
        guard let monitor = extras.monitor else { return nil }
        let hasOwnPort = monitor.port.map { $0 != spec.port } ?? false
        let endpoint: ObjectValue = [
            "port": hasOwnPort ? "metrics" : "http", "path": monitor.path == "/metrics" ? nil : .text(monitor.path),
            "interval": .text("\(ObjectQuantity.seconds(monitor.every))s"),
        ]
        // Behind a proxy the Service leads to the proxies.
        let isOfPods = !spec.isRouted || cluster.router == .slipway
        let key = isOfPods ? "podMetricsEndpoints" : "endpoints"
        let content = ObjectValue.map([
            ObjectField("selector", ["matchLabels": Self.map(selector)]), ObjectField(key, [endpoint]),
        ])
        return object(isOfPods ? .podMonitor : .serviceMonitor, [ObjectField("spec", content)])
    }
}
