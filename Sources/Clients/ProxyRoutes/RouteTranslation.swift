package import Domain
package import Ports
package import ProxyControl

/// A wish of the engine in the words of the proxy.
package struct RouteTranslation: Sendable {
    package let key: ServiceKey
    package let wish: RouteWish
    package let spec: ServiceSpec
    /// How long a browser keeps the cookie of a sticky cohort, in seconds.
    package let stickyMaxAge: Int

    package init(key: ServiceKey, wish: RouteWish, spec: ServiceSpec, stickyMaxAge: Int) {
        self.key = key
        self.wish = wish
        self.spec = spec
        self.stickyMaxAge = stickyMaxAge
    }

    /// Nil when the service is down: it has no targets, and the proxy knows no service without any.
    package func route(epoch: UInt64) throws(PortError) -> ServiceRoute? {
        if wish.targets.isEmpty { return nil }
        var targets: [Target] = []
        for target in wish.targets {
            targets.append(
                Target(
                    release: target.release.code, role: role(target.release),
                    weight: target.weight.percent, backends: try backends(target)))
        }
        return ServiceRoute(
            name: key.description, epoch: epoch, targets: targets, matches: matches(), sticky: sticky(), hold: hold(),
            releaseHeader: spec.releaseHeader,
            limits: ServiceLimits(tunnelDrainMilliseconds: Int(clamping: spec.drain.milliseconds)))
    }

    private func role(_ release: ReleaseNumber) -> TargetRole {
        if release.isBaseline { return .baseline }
        return release == wish.canary ? .canary : .stable
    }

    private func backends(_ target: TargetWish) throws(PortError) -> [ProxyControl.Backend] {
        var backends: [ProxyControl.Backend] = []
        for wanted in target.backends {
            switch wanted.backend {
            case .address(let host, let port):
                backends.append(ProxyControl.Backend(instance: wanted.instance.description, host: host, port: port))
            case .none:
                throw PortError(
                    .invalid, "\(key): instance \(wanted.instance) has no address that requests could be sent to",
                    hint: "a service without a `port` is a worker, which no router reaches")
            case .name(let name):
                throw PortError(
                    .invalid, "\(key): the proxy resolves no names, and instance \(wanted.instance) is at \(name)",
                    hint: "the proxy routes to instances on this machine only")
            }
        }
        return backends
    }

    /// Requests that match go to the release on trial, once it is among the targets.
    private func matches() -> [Match]? {
        guard let canary = wish.canary, wish.targets.contains(where: { $0.release == canary }), !wish.matches.isEmpty
        else { return nil }
        return wish.matches.map { match in
            switch match {
            case .header(let name, let value): Match(header: name, value: value, release: canary.value)
            case .cookie(let name, let value): Match(cookie: name, value: value, release: canary.value)
            }
        }
    }

    private func sticky() -> Sticky? {
        wish.sticky.map { Sticky(cookie: "slipway-\(key.service)", salt: $0, maxAge: stickyMaxAge) }
    }

    private func hold() -> Hold? {
        wish.hold.map { hold in
            // Whole seconds, rounded up: a hold of 500ms must not become one of none.
            let seconds = (hold.time.milliseconds + 999) / 1000
            return Hold(
                maxRequests: hold.requests, maxBytes: Int(clamping: hold.bytes), maxSeconds: Int(clamping: seconds))
        }
    }
}

extension ServiceRoute {
    /// Whether requests are drawn for the releases as by another route: then counts of both may be added.
    package func splits(as other: ServiceRoute) -> Bool {
        guard targets.count == other.targets.count else { return false }
        for (mine, theirs) in zip(targets, other.targets)
        where mine.release != theirs.release || mine.weight != theirs.weight || mine.role != theirs.role {
            return false
        }
        return sticky?.salt == other.sticky?.salt
    }
}
