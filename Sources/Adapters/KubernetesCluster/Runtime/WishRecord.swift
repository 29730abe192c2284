import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesObjects
import Ports

/// Who said last what of a service should run, kept in the cluster: two Slipways must not undo each other's work.
struct WishRecord: Hashable, Sendable {
    var owner: String
    var fence: UInt64
    var generation: UInt64
    /// What Slipway may have applied for the releases: an inventory, as there is no other sign of what was dropped.
    var objects: Set<InventoryEntry> = []
    /// Of the object, once it is there.
    var version: String?

    static let label = "slipway.dev/record"

    static func name(_ service: ServiceName) -> String { "\(service).slipway" }

    init(owner: String, fence: UInt64, generation: UInt64) {
        self.owner = owner
        self.fence = fence
        self.generation = generation
    }

    /// Nil for something else.
    init?(_ object: ObjectValue) {
        guard let owner = object.at("data", "owner")?.text,
            let fence = object.at("data", "fence")?.text.flatMap({ UInt64($0) }),
            let generation = object.at("data", "generation")?.text.flatMap({ UInt64($0) })
        else { return nil }
        self.init(owner: owner, fence: fence, generation: generation)
        objects = Set(
            (object.at("data", "objects")?.text ?? "").split(separator: " ").compactMap { InventoryEntry($0) })
        version = object.at("metadata", "resourceVersion")?.text
    }

    func object(of service: ServiceName, in environment: EnvironmentID) -> ObjectValue {
        [
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": [
                "name": .text(Self.name(service)), "resourceVersion": version.map { .text($0) },
                "labels": [
                    "app.kubernetes.io/managed-by": "slipway", "app.kubernetes.io/name": .text(service.text),
                    "app.kubernetes.io/part-of": .text(environment.project), Self.label: "wish",
                ],
            ],
            "data": [
                "fence": .text(String(fence)), "generation": .text(String(generation)), "owner": .text(owner),
                "objects": objects.isEmpty ? nil : .text(objects.sorted().map(\.text).joined(separator: " ")),
            ],
        ]
    }

    /// Signs a wish before anything of it is carried out.
    /// - Parameters:
    ///   - known: the record as it was seen last.
    ///   - inherited: names of others whose signatures may be replaced.
    /// - Returns: the record as it stands now; nil: the namespace is not there.
    /// - Throws: `PortError` with code `stale` when a newer wish was signed, `unavailable` when somebody else's was.
    static func sign(
        _ wish: WishRecord, known: WishRecord?, of service: ServiceName, in environment: EnvironmentID,
        _ client: KubernetesClient, namespace: String, inherited: [String]
    ) async throws(PortError) -> WishRecord? {
        let resource = APIResource(.configMap)
        var known = known
        for _ in 0..<3 {
            if let known {
                try known.check(wish, service, namespace: namespace, inherited: inherited)
                if known.owner == wish.owner, known.fence == wish.fence, known.generation == wish.generation,
                    known.version != nil, known.objects.isSuperset(of: wish.objects)
                {
                    return known
                }
            }
            var next = wish
            next.version = known?.version
            next.objects.formUnion(known?.objects ?? [])
            do {
                let written: ObjectValue
                if known?.version == nil {
                    written = try await client.create(
                        resource, namespace: namespace, next.object(of: service, in: environment))
                } else {
                    written = try await client.replace(
                        resource, namespace: namespace, name: name(service), next.object(of: service, in: environment))
                }
                next.version = written.at("metadata", "resourceVersion")?.text
                return next
            } catch {
                switch error.kind {
                // Only in a namespace that is not there something cannot be made for want of it.
                case .notFound where next.version == nil: return nil
                // Somebody was there before us, or our own request that was cut off: look, and try again.
                case .exists, .conflict, .notFound, .unreachable, .server:
                    known = try await read(service, client, namespace)
                case .configuration, .unauthorized, .forbidden, .gone, .busy, .invalid, .garbled:
                    throw PortError(error, "the turn at \(service) cannot be taken")
                }
            }
        }
        throw PortError(
            .unavailable,
            "the turn at \(service) cannot be taken: somebody else writes \(name(service)) again and again",
            hint: "does another Slipway deploy to this namespace?")
    }

    static func read(
        _ service: ServiceName, _ client: KubernetesClient, _ namespace: String
    ) async throws(PortError) -> WishRecord? {
        do {
            return try await client.find(APIResource(.configMap), namespace: namespace, name: name(service))
                .flatMap { WishRecord($0) }
        } catch {
            throw PortError(error, "who deploys \(service) cannot be told")
        }
    }

    /// Whether a wish may follow this one.
    func check(
        _ wish: WishRecord, _ service: ServiceName, namespace: String, inherited: [String]
    ) throws(PortError) {
        // Their numbers mean nothing here; and they may not sign after us.
        if owner != wish.owner, inherited.contains(owner) { return }
        guard owner == wish.owner else {
            throw PortError(
                .unavailable, "another Slipway deploys \(service) to this namespace",
                hint: "if it does so no longer, "
                    + "`kubectl delete configmap \(Self.name(service)) --namespace \(namespace)` hands it over")
        }
        guard (fence, generation) <= (wish.fence, wish.generation) else {
            throw PortError(.stale, "wish \(wish.generation) of \(service) is older than \(generation)")
        }
    }
}
