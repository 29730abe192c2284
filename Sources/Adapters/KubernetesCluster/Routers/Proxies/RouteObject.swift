import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesObjects
import Ports
import ProxyControl
import ProxyRoutes

/// A service's wish as the ConfigMap that the proxies follow.
struct RouteObject: Sendable {
    var route: ClusterRoute
    /// Of the object, once it is there.
    var version: String?

    static let prefix = "slipway-route-"

    static func name(_ service: ServiceName) -> String { prefix + service.text }

    init(_ route: ClusterRoute) { self.route = route }

    /// Nil for something else.
    init?(_ object: ObjectValue) {
        guard object.at("metadata", "labels", ClusterRoute.label)?.text == ClusterRoute.record,
            let text = object.at("data", ClusterRoute.key)?.text
        else { return nil }
        // What cannot be read is written anew.
        guard let route = try? JSONDecoder().decode(ClusterRoute.self, from: Data(text.utf8)) else { return nil }
        self.init(route)
        version = object.at("metadata", "resourceVersion")?.text
    }

    func object(of key: ServiceKey, namespace: String) throws(PortError) -> KubernetesObject {
        let text: String
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            text = String(decoding: try encoder.encode(route), as: UTF8.self)
        } catch {
            throw PortError(.invalid, "the route of \(key.service) cannot be written: \(error)")
        }
        return KubernetesObject(
            .configMap, name: Self.name(key.service), namespace: namespace,
            labels: [
                "app.kubernetes.io/managed-by": "slipway", "app.kubernetes.io/name": key.service.text,
                "app.kubernetes.io/part-of": key.environment.project, ClusterRoute.label: ClusterRoute.record,
            ], content: [ObjectField("data", .map([ObjectField(ClusterRoute.key, .text(text))]))])
    }

    // MARK: - Ports

    /// Below those that systems give to outgoing connections.
    static let ports = 20_000..<30_000

    /// What the proxies listen on for a service: the same each time, as long as nobody else has it.
    static func port(of key: ServiceKey, besides taken: Set<Int>) -> Int? {
        PreferredPorts(in: ports, by: key.description).first { !taken.contains($0) }
    }
}
