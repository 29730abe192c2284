package import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesObjects
package import Ports

/// Leads requests to releases by the cluster's own means.
///
/// With `router: service` a Service's selector names the one release that serves. While instances are replaced a few at
/// a time it names the service alone, and requests go to the ready pods of all its releases alike. A table counts as
/// followed when the endpoints say so, and the nodes have had a moment to take them over.
package actor KubernetesRouter: RouterPort {
    private let desk: ClusterDesk
    /// How long nodes take to follow the endpoints: nobody tells when they do.
    private let lag: Duration
    private var books: [RouteKey: RouteBook] = [:]
    /// One table of a service at a time.
    private let turns = Turns<RouteKey>()
    private var version: UInt64 = 0

    private struct RouteKey: Hashable {
        var environment: EnvironmentID
        var service: ServiceName
    }

    private struct RouteBook {
        var wish: RouteWish
        /// Of the Service, as it was written.
        var objectVersion: String?
        /// When the endpoints were first seen to be as wished.
        var followed: ContinuousClock.Instant?
        /// The table that requests follow.
        var done: RouteWish?
        /// A mark of what was said last of each object beside the Service, by its title.
        var applied: [String: String] = [:]
        /// What was said last of the Service, as long as nobody else has changed it.
        var service: ObjectValue?
        /// Whether the mirror has shown the Service since it was written.
        var isSeen = false
        var last: RouterView?
    }

    package init(_ desk: ClusterDesk, lag: Duration = .seconds(1)) {
        self.desk = desk
        self.lag = lag
    }

    package nonisolated var capabilities: RouterCapabilities { Self.capabilities }

    /// What a Service can do: all requests or none.
    package static let capabilities = RouterCapabilities(
        granularity: 100, matchesHeaders: false, matchesCookies: false, sticky: false, hold: false, counts: false)

    /// On the Service: the fence and generation of the table.
    private static let mark = "slipway.dev/route"

    // MARK: - Wishes

    package func apply(_ wish: RouteWish, service: Release) async throws {
        guard let rendering = ReleaseRendering(service) else {
            throw PortError(.invalid, "\(service.label) is not made for a cluster")
        }
        let key = RouteKey(environment: wish.environment, service: wish.service)
        let mirror = try await desk.mirror(of: service)
        await turns.take(key)
        defer { turns.end(key) }
        try check(wish.fence, wish.generation, key)
        if books[key]?.wish == wish, books[key]?.service != nil { return }
        let writer = ObjectWriter(client: mirror.client, namespace: mirror.namespace)
        var book = books[key] ?? RouteBook(wish: wish)
        for object in rendering.entrances {
            do {
                if object.kind == .service {
                    let written = try await write(object, wish, book.objectVersion, writer)
                    (book.objectVersion, book.service) = (written.version, written.value)
                } else {
                    let mark = ObjectWriter.mark(object.value)
                    guard book.applied[object.title] != mark else { continue }
                    try await writer.apply(object)
                    book.applied[object.title] = mark
                }
            } catch let trouble as ClusterTrouble {
                throw PortError(trouble, "\(object.title) cannot be applied")
            }
        }
        book.wish = wish
        book.followed = nil
        book.isSeen = false
        book.last = books[key]?.last
        books[key] = book
        desk.ring()
    }

    /// Writes the Service, unless somebody else has written it since.
    private func write(
        _ object: KubernetesObject, _ wish: RouteWish, _ known: String?, _ writer: ObjectWriter
    ) async throws -> (version: String?, value: ObjectValue) {
        var seen = known
        for _ in 0..<3 {
            let resource = APIResource(.service)
            if seen == nil {
                let there = try await writer.client.find(resource, namespace: writer.namespace, name: object.name)
                if let mark = there.flatMap({ Self.table(of: $0) }) {
                    try Self.check((wish.fence, wish.generation), after: mark, wish.service)
                }
                seen = there?.at("metadata", "resourceVersion")?.text
            }
            var value = object.value.setting(["spec", "selector"], to: Self.selector(wish, object))
            value = value.setting(
                ["metadata", "annotations", Self.mark], to: .text("\(wish.fence)/\(wish.generation)"))
            let said = value
            if let seen { value = value.setting(["metadata", "resourceVersion"], to: .text(seen)) }
            do throws(ClusterTrouble) {
                let written = try await writer.apply(object, value)
                return (written.at("metadata", "resourceVersion")?.text, said)
            } catch {
                guard case .conflict = error.kind else { throw error }
                seen = nil
            }
        }
        throw PortError(.unavailable, "service/\(object.name) is written by somebody else again and again")
    }

    private static func selector(_ wish: RouteWish, _ object: KubernetesObject) -> ObjectValue {
        var labels = object.value.at("spec", "selector") ?? [:]
        let serving = wish.targets.filter { $0.weight.percent > 0 }
        switch serving.count {
        case 0: labels[ReleaseRendering.releaseLabel] = "none"
        case 1: labels[ReleaseRendering.releaseLabel] = .text(serving[0].release.description)
        case _: labels[ReleaseRendering.releaseLabel] = nil
        }
        return labels
    }

    /// A Service that leads requests to where a live one leads them: whom it leads to is the router's to say.
    static func keepingTable(of live: ObjectValue?, _ service: ObjectValue) -> ObjectValue {
        var kept = service
        if let release = live?.at("spec", "selector", ReleaseRendering.releaseLabel) {
            kept = kept.setting(["spec", "selector", ReleaseRendering.releaseLabel], to: release)
        }
        if let table = live?.at("metadata", "annotations", mark) {
            kept = kept.setting(["metadata", "annotations", mark], to: table)
        }
        return kept
    }

    private static func table(of service: ObjectValue) -> (UInt64, UInt64)? {
        let parts = (service.at("metadata", "annotations", mark)?.text ?? "").split(separator: "/")
            .compactMap { UInt64($0) }
        return parts.count == 2 ? (parts[0], parts[1]) : nil
    }

    private static func check(
        _ wish: (UInt64, UInt64), after known: (UInt64, UInt64), _ service: ServiceName
    ) throws(PortError) {
        guard known <= wish else {
            throw PortError(.stale, "route \(wish.1) of \(service) is older than \(known.1)")
        }
    }

    private func check(_ fence: UInt64, _ generation: UInt64, _ key: RouteKey) throws(PortError) {
        guard let known = books[key]?.wish else { return }
        try Self.check((fence, generation), after: (known.fence, known.generation), key.service)
    }

    package func forget(_ wish: ForgetWish) async throws {
        let key = RouteKey(environment: wish.environment, service: wish.service)
        await turns.take(key)
        defer { turns.end(key) }
        try check(wish.fence, wish.generation, key)
        guard let mirror = try await desk.mirror(of: wish.environment) else { return }
        let writer = ObjectWriter(client: mirror.client, namespace: mirror.namespace)
        for kind in [ObjectKind.ingress, .service] {
            do { try await writer.delete(kind, wish.service.text) } catch {
                throw PortError(error, "\(kind.rawValue.lowercased())/\(wish.service) cannot be deleted")
            }
        }
        books[key] = nil
        desk.ring()
    }

    // MARK: - Views

    package func counts(_ service: ServiceName, in environment: EnvironmentID) async throws -> TrafficCounts? { nil }

    package func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RouterView] {
        guard let mirror = try await desk.mirror(of: environment) else { return [:] }
        try await mirror.check()
        var views: [ServiceName: RouterView] = [:]
        let services = await mirror.all(.services)
        forgetWhatOthersChanged(environment, services)
        for service in services {
            guard let name = service.at("metadata", "labels", ReleaseRendering.serviceLabel)?.text,
                let table = Self.table(of: service)
            else { continue }
            let key = RouteKey(environment: environment, service: ServiceName(name))
            views[key.service] = await view(key, table, mirror)
        }
        return views
    }

    /// A Service that somebody else has changed or deleted does not lead requests as was wished for: as long as it has
    /// not been applied again, the table is not followed.
    private func forgetWhatOthersChanged(_ environment: EnvironmentID, _ services: [ObjectValue]) {
        var shown: [String: ObjectValue] = [:]
        for service in services { shown[service.at("metadata", "name")?.text ?? ""] = service }
        for (key, var book) in books where key.environment == environment {
            guard let said = book.service else { continue }
            if let service = shown[key.service.text] {
                // What the mirror shows may be from before it was written.
                guard book.isSeen || Self.isAsYoung(service, as: book.objectVersion) else { continue }
                book.isSeen = true
                let isKept = ["metadata", "spec"].allSatisfy { service[$0]?.covers(said[$0] ?? [:]) ?? false }
                if !isKept { book.service = nil }
            } else if book.isSeen {
                (book.service, book.objectVersion) = (nil, nil)
            }
            if book.service == nil { (book.followed, book.done, book.isSeen) = (nil, nil, false) }
            books[key] = book
        }
    }

    /// Versions of one object are numbers that grow.
    private static func isAsYoung(_ service: ObjectValue, as version: String?) -> Bool {
        guard let shown = service.at("metadata", "resourceVersion")?.text.flatMap({ UInt64($0) }),
            let written = version.flatMap({ UInt64($0) })
        else { return service.at("metadata", "resourceVersion")?.text == version }
        return shown >= written
    }

    private func view(_ key: RouteKey, _ table: (UInt64, UInt64), _ mirror: ClusterMirror) async -> RouterView {
        var view = RouterView()
        let wish = books[key]?.wish
        let isFollowed = if let wish { await isFollowed(wish, mirror) } else { false }
        // Another wish may have come meanwhile: then this one is not followed any more.
        if var book = books[key] {
            let isInForce = book.wish == wish && table == (book.wish.fence, book.wish.generation)
            if isInForce, isFollowed, book.service != nil {
                // Nobody tells when the nodes follow: it is asked again when they should.
                if book.followed == nil { desk.ring(after: lag) }
                let since = book.followed ?? .now
                book.followed = since
                if since.duration(to: .now) >= lag { book.done = book.wish }
            } else {
                book.followed = nil
            }
            books[key] = book
            if let done = book.done {
                (view.fence, view.generation) = (done.fence, done.generation)
                view.targets = done.targets.map {
                    TargetView(release: $0.release, weight: $0.weight, instances: $0.backends.map(\.instance))
                }
            }
        }
        view.version = books[key]?.last.map(\.version) ?? 0
        if books[key]?.last != view {
            version += 1
            view.version = version
            books[key]?.last = view
        }
        return view
    }

    /// Whether the ready endpoints are exactly those that are wished for.
    private func isFollowed(_ wish: RouteWish, _ mirror: ClusterMirror) async -> Bool {
        var ready: Set<String> = []
        for slice in await mirror.all(.slices) {
            guard slice.at("metadata", "labels", "kubernetes.io/service-name")?.text == wish.service.text else {
                continue
            }
            for endpoint in slice["endpoints"]?.items ?? [] where endpoint.at("conditions", "ready") != false {
                ready.formUnion((endpoint["addresses"]?.items ?? []).compactMap(\.text))
            }
        }
        let serving = wish.targets.filter { $0.weight.percent > 0 }
        var allowed: Set<String> = []
        for pod in await mirror.all(.pods, labels: [ReleaseRendering.serviceLabel: wish.service.text]) {
            let reading = PodReading(pod)
            guard let release = reading.release, serving.contains(where: { $0.release == release }) else { continue }
            if let address = pod.at("status", "podIP")?.text { allowed.insert(address) }
        }
        let wanted = serving.flatMap { target in
            target.backends.compactMap { backend -> String? in
                if case .address(let host, _) = backend.backend { host } else { nil }
            }
        }
        return ready.isSubset(of: allowed) && ready.isSuperset(of: wanted)
    }
}
