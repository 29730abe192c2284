import KubernetesObjects

/// What a gateway's controller knows of a namespace.
struct ClusterRoutes: Sendable {
    /// HTTPRoutes, Ingresses or VirtualServices.
    var routes: [ObjectValue]
    var services: [ObjectValue]
    var slices: [ObjectValue]

    /// Rules with the places that they lead to.
    func table(_ rules: [GatewayRule]) -> GatewayTable {
        var table = GatewayTable(rules: rules)
        for backend in Set(rules.flatMap(\.shares).map(\.backend)) { table.places[backend] = places(of: backend) }
        return table
    }

    /// The ready endpoints of `service:port`; nil when there is no such Service, or it has no such port.
    private func places(of backend: String) -> [String]? {
        let words = backend.split(separator: ":").map(String.init)
        guard words.count == 2, let service = services.first(where: { $0.at("metadata", "name")?.text == words[0] }),
            let port = Self.port(words[1], of: service)
        else { return nil }
        var places: [String] = []
        for slice in slices where slice.at("metadata", "labels", "kubernetes.io/service-name")?.text == words[0] {
            let target = slice["ports"]?.items.first { ($0["name"]?.text ?? "") == (port["name"]?.text ?? "") }
            guard let number = target?["port"]?.number else { continue }
            for endpoint in slice["endpoints"]?.items ?? [] where endpoint.at("conditions", "ready") != false {
                places += (endpoint["addresses"]?.items ?? []).compactMap(\.text).map { "\($0):\(number)" }
            }
        }
        return places
    }

    /// By its number or its name.
    private static func port(_ word: String, of service: ObjectValue) -> ObjectValue? {
        service.at("spec", "ports")?.items.first { port in
            port["name"]?.text == word || port["port"]?.number.map(String.init) == word
        }
    }

    /// Whether a rule leads to what is there.
    func isResolved(_ rule: GatewayRule) -> Bool { rule.shares.allSatisfy { places(of: $0.backend) != nil } }
}

// MARK: - Gateway API

extension ClusterRoutes {
    /// Of all HTTPRoutes, in the order in which they are to be asked: the more exact one first.
    /// Source: Gateway API, `HTTPRouteRule.matches`.
    func rulesOfGateways() -> [GatewayRule] {
        let rules = routes.flatMap { Self.rules(ofRoute: $0) }
        return rules.enumerated().sorted { one, other in
            let (first, second) = (Self.rank(one.element), Self.rank(other.element))
            return first == second ? one.offset < other.offset : first.lexicographicallyPrecedes(second)
        }.map(\.element)
    }

    private static func rank(_ rule: GatewayRule) -> [Int] {
        [rule.host == nil ? 1 : 0] + rule.path.rank + [-rule.headers.count]
    }

    static func rules(ofRoute route: ObjectValue) -> [GatewayRule] {
        let hosts = (route.at("spec", "hostnames")?.items ?? []).compactMap { $0.text?.lowercased() }
        var rules: [GatewayRule] = []
        for rule in route.at("spec", "rules")?.items ?? [] {
            let shares = (rule["backendRefs"]?.items ?? []).map { backend in
                GatewayRule.Share(
                    backend: "\(backend["name"]?.text ?? ""):\(backend["port"]?.number ?? 0)",
                    weight: Int(backend["weight"]?.number ?? 1))
            }
            for match in rule["matches"]?.items ?? [[:]] {
                for host in hosts.isEmpty ? [nil] : hosts.map(Optional.some) {
                    rules.append(
                        GatewayRule(host: host, path: path(of: match), headers: headers(of: match), shares: shares))
                }
            }
        }
        return rules
    }

    private static func path(of match: ObjectValue) -> GatewayRule.PathFit {
        let text = match.at("path", "value")?.text ?? "/"
        return match.at("path", "type")?.text == "Exact" ? .exact(text) : .segments(text)
    }

    private static func headers(of match: ObjectValue) -> [GatewayRule.HeaderFit] {
        (match["headers"]?.items ?? []).map { header in
            let text = header["value"]?.text ?? ""
            return GatewayRule.HeaderFit(
                name: header["name"]?.text ?? "",
                value: header["type"]?.text == "RegularExpression" ? .pattern(text) : .exact(text))
        }
    }
}

extension GatewayRule.PathFit {
    /// Lower is asked first.
    fileprivate var rank: [Int] {
        switch self {
        case .exact: [0, 0]
        case .segments(let path), .start(let path): [1, -path.utf8.count]
        case .any: [1, 0]
        }
    }
}

// MARK: - Ingress

