/// Reads where traffic enters: Ingresses, and HTTPRoutes of the Gateway API.
struct RouteImport {
    typealias Key = ManifestPart.Key
    typealias Node = ManifestPart.Node

    /// Which service a Service leads to, by its name.
    let owners: [String: Int]
    private(set) var router: String?
    private(set) var ingress: [Key] = []
    private(set) var gateway: [Key] = []

    init(owners: [String: Int]) { self.owners = owners }

    private static func route(_ host: String?, _ path: String) -> Node {
        var keys = [Key("listen", .plain("8080"))]
        if let host { keys.append(Key("host", .text(host))) }
        if path != "/" { keys.append(Key("path", .text(path))) }
        return .map(keys)
    }

    private static func add(_ route: Node, _ index: Int, _ drafts: inout [ServiceDraft]) {
        if !drafts[index].routes.contains(route) { drafts[index].routes.append(route) }
    }

    // MARK: - Ingress

    mutating func ingress(_ object: ImportedObject, _ drafts: inout [ServiceDraft]) {
        let spec = object.spec
        spec["defaultBackend"].left("a route without a host and at `/` is what else is asked for")
        for rule in spec.at("rules").items {
            rule["host"].converted("routes")
            for path in rule["http"]["paths"].items {
                let backend = path["backend"]["service"]["name"].text ?? ""
                guard let index = owners[backend] else {
                    path.left("the Service `\(backend)` leads to nothing that is carried over")
                    continue
                }
                let text = path["path"].text ?? "/"
                guard text.hasPrefix("/"), !text.contains(where: { "()*$[]\\".contains($0) }) else {
                    path.left("a route has a plain path here, no pattern")
                    continue
                }
                path["path"].converted("routes of `\(drafts[index].name)`")
                path["backend"].converted("routes of `\(drafts[index].name)`")
                if path["pathType"].text == "Exact" {
                    path["pathType"].changed("routes are prefixes: what lies below is reached as well")
                } else {
                    path["pathType"].converted("routes are prefixes, whole segments")
                }
                Self.add(Self.route(rule["host"].text, text), index, &drafts)
            }
        }
        settings(object, drafts)
    }

    private mutating func once(_ key: String, _ node: Node, _ field: ImportedField) {
        if let known = ingress.first(where: { $0.key == key }), known.value != node {
            field.left("another Ingress says something else, and an environment says it once, in `cluster.ingress`")
            return
        }
        field.converted("environments: cluster.ingress.\(key)")
        if !ingress.contains(where: { $0.key == key }) { ingress.append(Key(key, node)) }
    }

    private mutating func settings(_ object: ImportedObject, _ drafts: [ServiceDraft]) {
        if let name = object.spec["ingressClassName"].text {
            once("class", .text(name), object.spec["ingressClassName"])
            if name.hasPrefix("nginx") { router = router ?? "nginx" }
        }
        var others: [Key] = []
        for (key, field) in object.root["metadata"]["annotations"].entries {
            let text = field.text ?? ""
            switch key {
            case "kubernetes.io/ingress.class":
                once("class", .text(text), field)
                if text.hasPrefix("nginx") { router = router ?? "nginx" }
            case "cert-manager.io/cluster-issuer": once("issuer", .text(text), field)
            case "cert-manager.io/issuer":
                once("issuer", .text(text), field)
                once("issuerScope", .plain("namespace"), field)
            case "nginx.ingress.kubernetes.io/limit-rps": once("rateLimit", .plain("\(text)/s"), field)
            case _ where ClusterStandards.isTools(key): field.converted("its tool's own")
            case _:
                field.converted("environments: cluster.ingress.annotations")
                others.append(Key(key, .text(text)))
            }
        }
        if !others.isEmpty { once("annotations", .map(others), object.root["metadata"]["annotations"]) }
        for tls in object.spec["tls"].items {
            tls["hosts"].converted("the hosts of the routes")
            let secret = tls["secretName"]
            // What a certificate is called where an issuer makes it.
            let isOwn = drafts.contains { secret.text == "\($0.name)-tls" } && ingress.contains { $0.key == "issuer" }
            if isOwn {
                secret.converted("each service has one of its own")
            } else if let name = secret.text {
                once("secret", .text(name), secret)
            }
        }
    }

    // MARK: - Gateway API

    mutating func route(_ object: ImportedObject, _ drafts: inout [ServiceDraft]) {
        router = "gateway"
        let spec = object.spec
        for parent in spec["parentRefs"].items {
            var keys = [Key("name", .text(parent["name"].text ?? ""))]
            if let name = parent["namespace"].text { keys.append(Key("namespace", .text(name))) }
            if let name = parent["sectionName"].text { keys.append(Key("section", .text(name))) }
            if !gateway.isEmpty, gateway != keys {
                parent.left("an environment has one Gateway, in `cluster.gateway`")
                continue
            }
            parent.converted("environments: cluster.gateway")
            gateway = keys
        }
        let hosts = spec["hostnames"].texts
        spec["hostnames"].converted("routes")
        for rule in spec["rules"].items {
            let backends = rule["backendRefs"].items
            guard backends.count == 1, !rule["filters"].exists, let index = owners[backends[0]["name"].text ?? ""]
            else {
                rule.left(
                    "a route leads to one service as it is: filters, and weights of one's own, are not carried over")
                continue
            }
            rule["backendRefs"].converted("routes of `\(drafts[index].name)`")
            let matches = rule["matches"].items
            var paths: [String] = matches.isEmpty ? ["/"] : []
            for match in matches {
                guard !match["headers"].exists, !match["queryParams"].exists, !match["method"].exists,
                    match["path"]["type"].text != "RegularExpression", let path = match["path"]["value"].text
                else {
                    match.left("a route is told by host and path alone")
                    continue
                }
                match.converted("routes of `\(drafts[index].name)`")
                if match["path"]["type"].text == "Exact" { match.changed("routes are prefixes") }
                paths.append(path)
            }
            for host in hosts.isEmpty ? [nil] : hosts.map(Optional.some) {
                for path in paths { Self.add(Self.route(host, path), index, &drafts) }
            }
        }
    }
}
