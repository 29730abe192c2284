package import Domain

/// How a service's requests are shared between its releases.
package struct TrafficSplit: Hashable, Sendable {
    /// One release's share.
    package struct Share: Hashable, Sendable {
        package var release: ReleaseNumber
        /// In percent, above zero.
        package var percent: Int
    }

    /// They sum to 100; none while the service is down.
    package var shares: [Share]
    /// The release on trial, whatever its share.
    package var canary: ReleaseNumber?
    /// Requests that reach the release on trial, whatever its share.
    package var matches: [MatchSpec]

    package init(_ wish: RouteWish) {
        shares = wish.targets.filter { $0.weight.percent > 0 }
            .map { Share(release: $0.release, percent: $0.weight.percent) }
        canary = wish.canary
        matches = wish.canary == nil ? [] : wish.matches
    }

    /// All requests to one release.
    package init(all release: ReleaseNumber) {
        (shares, matches) = ([Share(release: release, percent: 100)], [])
    }

    /// All releases that requests may reach. Sorted.
    package var releases: [ReleaseNumber] {
        let matched = matches.isEmpty ? [] : [canary].compactMap(\.self)
        return Set(shares.map(\.release) + matched).sorted()
    }

    /// The release with the largest share, stable before the one on trial: whom callers inside the cluster reach where
    /// only requests from outside can be split. Nil while the service is down.
    package var main: ReleaseNumber? {
        let stable = shares.filter { $0.release != canary }
        let most = shares.map(\.percent).max()
        return (stable + shares).first { $0.percent == most }?.release
    }
}

extension ServiceRendering {
    /// The Service that leads to one release's pods alone: `api-r14`.
    static func addressName(_ service: String, _ release: ReleaseNumber) -> String { "\(service)-r\(release)" }

    /// One Service for each release that requests may reach.
    func addresses(of split: TrafficSplit) -> [KubernetesObject] { addresses(of: split.releases) }

    /// One Service for each of these releases.
    func addresses(of releases: [ReleaseNumber]) -> [KubernetesObject] {
        guard let address else { return [] }
        return releases.map { release in
            var own = address
            own.name = Self.addressName(name, release)
            own.labels[Self.releaseLabel] = release.description
            own.content = own.content.map { field in
                guard field.key == "spec" else { return field }
                let labels = field.value.setting(["selector", Self.releaseLabel], to: .text(release.description))
                return ObjectField("spec", labels)
            }
            return own
        }
    }
}

// MARK: - Gateway API

extension ServiceRendering {
    /// Of an HTTPRoute, for these paths: matching requests first, then everybody.
    func routeRules(_ paths: [String]) -> [ObjectValue] {
        let port = ObjectValue.number(spec.port ?? 80)
        let everything = paths.map { path -> ObjectValue in ["path": ["type": "PathPrefix", "value": .text(path)]] }
        guard let split else {
            return [
                [
                    "matches": paths == ["/"] ? nil : .list(everything),
                    "backendRefs": [["name": .text(name), "port": port]],
                ]
            ]
        }
        func backend(_ release: ReleaseNumber, _ weight: Int? = nil) -> ObjectValue {
            [
                "name": .text(Self.addressName(name, release)), "port": port,
                "weight": weight.map { .number($0) },
            ]
        }
        var rules: [ObjectValue] = []
        let headers = split.matches.compactMap { match -> ObjectValue? in
            guard case .header(let header, let value) = match else { return nil }
            return ["name": .text(header), "value": .text(value)]
        }
        if let canary = split.canary, !headers.isEmpty {
            let matches = everything.flatMap { path in headers.map { path.setting("headers", to: [$0]) } }
            rules.append(["matches": .list(matches), "backendRefs": [backend(canary)]])
        }
        let isWhole = split.shares.count == 1
        let backends = split.shares.map { backend($0.release, isWhole ? nil : $0.percent) }
        rules.append([
            "matches": paths == ["/"] ? nil : .list(everything),
            // While the service is down: a Service that leads nowhere.
            "backendRefs": .list(backends.isEmpty ? [["name": .text(name), "port": port]] : backends),
        ])
        return rules
    }
}

// MARK: - Istio

extension ServiceRendering {
    /// Of a VirtualService: matching requests first, then everybody.
    /// - Parameter paths: matches by path; empty: all.
    func meshRules(_ paths: [ObjectValue]) -> [ObjectValue] {
        guard let split else {
            return [["match": ObjectValue.list(paths).unlessEmpty, "route": destination]]
        }
        let port: ObjectValue = ["number": .number(spec.port ?? 80)]
        func leading(to host: String, _ weight: Int? = nil) -> ObjectValue {
            ["destination": ["host": .text(host), "port": port], "weight": weight.map { .number($0) }]
        }
        var rules: [ObjectValue] = []
        let headers = split.matches.map { match -> ObjectValue in
            switch match {
            case .header(let header, let value): .map([ObjectField(header.lowercased(), ["exact": .text(value)])])
            // Istio knows no cookies, but the header that they come in (RFC 6265, 4.2).
            case .cookie(let cookie, let value):
                ["cookie": ["regex": .text("^(.*; ?)?\(Self.escaped(cookie))=\(Self.escaped(value))(;.*)?$")]]
            }
        }
        if let canary = split.canary, !headers.isEmpty {
            let places: [ObjectValue] = paths.isEmpty ? [[:]] : paths
            let matches = places.flatMap { place in headers.map { place.setting("headers", to: $0) } }
            rules.append(["match": .list(matches), "route": [leading(to: Self.addressName(name, canary))]])
        }
        let isWhole = split.shares.count == 1
        let routes = split.shares.map { share in
            leading(to: Self.addressName(name, share.release), isWhole ? nil : share.percent)
        }
        rules.append([
            "match": ObjectValue.list(paths).unlessEmpty,
            "route": .list(routes.isEmpty ? [leading(to: name)] : routes),
        ])
        return rules
    }

    /// For a regular expression (RE2).
    private static func escaped(_ text: String) -> String {
        String(
            text.flatMap { character -> [Character] in
                "\\.+*?()|[]{}^$".contains(character) ? ["\\", character] : [character]
            })
    }
}

// MARK: - NGINX

extension ServiceRendering {
    /// The release that the Ingress itself leads to: all requests that its canary does not take.
    var ingressMain: ReleaseNumber? {
        guard let split else { return nil }
        return split.shares.first { $0.release != split.canary }?.release ?? split.shares.first?.release
    }

    /// A second Ingress for the release on trial, as ingress-nginx knows canaries; nil when it gets none, or all.
    var canaryIngress: KubernetesObject? {
        guard let split, let canary = split.canary, canary != ingressMain else { return nil }
        let share = split.shares.first { $0.release == canary }?.percent ?? 0
        guard share > 0 || !split.matches.isEmpty else { return nil }
        let prefix = "nginx.ingress.kubernetes.io/canary"
        var annotations = [prefix: "true", "\(prefix)-weight": String(share)]
        if case .header(let header, let value)? = split.matches.first {
            annotations["\(prefix)-by-header"] = header
            annotations["\(prefix)-by-header-value"] = value
        }
        let content: ObjectValue = [
            "ingressClassName": cluster.ingress.ingressClass.map { .text($0) },
            "rules": .list(ingressRules(leadingTo: Self.addressName(name, canary))),
        ]
        return object(
            .ingress, name: "\(name)-canary", annotations: annotations, [ObjectField("spec", content)])
    }
}
