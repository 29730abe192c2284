import KubernetesObjects
import ProxyControl

/// The endpoints of Services, out of their EndpointSlices. A value without I/O.
struct EndpointBook: Sendable {
    /// One address of a Service's endpoints.
    struct Endpoint: Hashable, Sendable {
        var host: String
        var port: Int
        var isReady: Bool
        /// What stands behind it, as its slice says.
        var name: String
    }

    private var slices: [String: (service: String, endpoints: [Endpoint])] = [:]

    /// Everything that there is.
    mutating func take(_ all: [ObjectValue]) {
        slices = [:]
        for slice in all { take(slice) }
    }

    mutating func take(_ slice: ObjectValue) {
        guard let name = slice.at("metadata", "name")?.text,
            let service = slice.at("metadata", "labels", "kubernetes.io/service-name")?.text
        else { return }
        let ports = slice["ports"]?.items ?? []
        // The Service of a release has one port that requests go to.
        let port = ports.first { $0["name"]?.text == "http" } ?? ports.first
        guard let number = port?["port"]?.number else {
            slices[name] = (service, [])
            return
        }
        var endpoints: [Endpoint] = []
        for endpoint in slice["endpoints"]?.items ?? [] {
            // Unknown counts as ready, as the API says.
            let isReady = endpoint.at("conditions", "ready") != false
            for host in (endpoint["addresses"]?.items ?? []).compactMap(\.text) {
                endpoints.append(
                    Endpoint(
                        host: host, port: Int(number), isReady: isReady,
                        name: endpoint.at("targetRef", "name")?.text ?? "\(host):\(number)"))
            }
        }
        slices[name] = (service, endpoints)
    }

    mutating func drop(_ slice: ObjectValue) { slices[slice.at("metadata", "name")?.text ?? ""] = nil }

    /// Of one Service, each address once; sorted.
    func endpoints(of service: String) -> [Endpoint] {
        var found: [String: Endpoint] = [:]
        for slice in slices.values where slice.service == service {
            for endpoint in slice.endpoints {
                let address = "\(endpoint.host):\(endpoint.port)"
                // While an endpoint moves from one slice to another it may be in both.
                if found[address]?.isReady != true { found[address] = endpoint }
            }
        }
        return found.keys.sorted().compactMap { found[$0] }
    }
}
