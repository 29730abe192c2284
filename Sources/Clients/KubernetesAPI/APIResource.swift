package import KubernetesObjects

/// A kind of objects as the API's paths name it.
package struct APIResource: Hashable, Sendable {
    /// `apps/v1`, `v1`
    package var version: String
    /// `deployments`
    package var plural: String
    package var kind: String
    package var isNamespaced: Bool

    package init(version: String, plural: String, kind: String, isNamespaced: Bool = true) {
        self.version = version
        self.plural = plural
        self.kind = kind
        self.isNamespaced = isNamespaced
    }

    package init(_ kind: ObjectKind) {
        self.init(
            version: kind.apiVersion, plural: kind.plural, kind: kind.rawValue, isNamespaced: kind.isNamespaced)
    }

    package static let pods = APIResource(version: "v1", plural: "pods", kind: "Pod")
    package static let replicaSets = APIResource(version: "apps/v1", plural: "replicasets", kind: "ReplicaSet")
    package static let events = APIResource(version: "v1", plural: "events", kind: "Event")
    package static let slices = APIResource(
        version: "discovery.k8s.io/v1", plural: "endpointslices", kind: "EndpointSlice")
    package static let leases = APIResource(version: "coordination.k8s.io/v1", plural: "leases", kind: "Lease")
    package static let reviews = APIResource(
        version: "authorization.k8s.io/v1", plural: "selfsubjectaccessreviews", kind: "SelfSubjectAccessReview",
        isNamespaced: false)

    package static let rulesReviews = APIResource(
        version: "authorization.k8s.io/v1", plural: "selfsubjectrulesreviews", kind: "SelfSubjectRulesReview",
        isNamespaced: false)
    package static let secrets = APIResource(version: "v1", plural: "secrets", kind: "Secret")

    /// `apps`; the core's is empty.
    package var group: String {
        version.contains("/") ? String(version.prefix { $0 != "/" }) : ""
    }

    /// The path of all of them, of a namespace, or of one.
    package func path(namespace: String?, name: String? = nil, part: String? = nil) -> String {
        var path = version.contains("/") ? "/apis/\(version)" : "/api/\(version)"
        if isNamespaced, let namespace { path += "/namespaces/\(APIQuery.escaped(namespace))" }
        path += "/\(plural)"
        if let name { path += "/\(APIQuery.escaped(name))" }
        if let part { path += "/\(part)" }
        return path
    }
}

/// What follows the question mark.
package struct APIQuery: Hashable, Sendable {
    package var items: [(name: String, value: String)] = []

    package init() {}

    package init(_ items: KeyValuePairs<String, String?>) {
        for (name, value) in items {
            if let value { self.items.append((name, value)) }
        }
    }

    package mutating func set(_ name: String, _ value: String?) {
        items.removeAll { $0.name == name }
        if let value { items.append((name, value)) }
    }

    /// With its question mark; empty without any.
    package var text: String {
        items.isEmpty ? "" : "?" + items.map { "\($0.name)=\(Self.escaped($0.value))" }.joined(separator: "&")
    }

    /// Everything but unreserved characters (RFC 3986, 2.3) as `%XX`.
    static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            case _: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    package static func == (left: APIQuery, right: APIQuery) -> Bool { left.text == right.text }
    package func hash(into hasher: inout Hasher) { hasher.combine(text) }
}