extension ClusterRoutes {
    /// Of all Ingresses, with their canaries.
    /// Source: ingress-nginx, `docs/user-guide/nginx-configuration/annotations.md`: a header decides before the weight.
    func rulesOfIngresses() -> [GatewayRule] {
        let canaries = routes.filter { Self.note("canary", $0) == "true" }
        var rules: [(rank: Int, rules: [GatewayRule])] = []
        for ingress in routes where Self.note("canary", ingress) != "true" {
            for entry in Self.entries(of: ingress) {
                let canary = canaries.lazy.compactMap { canary in
                    Self.entries(of: canary).first { $0.host == entry.host && $0.path == entry.path }
                        .map { (canary, $0.share.backend) }
                }.first
                let all = canary.map { Self.rules(entry, beside: $0.0, leadingTo: $0.1) } ?? [entry.rule]
                rules.append((Self.length(entry.path), all))
            }
        }
        let sorted = rules.enumerated().sorted { ($1.element.rank, $0.offset) < ($0.element.rank, $1.offset) }
        // Any host comes last.
        let all = sorted.flatMap(\.element.rules)
        return all.filter { $0.host != nil } + all.filter { $0.host == nil }
    }

    private struct Entry {
        var host: String?
        var path: GatewayRule.PathFit
        var share: GatewayRule.Share

        var rule: GatewayRule { GatewayRule(host: host, path: path, shares: [share]) }
    }

    private static func entries(of ingress: ObjectValue) -> [Entry] {
        (ingress.at("spec", "rules")?.items ?? []).flatMap { rule in
            (rule.at("http", "paths")?.items ?? []).map { path in
                let text = path["path"]?.text ?? "/"
                let service = path.at("backend", "service")
                let port = service?.at("port", "name")?.text ?? service?.at("port", "number")?.number.map(String.init)
                return Entry(
                    host: rule["host"]?.text?.lowercased(),
                    path: path["pathType"]?.text == "Exact" ? .exact(text) : .segments(text),
                    share: GatewayRule.Share(backend: "\(service?["name"]?.text ?? ""):\(port ?? "")", weight: 1))
            }
        }
    }

    private static func rules(
        _ entry: Entry, beside canary: ObjectValue, leadingTo backend: String
    ) -> [GatewayRule] {
        var rules: [GatewayRule] = []
        if let header = note("canary-by-header", canary) {
            func add(_ value: String, _ backend: String) {
                let fit = GatewayRule.HeaderFit(name: header, value: .exact(value))
                rules.append(
                    GatewayRule(
                        host: entry.host, path: entry.path, headers: [fit],
                        shares: [GatewayRule.Share(backend: backend, weight: 1)]))
            }
            if let value = note("canary-by-header-value", canary) {
                add(value, backend)
            } else {
                add("always", backend)
                add("never", entry.share.backend)
            }
        }
        let whole = note("canary-weight-total", canary).flatMap { Int($0) } ?? 100
        let weight = min(whole, note("canary-weight", canary).flatMap { Int($0) } ?? 0)
        var rest = entry.rule
        rest.shares = [
            GatewayRule.Share(backend: backend, weight: weight),
            GatewayRule.Share(backend: entry.share.backend, weight: whole - weight),
        ].filter { $0.weight > 0 }
        return rules + [rest]
    }

    private static func note(_ name: String, _ ingress: ObjectValue) -> String? {
        ingress.at("metadata", "annotations", "nginx.ingress.kubernetes.io/\(name)")?.text
    }

    private static func length(_ path: GatewayRule.PathFit) -> Int {
        switch path {
        case .exact(let text), .start(let text), .segments(let text): text.utf8.count
        case .any: 0
        }
    }
}

// MARK: - Istio

extension ClusterRoutes {
    /// Of all VirtualServices, as an edge and the mesh inside know them: the first match of a host decides.
    /// Source: Istio, `networking/v1/virtual_service.proto`.
    func rulesOfMeshes() -> [GatewayRule] {
        let all = routes.flatMap { Self.rules(ofMeshRoute: $0) }
        return all.filter { $0.host != nil } + all.filter { $0.host == nil }
    }

    private static func rules(ofMeshRoute route: ObjectValue) -> [GatewayRule] {
        var rules: [GatewayRule] = []
        for host in (route.at("spec", "hosts")?.items ?? []).compactMap(\.text) {
            for http in route.at("spec", "http")?.items ?? [] {
                let shares = (http["route"]?.items ?? []).map { target in
                    let port = target.at("destination", "port", "number")?.number ?? 0
                    return GatewayRule.Share(
                        backend: "\(target.at("destination", "host")?.text ?? ""):\(port)",
                        weight: Int(target["weight"]?.number ?? 100))
                }.filter { $0.weight > 0 }
                for match in http["match"]?.items ?? [[:]] {
                    rules.append(
                        GatewayRule(
                            host: host == "*" ? nil : host.lowercased(), path: meshPath(of: match),
                            headers: meshHeaders(of: match), shares: shares))
                }
            }
        }
        return rules
    }

    private static func meshPath(of match: ObjectValue) -> GatewayRule.PathFit {
        if let exact = match.at("uri", "exact")?.text { return .exact(exact) }
        return match.at("uri", "prefix")?.text.map { .start($0) } ?? .any
    }

    private static func meshHeaders(of match: ObjectValue) -> [GatewayRule.HeaderFit] {
        (match["headers"]?.fields ?? []).map { header in
            let value = header.value["exact"]?.text.map { GatewayRule.ValueFit.exact($0) }
            return GatewayRule.HeaderFit(
                name: header.key, value: value ?? .pattern(header.value["regex"]?.text ?? ""))
        }
    }
}
