package import Domain
import KubernetesAPI
import KubernetesObjects
import Ports

/// What earlier releases had, and none that runs has any more.
extension KubernetesRuntime {
    /// What releases share, and what is theirs before there is a Deployment that it would go with: to be written down
    /// before any of it is applied, so that whoever drops it later knows of it.
    static func inventory(_ rendered: [(Release, ReleaseRendering)]) -> Set<InventoryEntry> {
        var entries: Set<InventoryEntry> = []
        for (release, rendering) in rendered {
            let objects = rendering.shared + rendering.entrances + rendering.own
            entries.formUnion(objects.compactMap { InventoryEntry($0) })
            if release.parts.place?.cluster.router == .slipway, release.parts.spec.isRouted {
                entries.insert(InventoryEntry(.configMap, RouteObject.name(release.service)))
            }
        }
        return entries
    }

    /// Takes away what no release that runs asks for. What goes on by itself goes as soon as the newest does not ask
    /// for it; on everything else, rights and entrances among it, the older ones lean until their end. Where nothing
    /// runs, something will again: the rest waits for it.
    func tidy(
        _ rendered: [(Release, ReleaseRendering)], _ writer: ObjectWriter, _ key: ServiceKey
    ) async throws(PortError) {
        guard let record = services[key]?.record else { return }
        let newest = rendered.max { $0.0.number < $1.0.number }
        var kept = Self.inventory(newest.map { [$0] } ?? [])
        kept.formUnion(rendered.isEmpty ? record.objects : Self.inventory(rendered).filter { !$0.goesOnByItself })
        let dropped = record.objects.filter { !kept.contains($0) || rendered.isEmpty && $0.goesOnByItself }
        try await remove(dropped, writer, key)
    }

    /// A service that is gone for good leaves its account, its volumes and its external secrets.
    package func forget(_ wish: ForgetWish) async throws {
        guard let mirror = try await desk.mirror(of: wish.environment) else { return }
        let key = ServiceKey(environment: wish.environment, service: wish.service)
        await turns.take(key)
        defer { turns.end(key) }
        guard services[key]?.releases.isEmpty ?? true else { return }
        let read = try await WishRecord.read(wish.service, mirror.client, mirror.namespace)
        guard let record = services[key]?.record ?? read, record.owner == (await desk.owner) else { return }
        let writer = ObjectWriter(client: mirror.client, namespace: mirror.namespace)
        try await remove(record.objects, writer, key)
    }

    private func remove(
        _ entries: Set<InventoryEntry>, _ writer: ObjectWriter, _ key: ServiceKey
    ) async throws(PortError) {
        for entry in entries.sorted() {
            do { try await writer.deleteOurs(entry.kind, entry.name) } catch {
                // It stays written down, and is tried again with the next wish.
                if error.kind == .forbidden { continue }
                throw PortError(error, "\(entry.title) cannot be deleted")
            }
            services[key]?.applied[entry.title] = nil
            services[key]?.record.objects.remove(entry)
        }
    }
}

/// An object of a service's releases, by kind and name: `CronJob/api-report`.
struct InventoryEntry: Hashable, Comparable, Sendable {
    var kind: ObjectKind
    var name: String

    init(_ kind: ObjectKind, _ name: String) { (self.kind, self.name) = (kind, name) }

    /// - Returns: nil for what outlives all releases: data, the names that others may know the service by, and secrets,
    /// which other services may use; and for Deployments, which the mirror knows.
    init?(_ object: KubernetesObject) {
        switch object.kind {
        case .claim, .serviceAccount, .service, .externalSecret, .deployment: return nil
        case _: self.init(object.kind, object.name)
        }
    }

    /// - Returns: nil for what is none.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/")
        guard parts.count == 2, let kind = ObjectKind(rawValue: String(parts[0])) else { return nil }
        self.init(kind, String(parts[1]))
    }

    var text: String { "\(kind.rawValue)/\(name)" }
    var title: String { "\(kind.rawValue.lowercased())/\(name)" }
    /// Whether it does something without any release.
    var goesOnByItself: Bool { kind == .cronJob || kind == .jobSet }

    static func < (one: InventoryEntry, other: InventoryEntry) -> Bool { one.text < other.text }
}
