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
        if let port = spec.port {
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
            rules.append(["to": [pods(of: need)], "ports": Self.ports([port])])
        }
        if !extras.account.permissions.isEmpty {
            // The API server's address is the cluster's to say; its port is one of these.
            rules.append(["ports": Self.ports([443, 6443])])
        }
        rules += extras.network.to.map { ["to": [party($0.who)], "ports": Self.ports($0.ports)] }
        return rules
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
        case .istio: return [destinationRule].compactMap { $0 } + [virtualService]
        case .gateway: return spec.routes.isEmpty ? [] : [httpRoute]
        case .service, .replicas, .nginx, .slipway: return spec.routes.isEmpty ? [] : [ingress]
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
        let entrance = ArgoRollout(service: self)?.stableService ?? name
        let backend: ObjectValue = ["service": ["name": .text(entrance), "port": ["name": "http"]]]
        let rules = hosts.map { host, paths -> ObjectValue in
            let paths = paths.map { path -> ObjectValue in
                ["path": .text(path), "pathType": "Prefix", "backend": backend]
            }
            return ["host": host.map { .text($0) }, "http": ["paths": .list(paths)]]
        }
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

    private var httpRoute: KubernetesObject {
        let gateway = cluster.gateway ?? GatewaySpec(name: project.environment.project)
        let parent: ObjectValue = [
            "namespace": gateway.namespace.map { .text($0) }, "name": .text(gateway.name),
            "sectionName": gateway.section.map { .text($0) },
        ]
        let names = hosts.compactMap(\.host)
        var paths: [String] = []
        for path in hosts.flatMap(\.paths) where !paths.contains(path) { paths.append(path) }
        let matches = paths.map { path -> ObjectValue in ["path": ["type": "PathPrefix", "value": .text(path)]] }
        let rule: ObjectValue = [
            "matches": paths == ["/"] ? nil : .list(matches),
            "backendRefs": [["name": .text(name), "port": .number(spec.port ?? 80)]],
        ]
        let content: ObjectValue = [
            "parentRefs": [parent], "hostnames": ObjectValue.texts(names).unlessEmpty, "rules": [rule],
        ]
        return object(.route, [ObjectField("spec", content)])
    }

    /// Callers speak mutual TLS where nothing else is accepted.
    private var destinationRule: KubernetesObject? {
        guard cluster.mesh?.isStrict ?? true else { return nil }
        let content: ObjectValue = [
            "host": .text(name), "trafficPolicy": ["tls": ["mode": "ISTIO_MUTUAL"]],
        ]
        return object(.destinationRule, [ObjectField("spec", content)])
    }

    /// For the mesh and, where routes are declared, for the gateways at its edge.
    private var virtualService: KubernetesObject {
        let edge = spec.routes.isEmpty ? [] : cluster.mesh?.gateways ?? []
        var paths: [String] = []
        for path in hosts.flatMap(\.paths) where !paths.contains(path) { paths.append(path) }
        let port: ObjectValue = ["number": .number(spec.port ?? 80)]
        var destination: ObjectValue = [["destination": ["host": .text(name), "port": port]]]
        if let stable = ArgoRollout(service: self)?.stableService {
            destination = [
                ["destination": ["host": .text(stable), "port": port], "weight": 100],
                ["destination": ["host": .text("\(name)-canary"), "port": port], "weight": 0],
            ]
        }
        // Whole segments: Istio's prefix `/api` would match `/apis` too.
        let matches = paths.flatMap { path -> [ObjectValue] in
            path == "/"
                ? [["gateways": .texts(edge), "uri": ["prefix": "/"]]]
                : [
                    ["gateways": .texts(edge), "uri": ["exact": .text(path)]],
                    ["gateways": .texts(edge), "uri": ["prefix": .text(path + "/")]],
                ]
        }
        var http: [ObjectValue] = []
        if !edge.isEmpty { http.append(["match": .list(matches), "route": destination]) }
        http.append(["match": edge.isEmpty ? nil : [["gateways": ["mesh"]]], "route": destination])
        let names = edge.isEmpty ? [] : hosts.compactMap(\.host)
        let content: ObjectValue = [
            "hosts": .texts([name] + names), "gateways": edge.isEmpty ? nil : .texts(["mesh"] + edge),
            "http": .list(http),
        ]
        return object(.virtualService, [ObjectField("spec", content)])
    }

    // MARK: - Monitoring

    var serviceMonitor: KubernetesObject? {
        guard let monitor = extras.monitor, spec.isRouted else { return nil }
        let own = monitor.port.map { $0 != spec.port } ?? false
        let endpoint: ObjectValue = [
            "port": own ? "metrics" : "http", "path": monitor.path == "/metrics" ? nil : .text(monitor.path),
            "interval": .text("\(ObjectQuantity.seconds(monitor.every))s"),
        ]
        return object(
            .serviceMonitor,
            [
                ObjectField(
                    "spec", ["selector": ["matchLabels": Self.map(selector)], "endpoints": [endpoint]])
            ])
    }
}
