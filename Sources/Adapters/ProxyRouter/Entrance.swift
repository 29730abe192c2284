import Domain
import Ports
import ProxyRoutes

/// Where requests for a service enter: one rule of one listener.
struct Entrance: Hashable, Comparable, Sendable {
    var address: SocketAddress
    var host: String?
    var path: String

    static func < (left: Entrance, right: Entrance) -> Bool {
        (left.address, left.host ?? "", left.path) < (right.address, right.host ?? "", right.path)
    }
}

extension RouteTranslation {
    /// The edge routes of the release, and the service's local address for its peers.
    func entrances(local: SocketAddress) throws(PortError) -> [Entrance] {
        var entrances: Set<Entrance> = [Entrance(address: local, host: nil, path: "/")]
        for route in spec.routes {
            guard let address = SocketAddress(route.listen) else {
                throw PortError(
                    .invalid, "\(key): `\(route.listen)` is no address to listen on",
                    hint: "write a port, or a numeric address with a port, as 127.0.0.1:8080 or [::1]:8080")
            }
            entrances.insert(Entrance(address: address, host: route.host, path: route.path))
        }
        return entrances.sorted()
    }
}
