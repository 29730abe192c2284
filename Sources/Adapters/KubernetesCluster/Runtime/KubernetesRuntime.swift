package import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesObjects
import Ports

/// Runs releases on Kubernetes: one Deployment for each, applied from the server's side under a field manager of its
/// own. The cluster starts, probes and stops pods; what this adapter says is how many of which release there are.
///
/// Pods that leave drain by themselves, as their preStop hook and grace period say, and cannot be had back.
package actor KubernetesRuntime: RuntimePort {
    let desk: ClusterDesk
    var services = ServiceBooks()
    var known: [ServiceKey: KnownView] = [:]
    var lastViews: [ServiceKey: RuntimeView] = [:]
    /// Above all numbers of a machine's runtime: it is asked until a release has said on which cluster it is to run.
    var version: UInt64 = 1 << 32
    /// Objects of a namespace that were applied, by place and title, with a mark of what was said.
    var surroundings: [String: String] = [:]
    /// The youngest wish that was told for each service: older ones are not carried out any further.
    private var youngest: [ServiceKey: RuntimeWish] = [:]
    /// One wish of a service at a time.
    let turns = Turns<ServiceKey>()

    struct ServiceKey: Hashable {
        var environment: EnvironmentID
        var service: ServiceName
    }

    /// What is known of one service.
    struct ServiceBook {
        var record: WishRecord
        /// Nil until all of it was carried out.
        var done: RuntimeWish?
        var releases: [ReleaseNumber: Release] = [:]
        /// Why the cluster does not take a release's objects.
        var refusals: [ReleaseNumber: String] = [:]
        /// Since the last time that it refused some; nil: it refuses none.
        var refusedAt: ContinuousClock.Instant?
        /// How often in a row it has.
        var refusedTimes = 0
        /// A mark of what was said last of each object, by its title.
        var applied: [String: String] = [:]
        /// The generations of Deployments as we wrote them, by title: a later one is somebody else's.
        var generations: [String: Int64] = [:]
        /// What Deployments say, their counts left out, by title: what a later generation changes beside is foreign.
        var specs: [String: String] = [:]
        /// Counts that are fixed, by title; none where an autoscaler counts.
        var counts: [String: Int] = [:]
        /// Of Deployments, by title: what belongs to one goes with it.
        var uids: [String: String] = [:]
        /// What the mirror has shown of them: what it shows no more is gone.
        var seen: Set<String> = []
        /// A release that does not run yet was prepared for: what it changed is to be said again as it is wished for.
        var isLent = false
    }

    /// The books of all services. Whoever writes in one changes its revision.
    struct ServiceBooks {
        private var books: [ServiceKey: ServiceBook] = [:]
        private var revisions: [ServiceKey: UInt64] = [:]

        var keys: Dictionary<ServiceKey, ServiceBook>.Keys { books.keys }

        func revision(of key: ServiceKey) -> UInt64 { revisions[key] ?? 0 }

        subscript(key: ServiceKey) -> ServiceBook? {
            get { books[key] }
            set {
                books[key] = newValue
                revisions[key, default: 0] += 1
            }
        }
    }

    package init(_ desk: ClusterDesk) { self.desk = desk }

    // MARK: - Wishes

    package func apply(_ wish: RuntimeWish, releases: [Release]) async throws {
        for set in wish.sets where !releases.contains(where: { $0.number == set.release }) {
            throw PortError(.invalid, "release \(set.release) of \(wish.service) was not told")
        }
        let key = ServiceKey(environment: wish.environment, service: wish.service)
        if let told = youngest[key] {
            try Self.check(wish, after: told)
        }
        youngest[key] = wish
        await turns.take(key)
        defer { turns.end(key) }
        try await carryOut(wish, releases, key)
        desk.ring()
    }

    private func carryOut(_ wish: RuntimeWish, _ releases: [Release], _ key: ServiceKey) async throws {
        try checkYoungest(wish, key)
        let mirror: ClusterMirror
        if let release = releases.first {
            mirror = try await desk.mirror(of: release)
        } else if let known = try await desk.mirror(of: wish.environment) {
            mirror = known
        } else {
            throw PortError(.invalid, "nobody said on which cluster \(wish.environment) is")
        }
        let writer = ObjectWriter(client: mirror.client, namespace: mirror.namespace)
        let rendered = try releases.map { try Self.rendering($0) }
        // What is to go must be known: after a restart only the cluster can tell.
        try await mirror.settle()
        try await applySurroundings(rendered, writer)
        let known = services[key]?.record
        var signature = WishRecord(owner: await desk.owner, fence: wish.fence, generation: wish.generation)
        signature.objects = Self.inventory(rendered)
        let inherited = desk.inherited
        if let known { try known.check(signature, wish.service, namespace: mirror.namespace, inherited: inherited) }
        let signed = try await WishRecord.sign(
            signature, known: known, of: wish.service, in: wish.environment, mirror.client,
            namespace: mirror.namespace, inherited: inherited)
        guard let record = signed else {
            surroundings = [:]
            guard wish.sets.isEmpty else {
                throw PortError(
                    .unavailable, "namespace \(mirror.namespace) is not there",
                    hint: "Slipway makes it as soon as it may; or: kubectl create namespace \(mirror.namespace)")
            }
            // Nothing is to run where nothing can.
            services[key] = ServiceBook(record: signature, done: wish)
            return
        }
        var book = services[key] ?? ServiceBook(record: record)
        book.record = record
        for release in releases { book.releases[release.number] = release }
        services[key] = book
        try await write(wish, rendered, mirror, writer, key)
    }

    private static func check(_ wish: RuntimeWish, after told: RuntimeWish) throws(PortError) {
        guard (told.fence, told.generation) <= (wish.fence, wish.generation) else {
            throw PortError(.stale, "wish \(wish.generation) of \(wish.service) is older than \(told.generation)")
        }
    }

    /// Before every write: whoever was told something younger meanwhile must not undo it.
    func checkYoungest(_ wish: RuntimeWish, _ key: ServiceKey) throws(PortError) {
        if let told = youngest[key] { try Self.check(wish, after: told) }
    }

    static func rendering(_ release: Release) throws(PortError) -> (Release, ReleaseRendering) {
        guard let rendering = ReleaseRendering(release) else {
            throw PortError(.invalid, "\(release.label) is not made for a cluster")
        }
        guard let trouble = rendering.troubles.first else { return (release, rendering) }
        throw PortError(.invalid, "\(release.label): \(trouble.text)", hint: trouble.hint)
    }

    private func applySurroundings(
        _ rendered: [(Release, ReleaseRendering)], _ writer: ObjectWriter
    ) async throws(PortError) {
        guard let newest = rendered.max(by: { $0.0.number < $1.0.number }) else { return }
        for object in newest.1.surroundings {
            let title = "\(writer.client.access.name)/\(writer.namespace)/\(object.title)"
            let mark = ObjectWriter.mark(object.value)
            guard surroundings[title] != mark else { continue }
            do { try await writer.apply(object) } catch {
                // Who may not make namespaces works in one that is there; if it isn't, the next write says so.
                guard object.kind == .namespace, error.kind == .forbidden else {
                    // The namespace may be on its way out: then what was applied a moment ago goes with it.
                    surroundings = [:]
                    throw PortError(error, "\(object.title) cannot be applied")
                }
            }
            surroundings[title] = mark
        }
    }

    private func write(
        _ wish: RuntimeWish, _ rendered: [(Release, ReleaseRendering)], _ mirror: ClusterMirror,
        _ writer: ObjectWriter, _ key: ServiceKey
    ) async throws(PortError) {
        var refusals: [ReleaseNumber: String] = [:]
        if let newest = rendered.max(by: { $0.0.number < $1.0.number }) {
            for object in newest.1.shared {
                try checkYoungest(wish, key)
                if let refusal = try await say(object, object.value, writer, key) {
                    refusals[newest.0.number] = refusal
                }
            }
        }
        for (release, rendering) in rendered {
            guard let set = wish.sets.first(where: { $0.release == release.number }) else { continue }
            let isScaled = release.parts.spec.scale != nil
            for object in rendering.own {
                // Of a Deployment that an autoscaler may count, the count is said apart.
                let isFixed = object.kind == .deployment && !isScaled
                let value =
                    isFixed ? object.value.setting(["spec", "replicas"], to: .number(set.count)) : object.value
                try checkYoungest(wish, key)
                if let refusal = try await say(object, value, writer, key) { refusals[release.number] = refusal }
                if isFixed { services[key]?.counts[object.title] = set.count }
            }
            if refusals[release.number] == nil,
                let refusal = try await sayScaling(wish, of: rendering, set, isCounted: isScaled, writer, key)
            {
                refusals[release.number] = refusal
            }
        }
        try await removeOthers(wish, mirror, writer, key)
        try await tidy(rendered, writer, key)
        guard var book = services[key] else { return }
        book.refusals = refusals
        book.refusedTimes = refusals.isEmpty ? 0 : book.refusedTimes + 1
        book.refusedAt = refusals.isEmpty ? nil : .now
        book.done = wish
        book.releases = book.releases.filter { number, _ in wish.sets.contains { $0.release == number } }
        services[key] = book
    }

    // MARK: - For a program that runs before any pod

    /// Applies what the pods of a release lean on, before there is any of them.
    /// - Returns: why the cluster does not take it.
    func prepare(_ release: Release, _ rendering: ReleaseRendering, _ mirror: ClusterMirror) async throws(PortError)
        -> String?
    {
        let key = ServiceKey(environment: release.environment, service: release.service)
        await turns.take(key)
        defer { turns.end(key) }
        let writer = ObjectWriter(client: mirror.client, namespace: mirror.namespace)
        try await applySurroundings([(release, rendering)], writer)
        for object in rendering.shared where MigrationRendering.ground.contains(object.kind) {
            let mark = ObjectWriter.mark(object.value)
            guard services[key]?.applied[object.title] != mark else { continue }
            if let refusal = try await say(object, object.value, writer, key) { return refusal }
            services[key]?.applied[object.title] = nil
            services[key]?.isLent = true
            if let entry = InventoryEntry(object) { services[key]?.record.objects.insert(entry) }
        }
        return nil
    }

    /// What was prepared is over: as long as it has not been applied again, the wish is not carried out.
    func takeBack(_ service: ServiceName, in environment: EnvironmentID) {
        let key = ServiceKey(environment: environment, service: service)
        guard services[key]?.isLent == true else { return }
        services[key]?.isLent = false
        services[key]?.done = nil
        desk.ring()
    }

    /// Applies an object that was not said so before.
    /// - Returns: why the cluster does not take it.
    func say(
        _ object: KubernetesObject, _ value: ObjectValue, _ writer: ObjectWriter, _ key: ServiceKey
    ) async throws(PortError) -> String? {
        let mark = ObjectWriter.mark(value)
        guard services[key]?.applied[object.title] != mark else { return nil }
        do {
            let written = try await writer.apply(object, value)
            services[key]?.applied[object.title] = mark
            note(written, as: object.title, key)
            return nil
        } catch {
            switch error.kind {
            case .notFound:
                // The namespace is gone: it has to be made again.
                surroundings = [:]
                return "\(object.title): \(error.text)"
            case .forbidden, .invalid: return "\(object.title): \(error.text)"
            case .configuration, .unreachable, .unauthorized, .conflict, .exists, .gone, .busy, .server, .garbled:
                throw PortError(error, "\(object.title) cannot be applied")
            }
        }
    }

    /// Remembers how the server holds what we said.
    func note(_ written: ObjectValue, as title: String, _ key: ServiceKey) {
        services[key]?.generations[title] = written.at("metadata", "generation")?.number
        services[key]?.specs[title] = Self.specMark(written)
        services[key]?.uids[title] = written.at("metadata", "uid")?.text
    }

    /// Two Deployments with the same mark say the same, but for their counts.
    static func specMark(_ object: ObjectValue) -> String {
        var spec = object["spec"] ?? [:]
        spec["replicas"] = nil
        return ObjectWriter.mark(spec)
    }

    /// Deployments of releases that are not wished for.
    private func removeOthers(
        _ wish: RuntimeWish, _ mirror: ClusterMirror, _ writer: ObjectWriter, _ key: ServiceKey
    ) async throws(PortError) {
        var names: Set<String> = []
        for deployment in await mirror.all(.deployments, labels: [ReleaseRendering.serviceLabel: wish.service.text]) {
            let number = deployment.at("metadata", "labels", ReleaseRendering.releaseLabel)?.text
            if let number = number.flatMap({ ReleaseNumber($0) }), !wish.sets.contains(where: { $0.release == number }),
                let name = deployment.at("metadata", "name")?.text
            {
                names.insert(name)
            }
        }
        // What was applied a moment ago may not be in the mirror yet.
        let told = services[key].map { Array($0.releases.keys) } ?? []
        for number in told where !wish.sets.contains(where: { $0.release == number }) {
            names.insert("\(wish.service)-r\(number)")
        }
        for name in names.sorted() {
            // The Deployment last: as long as it is there, it is known that something is to go.
            for kind in [ObjectKind.configMap, .deployment] {
                try checkYoungest(wish, key)
                let title = "\(kind.rawValue.lowercased())/\(name)"
                // Before it goes: a watch may tell of it sooner than the answer does, and nobody else has deleted it.
                forget(title, key)
                do { try await writer.delete(kind, name) } catch {
                    throw PortError(error, "\(title) cannot be deleted")
                }
                services[key]?.record.objects.remove(InventoryEntry(kind, name))
            }
            // What belongs to a Deployment goes with it.
            for title in (services[key]?.applied ?? [:]).keys where title.hasSuffix("/\(name)") {
                services[key]?.applied[title] = nil
            }
        }
    }

    private func forget(_ title: String, _ key: ServiceKey) {
        services[key]?.applied[title] = nil
        services[key]?.generations[title] = nil
        services[key]?.specs[title] = nil
        services[key]?.counts[title] = nil
        services[key]?.seen.remove(title)
    }

    /// Pods that leave end by themselves when they have drained: the cluster knows best when that is.
    package func letGo(_ instances: [InstanceID], of service: ServiceName, in environment: EnvironmentID) async throws {
    }
}
