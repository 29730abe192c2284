package import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesObjects
package import Ports
import ProxyRoutes

/// Leads requests to releases by the cluster's own means.
///
/// With `router: service` a Service's selector names the one release that serves. While instances are replaced a few at
/// a time it names the service alone, and requests go to the ready pods of all its releases alike. Routers that split
/// requests get a Service for each release, and a route that shares them out by weight.
///
/// A table counts as followed when the endpoints and the gateway say so, and the nodes have had a moment to take it
/// over.
package actor KubernetesRouter: RouterPort {
    private let desk: ClusterDesk
    private let times: RouterTimes
    private var books: [RouteKey: RouteBook] = [:]
    /// Services whose requests follow the last wish, with what the mirror had been told of them: as long as that stays
    /// the same, so does their view.
    private var settled: [RouteKey: ServiceMarks.Mark] = [:]
    /// Fence and generation of the wish with which a service was dropped.
    private var forgotten: [RouteKey: (UInt64, UInt64)] = [:]
    /// Fence and generation of the youngest table that was told for each service: older ones are not waited for.
    private var youngest: [RouteKey: (UInt64, UInt64)] = [:]
    /// One table of a service at a time.
    private let turns = Turns<RouteKey>()
    private var version: UInt64 = 0

    private struct RouteKey: Hashable {
        var environment: EnvironmentID
        var service: ServiceName
    }

    package init(_ desk: ClusterDesk, times: RouterTimes = RouterTimes()) {
        self.desk = desk
        self.times = times
    }

    package nonisolated var capabilities: RouterCapabilities { Self.capabilities(of: .service) }

    /// What each of the cluster's routers can do.
    package static func capabilities(of router: ClusterRouter) -> RouterCapabilities {
        var all = RouterCapabilities(
            granularity: 100, matchesHeaders: false, matchesCookies: false, sticky: false, hold: false, counts: false,
            // Gateways say so of a route; Services, Ingresses and meshes have nowhere to say it.
            acknowledgement: router == .gateway ? .observed : .assumed)
        switch router {
        case .service: break
        case .replicas: all.granularity = 1
        case .slipway: return .embedded
        case .gateway, .nginx: (all.granularity, all.matchesHeaders) = (1, true)
        case .istio: (all.granularity, all.matchesHeaders, all.matchesCookies) = (1, true, true)
        }
        return all
    }

    /// On the Service: the fence and generation of the table.
    private static let mark = "slipway.dev/route"

    // MARK: - Wishes

    package func apply(_ wish: RouteWish, service: Release) async throws {
        guard let rendering = ReleaseRendering(service) else {
            throw PortError(.invalid, "\(service.label) is not made for a cluster")
        }
        let key = RouteKey(environment: wish.environment, service: wish.service)
        try check(wish.fence, wish.generation, key)
        youngest[key] = (wish.fence, wish.generation)
        let mirror = try await desk.mirror(of: service)
        await turns.take(key)
        defer { turns.end(key) }
        try check(wish.fence, wish.generation, key)
        let sum = wish.targets.reduce(0) { $0 + $1.weight.percent }
        guard wish.targets.isEmpty || sum == 100 else {
            throw PortError(.invalid, "the weights of \(wish.service) sum to \(sum), not to 100")
        }
        if let book = books[key], book.wish == wish, book.isWhole { return }
        // What is to go must be known: after a restart only the cluster can tell.
        try await mirror.settle()
        let writer = ObjectWriter(client: mirror.client, namespace: mirror.namespace)
        let split = TrafficSplit(refusingWhatIsHeld: wish)
        if try await hasNothingToSay(split, key, mirror) {
            holdBack(wish, key)
            return
        }
        var book = books[key] ?? RouteBook(wish: wish)
        (book.isSplit, book.isHeldBack) = (rendering.isSplit, false)
        let objects = rendering.entrances(split)
        for object in objects {
            do {
                if object.kind == .service, object.name == wish.service.text {
                    let selector = Self.selector(wish, object, isSplit: book.isSplit)
                    let (value, answer) = try await write(
                        object, selector, wish, book.said[object.title]?.version, writer)
                    book.note(object, value, answer)
                } else {
                    if object.kind != .service, book.isSplit { try await waitForEndpoints(wish, key, mirror) }
                    let value = await owned(object, mirror)
                    guard book.said[object.title]?.value != value else { continue }
                    book.note(object, value, try await writer.apply(object, value))
                }
            } catch let trouble as ClusterTrouble {
                throw PortError(trouble, "\(object.title) cannot be applied")
            }
        }
        try await removeOthers(than: objects, key, mirror, writer)
        let titles = Set(objects.map(\.title))
        book.said = book.said.filter { titles.contains($0.key) }
        (book.wish, book.isWhole, book.since, book.followed) = (wish, true, .now, nil)
        book.last = books[key]?.last
        (books[key], forgotten[key], settled[key]) = (book, nil, nil)
        desk.ring()
    }

    /// Whether a table leads nowhere and there is none of ours yet. What has the service's name then is somebody
    /// else's, and goes on as it is until one of ours can take its place.
    private func hasNothingToSay(_ split: TrafficSplit, _ key: RouteKey, _ mirror: ClusterMirror) async throws -> Bool {
        guard split.shares.isEmpty else { return false }
        let name = key.service.text
        if books[key]?.said.values.contains(where: { $0.kind == .service && $0.name == name }) == true { return false }
        if let shown = await mirror.object(.services, name), Self.table(of: shown) != nil { return false }
        if split.releases.isEmpty { return true }
        do {
            let there = try await mirror.client.find(APIResource(.service), namespace: mirror.namespace, name: name)
            return there.map { Self.table(of: $0) == nil } ?? false
        } catch {
            throw PortError(error, "service/\(name) cannot be looked at")
        }
    }

    private func holdBack(_ wish: RouteWish, _ key: RouteKey) {
        var book = RouteBook(wish: wish)
        (book.isWhole, book.isHeldBack, book.done) = (true, true, wish)
        book.last = books[key]?.last
        (books[key], forgotten[key], settled[key]) = (book, nil, nil)
        desk.ring()
    }

    /// Writes the Service, unless somebody else has written it since: it says whose table is in force.
    private func write(
        _ object: KubernetesObject, _ selector: ObjectValue, _ wish: RouteWish, _ known: String?, _ writer: ObjectWriter
    ) async throws -> (said: ObjectValue, answer: ObjectValue) {
        var seen = known
        var said = object.value.setting(["spec", "selector"], to: selector)
        said = said.setting(["metadata", "annotations", Self.mark], to: .text("\(wish.fence)/\(wish.generation)"))
        for _ in 0..<3 {
            if seen == nil {
                let there = try await writer.client.find(
                    APIResource(.service), namespace: writer.namespace, name: object.name)
                if let mark = there.flatMap({ Self.table(of: $0) }) {
                    try Self.check((wish.fence, wish.generation), after: mark, wish.service)
                }
                seen = there?.at("metadata", "resourceVersion")?.text
            }
            var value = said
            if let seen { value = value.setting(["metadata", "resourceVersion"], to: .text(seen)) }
            do throws(ClusterTrouble) {
                return (said, try await writer.apply(object, value))
            } catch {
                guard case .conflict = error.kind else { throw error }
                seen = nil
            }
        }
        throw PortError(.unavailable, "service/\(object.name) is written by somebody else again and again")
    }

    /// - Parameter isSplit: whether requests from outside are shared out by another object.
    private static func selector(_ wish: RouteWish, _ object: KubernetesObject, isSplit: Bool) -> ObjectValue {
        var labels = object.value.at("spec", "selector") ?? [:]
        let split = TrafficSplit(refusingWhatIsHeld: wish)
        let isAlike = !isSplit || sharesFollowCounts(wish)
        let serving = isAlike ? split.shares.map(\.release) : [split.main].compactMap(\.self)
        switch serving.count {
        case 0: labels[ReleaseRendering.releaseLabel] = "none"
        case 1: labels[ReleaseRendering.releaseLabel] = .text(serving[0].description)
        case _: labels[ReleaseRendering.releaseLabel] = nil
        }
        return labels
    }

    /// Whether each instance gets as much as any other, as while they are replaced a few at a time: then a Service that
    /// leads to all of them shares requests in the same way.
    private static func sharesFollowCounts(_ wish: RouteWish) -> Bool {
        let serving = wish.targets.filter { $0.weight.percent > 0 }
        let all = serving.reduce(0) { $0 + $1.backends.count }
        return serving.allSatisfy { target in
            abs(target.weight.percent * all - 100 * target.backends.count) <= all
        }
    }

    /// A release's Service goes with its Deployment.
    private func owned(_ object: KubernetesObject, _ mirror: ClusterMirror) async -> ObjectValue {
        guard object.kind == .service, let owner = await mirror.object(.deployments, object.name),
            let uid = owner.at("metadata", "uid")
        else { return object.value }
        return object.value.setting(
            ["metadata", "ownerReferences"],
            to: [["apiVersion": "apps/v1", "kind": "Deployment", "name": .text(object.name), "uid": uid]])
    }

    /// A route that leads to a Service before its endpoints are known would refuse requests for a moment.
    private func waitForEndpoints(_ wish: RouteWish, _ key: RouteKey, _ mirror: ClusterMirror) async throws {
        let deadline = ContinuousClock.now + times.endpoints
        while let missing = await RouteEndpoints(wish: wish, isSplit: true).missing(mirror) {
            try check(wish.fence, wish.generation, key)
            guard ContinuousClock.now < deadline else {
                throw PortError(
                    .unavailable, "\(wish.service) has not got its endpoints in \(times.endpoints): \(missing)")
            }
            // Until the cluster tells more.
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// What was applied for an earlier table and is not part of this one.
    private func removeOthers(
        than objects: [KubernetesObject], _ key: RouteKey, _ mirror: ClusterMirror, _ writer: ObjectWriter
    ) async throws(PortError) {
        let titles = Set(objects.map(\.title))
        for kind in MirroredKind.routes(of: mirror.router) {
            let shown = await mirror.all(kind, labels: [ReleaseRendering.serviceLabel: key.service.text])
            // What was said a moment ago may not be in the mirror yet.
            let said = (books[key]?.said.values.filter { $0.kind.rawValue == kind.resource.kind } ?? []).map(\.name)
            for name in Set(said + shown.compactMap { $0.at("metadata", "name")?.text }).sorted() {
                let title = "\(kind.resource.kind.lowercased())/\(name)"
                guard !titles.contains(title) else { continue }
                try await remove(kind.resource, name, writer)
            }
        }
    }

    private func remove(_ resource: APIResource, _ name: String, _ writer: ObjectWriter) async throws(PortError) {
        do { try await writer.client.delete(resource, namespace: writer.namespace, name: name) } catch {
            throw PortError(error, "\(resource.kind.lowercased())/\(name) cannot be deleted")
        }
    }

    /// A Service that leads requests to where a live one leads them: whom it leads to is the router's to say.
    static func keepingTable(of live: ObjectValue?, _ service: ObjectValue) -> ObjectValue {
        var kept = service
        if live?.at("spec", "selector")?.covers(ClusterProxyRouter.selector) == true {
            // Proxies are in between; the port is theirs.
            let spec = live?["spec"] ?? [:]
            kept = kept.setting(["spec", "selector"], to: ClusterProxyRouter.selector)
            return spec["ports"].map { kept.setting(["spec", "ports"], to: $0) } ?? kept
        }
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
        for told in [forgotten[key], youngest[key]] {
            if let told { try Self.check((fence, generation), after: told, key.service) }
        }
        guard let known = books[key]?.wish else { return }
        try Self.check((fence, generation), after: (known.fence, known.generation), key.service)
    }

    package func forget(_ wish: ForgetWish) async throws {
        guard let mirror = try await desk.mirror(of: wish.environment) else { return }
        try await forget(wish, on: mirror)
    }

    func forget(_ wish: ForgetWish, on mirror: ClusterMirror) async throws {
        let key = RouteKey(environment: wish.environment, service: wish.service)
        await turns.take(key)
        defer { turns.end(key) }
        try check(wish.fence, wish.generation, key)
        try await mirror.settle()
        let writer = ObjectWriter(client: mirror.client, namespace: mirror.namespace)
        try await removeOthers(than: [], key, mirror, writer)
        try await writer.removeOurs(.ingress, wish.service.text)
        for object in await mirror.all(.services, labels: [ReleaseRendering.serviceLabel: wish.service.text]) {
            try await remove(APIResource(.service), object.at("metadata", "name")?.text ?? "", writer)
        }
        (books[key], forgotten[key], settled[key]) = (nil, (wish.fence, wish.generation), nil)
        desk.ring()
    }

    // MARK: - Views

    package func counts(_ service: ServiceName, in environment: EnvironmentID) async throws -> TrafficCounts? { nil }

    package func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RouterView] {
        guard let mirror = try await desk.mirror(of: environment) else { return [:] }
        return try await observe(environment, on: mirror) { _ in true }
    }

    /// - Parameter leads: whether a service is looked at.
    func observe(
        _ environment: EnvironmentID, on mirror: ClusterMirror, _ leads: @Sendable (ServiceName) -> Bool
    ) async throws -> [ServiceName: RouterView] {
        try await mirror.check()
        let marks = await mirror.marks
        var views: [ServiceName: RouterView] = [:]
        for name in await mirror.services(of: .services).map({ ServiceName($0) }) where leads(name) {
            let key = RouteKey(environment: environment, service: name)
            let mark = marks[name.text]
            if settled[key] == mark, let view = books[key]?.last {
                views[name] = view
            } else {
                views[name] = await look(key, mark, mirror)
            }
        }
        for key in Array(books.keys)
        where key.environment == environment && views[key.service] == nil && leads(key.service) {
            await forgetWhatOthersChanged(key, mirror)
            guard let book = books[key], book.isHeldBack else { continue }
            views[key.service] = await view(key, (book.wish.fence, book.wish.generation), mirror)
        }
        return views
    }

    /// - Returns: nil when no table of ours is in force.
    private func look(_ key: RouteKey, _ mark: ServiceMarks.Mark, _ mirror: ClusterMirror) async -> RouterView? {
        await forgetWhatOthersChanged(key, mirror)
        let labels = [ReleaseRendering.serviceLabel: key.service.text]
        guard let table = await mirror.all(.services, labels: labels).compactMap({ Self.table(of: $0) }).first else {
            return nil
        }
        // What was dropped is shown until the cluster has told that it is gone.
        if books[key] == nil, let gone = forgotten[key], table <= gone { return nil }
        let view = await view(key, table, mirror)
        if let book = books[key], book.done == book.wish, book.last == view { settled[key] = mark }
        return view
    }

    private func forgetWhatOthersChanged(_ key: RouteKey, _ mirror: ClusterMirror) async {
        let labels = [ReleaseRendering.serviceLabel: key.service.text]
        var kinds: Set<ObjectKind> = [.service]
        var shown: [String: ObjectValue] = [:]
        for service in await mirror.all(.services, labels: labels) {
            shown["service/\(service.at("metadata", "name")?.text ?? "")"] = service
        }
        for kind in MirroredKind.routes(of: mirror.router) {
            if let written = ObjectKind(rawValue: kind.resource.kind) { kinds.insert(written) }
            for object in await mirror.all(kind, labels: labels) {
                shown["\(kind.resource.kind.lowercased())/\(object.at("metadata", "name")?.text ?? "")"] = object
            }
        }
        books[key]?.forgetWhatOthersChanged(kinds, shown)
    }

    private func view(_ key: RouteKey, _ table: (UInt64, UInt64), _ mirror: ClusterMirror) async -> RouterView {
        var view = RouterView()
        var acceptance = RouteAcceptance.open
        let book = books[key]
        if let book, !book.isHeldBack { acceptance = await RouteEndpoints.acceptance(of: book, mirror) }
        // Another wish may have come meanwhile: then this one is not followed any more.
        if let asked = book?.wish, var book = books[key] {
            let isInForce = book.wish == asked && table == (asked.fence, asked.generation) && book.isWhole
            if book.isHeldBack {
                // There is nothing that could follow.
            } else if isInForce, acceptance == .followed {
                // Nobody tells when the nodes follow: it is asked again when they should.
                if book.followed == nil { desk.ring(after: times.lag) }
                let since = book.followed ?? .now
                book.followed = since
                if since.duration(to: .now) >= times.lag { book.done = book.wish }
            } else {
                book.followed = nil
            }
            if isInForce, !book.isHeldBack {
                view.objection = objection(acceptance, book, mirror)
                view.missing = acceptance.missing(from: mirror.router)
            }
            books[key] = book
            if let done = book.done {
                (view.fence, view.generation) = (done.fence, done.generation)
                view.isHolding = done.hold != nil
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

    /// Why requests will not follow; empty: they may still. Who refuses gets a moment to think it over: what an object
    /// refers to may not have reached everybody yet.
    private func objection(_ acceptance: RouteAcceptance, _ book: RouteBook, _ mirror: ClusterMirror) -> String {
        guard let since = book.since else { return "" }
        let waited = since.duration(to: .now)
        switch acceptance {
        case .followed, .waitsForEndpoints: return ""
        case .refused(let words):
            guard waited >= times.refusal else {
                desk.ring(after: times.refusal)
                return ""
            }
            return acceptance.missing(from: mirror.router) ?? words
        case .open:
            guard mirror.router == .gateway, book.done != book.wish else { return "" }
            guard waited >= times.silence else {
                desk.ring(after: times.silence)
                return ""
            }
            return
                "no gateway has taken the route within \(times.silence): is the Gateway there that the environment names?"
        }
    }
}

/// How long a cluster is waited for.
package struct RouterTimes: Sendable {
    /// Nodes take so long to follow the endpoints: nobody tells when they do.
    package var lag: Duration = .seconds(1)
    /// For the endpoints of a release's own Service, before requests are led to it.
    package var endpoints: Duration = .seconds(10)
    /// Until a gateway's refusal counts.
    package var refusal: Duration = .seconds(10)
    /// Until it counts that no gateway says anything.
    package var silence: Duration = .seconds(60)

    package init() {}
}
