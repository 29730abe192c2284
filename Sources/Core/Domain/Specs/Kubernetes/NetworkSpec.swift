/// Who may talk to a service's pods, and to whom they may, besides what `needs`, `routes` and name resolution ask for.
package struct NetworkSpec: Hashable, Sendable, Codable {
    package var from: [NetworkPeer]
    package var to: [NetworkPeer]

    package init(from: [NetworkPeer] = [], to: [NetworkPeer] = []) {
        self.from = from
        self.to = to
    }
}

/// Somebody on the network.
package struct NetworkPeer: Hashable, Sendable, Codable {
    package var who: NetworkParty
    /// Empty: any.
    package var ports: [Int]

    package init(who: NetworkParty, ports: [Int] = []) {
        self.who = who
        self.ports = ports
    }
}

/// Who is meant.
package enum NetworkParty: Hashable, Sendable, Codable {
    case service(ServiceName)
    /// All pods of a namespace, by its name.
    case namespace(String)
    /// Addresses, `10.0.0.0/8`.
    case block(String)
    /// Pods of this namespace by their labels.
    case pods([Variable])
}

/// What Prometheus' operator scrapes.
package struct MonitorSpec: Hashable, Sendable, Codable {
    package var path: String
    /// Nil: the service's port.
    package var port: Int?
    package var every: Span

    package init(path: String = "/metrics", port: Int? = nil, every: Span = .seconds(30)) {
        self.path = path
        self.port = port
        self.every = every
    }
}
