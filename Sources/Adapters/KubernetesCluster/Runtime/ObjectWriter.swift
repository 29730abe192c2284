import KubernetesAPI
import KubernetesObjects
import Ports

/// Writes a namespace's objects by server-side apply.
struct ObjectWriter: Sendable {
    let client: KubernetesClient
    let namespace: String

    /// What a release's objects say is ours alone: fields that somebody changed by hand are taken back.
    @discardableResult
    func apply(_ object: KubernetesObject, _ value: ObjectValue? = nil) async throws(ClusterTrouble) -> ObjectValue {
        try await client.apply(
            APIResource(object.kind), namespace: object.namespace, name: object.name, value ?? object.value,
            isForced: true)
    }

    func delete(_ kind: ObjectKind, _ name: String) async throws(ClusterTrouble) {
        try await client.delete(APIResource(kind), namespace: namespace, name: name)
    }

    /// Deletes what Slipway has made or taken over. What somebody else has made under the same name stays.
    func removeOurs(_ kind: ObjectKind, _ name: String) async throws(PortError) {
        do { try await deleteOurs(kind, name) } catch {
            throw PortError(error, "\(kind.rawValue.lowercased())/\(name) cannot be deleted")
        }
    }

    /// As `removeOurs`, for who tells the reasons apart.
    func deleteOurs(_ kind: ObjectKind, _ name: String) async throws(ClusterTrouble) {
        let resource = APIResource(kind)
        let there = try await client.find(resource, namespace: namespace, name: name)
        guard let there, there.at("metadata", "labels", ReleaseRendering.managerLabel)?.text == ReleaseRendering.manager
        else { return }
        try await client.delete(resource, namespace: namespace, name: name, uid: there.at("metadata", "uid")?.text)
    }

    /// Two values with the same mark say the same.
    static func mark(_ value: ObjectValue) -> String { ObjectDigest.text([ObjectText.json(value)]) }
}
