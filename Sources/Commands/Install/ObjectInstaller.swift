import FoundationEssentials
import KubernetesAPI
import KubernetesObjects
import SupervisorAPI

/// What became of an object.
struct AppliedObject: Codable, Hashable, Sendable {
    enum Change: String, Codable, Hashable, Sendable {
        case new, changed, same
    }

    /// `namespace/slipway`
    var object: String
    var change: Change
}

/// Applies objects that are not an environment's, on the server's side.
struct ObjectInstaller: Sendable {
    /// Who owns their fields.
    static let manager = "slipway-install"

    let client: KubernetesClient

    /// - Parameter context: of the kubeconfig; nil: the current one.
    /// - Throws: `SupervisorError` for the first object that the cluster refuses; those before it stay.
    static func apply(_ objects: [KubernetesObject], context: String?) async throws -> [AppliedObject] {
        let variables = ProcessInfo.processInfo.environment
        let client: KubernetesClient
        do throws(ClusterTrouble) {
            client = KubernetesClient(
                try ClusterAccess.find(context: context, environment: variables), environment: variables)
        } catch {
            throw SupervisorError(code: "cluster", message: error.text, hint: error.hint)
        }
        do {
            var applied: [AppliedObject] = []
            for object in objects { applied.append(try await ObjectInstaller(client: client).apply(object)) }
            try await client.shutdown()
            return applied
        } catch {
            try await client.shutdown()
            throw error
        }
    }

    private func apply(_ object: KubernetesObject) async throws -> AppliedObject {
        let resource = APIResource(object.kind)
        do throws(ClusterTrouble) {
            let before = try await client.find(resource, namespace: object.namespace, name: object.name)
            let after = try await client.apply(
                resource, namespace: object.namespace, name: object.name, object.value, manager: Self.manager)
            let version = before?.at("metadata", "resourceVersion")
            let isSame = version == after.at("metadata", "resourceVersion")
            return AppliedObject(object: object.title, change: before == nil ? .new : isSame ? .same : .changed)
        } catch {
            throw SupervisorError(
                code: "cluster", message: "\(object.title) cannot be applied: \(error.text)",
                hint: error.kind == .conflict
                    ? "what others own there stays theirs: change it there, or let go of it" : error.hint)
        }
    }
}
