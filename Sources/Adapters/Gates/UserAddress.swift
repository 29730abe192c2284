import Domain

extension Release {
    /// What users write in their browsers: the first route's host, a name below it for a wildcard; else the service.
    var userHost: String {
        guard let host = parts.spec.routes.compactMap(\.host).first else { return service.text }
        return host.hasPrefix("*.") ? "\(service).\(host.dropFirst(2))" : host
    }
}

extension RouteSpec {
    /// Where it is reached from this machine: one that listens everywhere, on loopback.
    var localAddress: String {
        let listen = listen.replacing("0.0.0.0:", with: "127.0.0.1:")
        return listen.contains(":") ? listen : "127.0.0.1:\(listen)"
    }
}
