package import Domain
import KubernetesAPI
import KubernetesObjects
package import Ports
import ProxyControl
import ProxyRoutes

/// Leads requests by Slipway's own proxies inside the cluster.
///
/// A service's wish is a ConfigMap, which every proxy of the namespace follows; its Service leads to the proxies, and
/// each of its releases has a Service that tells them where its pods are. A wish is in force when every proxy that is
/// ready says so.
package actor ClusterProxyRouter: RouterPort {
    private let desk: ClusterDesk
    private let times: RouterTimes
    private var books: [ServiceKey: ProxyRouteBook] = [:]
    /// Of services that were dropped: wishes from before come late.
    private var forgotten: [ServiceKey: (UInt64, UInt64)] = [:]
    /// Fence and generation of the youngest wish that was told for each service: older ones are not waited for.
    private var youngest: [ServiceKey: (UInt64, UInt64)] = [:]
    /// One wish of a service at a time.
    private let turns = Turns<ServiceKey>()
    /// One service of a namespace at a time chooses its port.
    private let choosing = Turns<String>()
    private var version: UInt64 = 0

    /// How long a browser keeps the cookie of a sticky cohort, in seconds.
    private static let stickyMaxAge = 7 * 86_400
    private static let record = APIResource(.configMap)
    /// Of the Service of a service behind the proxies.
    static let selector = ObjectValue.map(
        ProxyPods.selector.sorted { $0.key < $1.key }.map { ObjectField($0.key, .text($0.value)) })

    package init(_ desk: ClusterDesk, times: RouterTimes = RouterTimes()) {
        self.desk = desk
        self.times = times
    }

    package nonisolated var capabilities: RouterCapabilities { .embedded }

    // MARK: - Wishes

    package func apply(_ wish: RouteWish, service: Release) async throws {
        guard let rendering = ReleaseRendering(service) else {
            throw PortError(.invalid, "\(service.label) is not made for a cluster")
        }
        let key = ServiceKey(wish.service, in: wish.environment)
        try check((wish.fence, wish.generation), key)
        youngest[key] = (wish.fence, wish.generation)
        let mirror = try await desk.mirror(of: service)
        guard let reports = mirror.reports else {
            throw PortError(.invalid, "\(service.label) is not led by Slipway's proxy")
        }
        await turns.take(key)
        defer { turns.end(key) }
        try check((wish.fence, wish.generation), key)
        try await mirror.settle()
        var book = books[key] ?? ProxyRouteBook()
        let route = try await route(wish, service, key, &book, mirror)
        let writer = ObjectWriter(client: mirror.client, namespace: mirror.namespace)
        if book.wish != wish { (book.wish, book.since) = (wish, .now) }
        books[key] = book
        let addresses = rendering.addresses(of: wish.targets.map(\.release))
        for address in addresses { try await say(address, await owned(address, mirror), key, writer) }
        if let split = route.route { books[key]?.split = split }
        repeat {
            try await sign(RouteObject(route), key, writer)
        } while try await !wait(key, (wish.fence, wish.generation), reports, mirror)
        let entrances = rendering.entrances(throughProxiesAt: route.port)
        // What has the service's name is somebody else's until a release of ours can take its place.
        let title = "service/\(wish.service)"
        let isOurs = await mirror.object(.services, wish.service.text) != nil || books[key]?.said[title] != nil
        for object in entrances where isOurs || !TrafficSplit(wish).releases.isEmpty {
            let isNew = try await say(object, object.value, key, writer)
            if isNew, object.kind == .service { try await settle(object.name, reports, mirror) }
        }
        try await removeOthers(than: addresses + entrances, key, mirror, writer)
        forgotten[key] = nil
        books[key]?.isWhole = true
        books[key]?.done = wish
        desk.ring()
    }

    /// The wish in the words of the proxies.
    private func route(
        _ wish: RouteWish, _ release: Release, _ key: ServiceKey, _ book: inout ProxyRouteBook, _ mirror: ClusterMirror
    ) async throws -> ClusterRoute {
        if book.record == nil { book.record = try await record(key, mirror) }
        if let record = book.record?.route {
            try Self.check((wish.fence, wish.generation), after: (record.fence, record.generation), key.service)
        }
        let translation = RouteTranslation(
            key: key, wish: wish, spec: release.parts.spec, stickyMaxAge: Self.stickyMaxAge)
        var epoch = book.record?.route.epoch ?? 1
        var route = try translation.route(epoch: epoch)
        if let route, let record = book.record?.route {
            // After a restart nobody knows the split from before it was down.
            let before = book.split ?? record.route
            if before.map({ !route.splits(as: $0) }) ?? true { epoch += 1 }
        }
        route?.epoch = epoch
        if let route {
            let table = RouteTable(fence: 1, generation: 1, listeners: [], services: [route])
            if let fault = table.fault() {
                throw PortError(.invalid, "\(key): \(fault.message)", hint: fault.hint ?? "")
            }
        }
        let instances = route?.targets.flatMap(\.backends) ?? []
        if var located = route {
            for index in located.targets.indices { located.targets[index].backends = [] }
            route = located
        }
        return ClusterRoute(
            fence: wish.fence, generation: wish.generation, service: key.description,
            port: try await port(key, book.record?.route, mirror), route: route,
            addresses: wish.targets.map {
                TargetAddress(
                    release: $0.release.code, service: ReleaseRendering.addressName(wish.service, $0.release))
            }, instances: instances, epoch: epoch)
    }

    private func record(_ key: ServiceKey, _ mirror: ClusterMirror) async throws(PortError) -> RouteObject? {
        do {
            return try await mirror.client.find(
                Self.record, namespace: mirror.namespace, name: RouteObject.name(key.service)
            ).flatMap { RouteObject($0) }
        } catch {
            throw PortError(error, "how requests of \(key.service) are led cannot be told")
        }
    }

    /// Chosen once, among those of all services of the namespace, whosever they are.
    private func port(_ key: ServiceKey, _ known: ClusterRoute?, _ mirror: ClusterMirror) async throws -> Int {
        if let known { return known.port }
        await choosing.take(mirror.namespace)
        defer { choosing.end(mirror.namespace) }
        let list: ObjectList
        do {
            list = try await mirror.client.list(
                Self.record, namespace: mirror.namespace, labels: "\(ClusterRoute.label)=\(ClusterRoute.record)")
        } catch {
            throw PortError(error, "the ports of the proxies cannot be told")
        }
        var taken = Set(list.items.compactMap { RouteObject($0)?.route.port })
        // Those that were chosen a moment ago may not be written yet.
        taken.formUnion(chosen[mirror.namespace, default: [:]].filter { $0.key != key }.values)
        guard let port = RouteObject.port(of: key, besides: taken) else {
            throw PortError(.unavailable, "the proxies of \(mirror.namespace) have no port left")
        }
        chosen[mirror.namespace, default: [:]][key] = port
        return port
    }

    private var chosen: [String: [ServiceKey: Int]] = [:]

    /// Writes the wish, unless somebody else has written a newer one.
    private func sign(_ wish: RouteObject, _ key: ServiceKey, _ writer: ObjectWriter) async throws {
        guard books[key]?.record?.route != wish.route || books[key]?.isKept != true else { return }
        let object = try wish.object(of: key, namespace: writer.namespace)
        for _ in 0..<3 {
            var value = object.value
            if let version = books[key]?.record?.version {
                value = value.setting(["metadata", "resourceVersion"], to: .text(version))
            }
            do throws(ClusterTrouble) {
                let answer = try await writer.apply(object, value)
                books[key]?.record = RouteObject(answer) ?? wish
                books[key]?.isKept = true
                books[key]?.note(object, object.value, answer)
                return
            } catch {
                guard error.kind == .conflict || error.kind == .notFound else {
                    throw PortError(error, "\(object.title) cannot be applied")
                }
            }
            let found: ObjectValue?
            do throws(ClusterTrouble) {
                found = try await writer.client.find(Self.record, namespace: writer.namespace, name: object.name)
            } catch {
                throw PortError(error, "\(object.title) cannot be read")
            }
            let there = found.flatMap { RouteObject($0) }
            if let there {
                try Self.check(
                    (wish.route.fence, wish.route.generation), after: (there.route.fence, there.route.generation),
                    key.service)
            }
            books[key]?.record = there
            books[key]?.record?.version = found?.at("metadata", "resourceVersion")?.text
        }
        throw PortError(.unavailable, "\(object.title) is written by somebody else again and again")
    }

    /// - Returns: whether it was written.
    @discardableResult
    private func say(
        _ object: KubernetesObject, _ value: ObjectValue, _ key: ServiceKey, _ writer: ObjectWriter
    ) async throws -> Bool {
        guard books[key]?.said[object.title]?.value != value else { return false }
        do {
            let answer = try await writer.apply(object, value)
            books[key]?.note(object, value, answer)
            return true
        } catch {
            throw PortError(error, "\(object.title) cannot be applied")
        }
    }

    /// A release's Service goes with its Deployment.
    private func owned(_ object: KubernetesObject, _ mirror: ClusterMirror) async -> ObjectValue {
        guard let owner = await mirror.object(.deployments, object.name), let uid = owner.at("metadata", "uid") else {
            return object.value
        }
        return object.value.setting(
            ["metadata", "ownerReferences"],
            to: [["apiVersion": "apps/v1", "kind": "Deployment", "name": .text(object.name), "uid": uid]])
    }

    /// Until every proxy that is ready has it in force.
    /// - Parameter number: fence and generation, or nil: the service is to be unknown.
    /// - Returns: false as soon as somebody else has changed or deleted what the proxies are to follow.
    private func wait(
        _ key: ServiceKey, _ number: (UInt64, UInt64)?, _ reports: ProxyReports, _ mirror: ClusterMirror
    ) async throws -> Bool {
        let deadline = ContinuousClock.now + times.endpoints
        while true {
            let trouble: String
            let hint: String
            if let number {
                try check(number, key)
                if await !isKept(key, mirror) { return false }
            }
            switch await reports.following(key, number, version: books[key]?.record?.version) {
            case .followed: return true
            case .waits(let why):
                trouble = "the proxies do not follow the route of \(key.service): \(why)"
                hint = "`kubectl logs -n \(mirror.namespace) -l \(ProxyPods.query)` shows what they do"
            case .nobody:
                trouble = "no \(ProxyPods.name) is ready in namespace \(mirror.namespace)"
                hint = "`slipway install proxy --env \(key.environment.name)` puts it there"
            }
            guard ContinuousClock.now < deadline else { throw PortError(.unavailable, trouble, hint: hint) }
            // Until they tell more.
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Whether the route is as it was written, as far as the cluster tells.
    private func isKept(_ key: ServiceKey, _ mirror: ClusterMirror) async -> Bool {
        let name = RouteObject.name(key.service)
        let shown = await mirror.object(.records, name)
        books[key]?.forget("configmap/\(name)", ifOthersChanged: shown)
        return books[key]?.isKept ?? true
    }

    /// Until a Service that was written leads to the proxies, and the nodes have had a moment to follow.
    private func settle(_ name: String, _ reports: ProxyReports, _ mirror: ClusterMirror) async throws {
        let deadline = ContinuousClock.now + times.endpoints
        while true {
            let proxies = await reports.addresses
            let told = Self.endpoints(await mirror.all(.slices, labels: [ObjectTable.addressLabel: name]))
            if !told.isEmpty, proxies.isSuperset(of: told) { break }
            guard ContinuousClock.now < deadline else {
                throw PortError(
                    .unavailable, "the cluster has not led service/\(name) to the proxies within \(times.endpoints)")
            }
            // Until the cluster tells more.
            try await Task.sleep(for: .milliseconds(10))
        }
        // Nobody tells when the nodes follow.
        try await Task.sleep(for: times.lag)
    }

    private static func endpoints(_ slices: [ObjectValue]) -> Set<String> {
        var hosts: Set<String> = []
        for slice in slices {
            for endpoint in slice["endpoints"]?.items ?? [] where endpoint.at("conditions", "ready") != false {
                for address in endpoint["addresses"]?.items ?? [] {
                    if let host = address.text { hosts.insert(host) }
                }
            }
        }
        return hosts
    }

    /// What was applied for an earlier wish and is not part of this one.
    private func removeOthers(
        than objects: [KubernetesObject], _ key: ServiceKey, _ mirror: ClusterMirror, _ writer: ObjectWriter
    ) async throws {
        let titles = Set(objects.map(\.title))
        let shown = await mirror.all(.services, labels: [ReleaseRendering.serviceLabel: key.service.text])
            .filter { $0.at("metadata", "labels", ReleaseRendering.releaseLabel) != nil }
            .compactMap { $0.at("metadata", "name")?.text }
        // What was said a moment ago may not be in the mirror yet.
        let said = (books[key]?.said.values.filter { $0.kind == .service } ?? []).map(\.name)
        for name in Set(shown + said).sorted() where !titles.contains("service/\(name)") {
            try await remove(.service, name, writer)
            books[key]?.said["service/\(name)"] = nil
        }
    }

    private func remove(_ kind: ObjectKind, _ name: String, _ writer: ObjectWriter) async throws {
        do { try await writer.client.delete(APIResource(kind), namespace: writer.namespace, name: name) } catch {
            throw PortError(error, "\(kind.rawValue.lowercased())/\(name) cannot be deleted")
        }
    }

    private static func check(
        _ wish: (UInt64, UInt64), after known: (UInt64, UInt64), _ service: ServiceName
    ) throws(PortError) {
        guard known <= wish else {
            throw PortError(.stale, "route \(wish.1) of \(service) is older than \(known.1)")
        }
    }

    private func check(_ wish: (UInt64, UInt64), _ key: ServiceKey) throws(PortError) {
        for told in [forgotten[key], youngest[key]] {
            if let told { try Self.check(wish, after: told, key.service) }
        }
        if let known = books[key]?.wish {
            try Self.check(wish, after: (known.fence, known.generation), key.service)
        }
    }

    package func forget(_ wish: ForgetWish) async throws {
        guard let mirror = try await desk.mirror(of: wish.environment) else { return }
        try await forget(wish, on: mirror)
    }

    func forget(_ wish: ForgetWish, on mirror: ClusterMirror) async throws {
        let key = ServiceKey(wish.service, in: wish.environment)
        await turns.take(key)
        defer { turns.end(key) }
        try check((wish.fence, wish.generation), key)
        guard let reports = mirror.reports else { return }
        try await mirror.settle()
        let writer = ObjectWriter(client: mirror.client, namespace: mirror.namespace)
        try await writer.removeOurs(.ingress, wish.service.text)
        try await writer.removeOurs(.service, wish.service.text)
        try await remove(.configMap, RouteObject.name(wish.service), writer)
        try await removeOthers(than: [], key, mirror, writer)
        books[key] = nil
        chosen[mirror.namespace]?[key] = nil
        forgotten[key] = (wish.fence, wish.generation)
        if await reports.following(key, nil) != .nobody { _ = try await wait(key, nil, reports, mirror) }
        desk.ring()
    }

    // MARK: - Views

    package func counts(_ service: ServiceName, in environment: EnvironmentID) async throws -> TrafficCounts? {
        guard let mirror = try await desk.mirror(of: environment) else { return nil }
        return try await counts(service, in: environment, on: mirror)
    }

    func counts(
        _ service: ServiceName, in environment: EnvironmentID, on mirror: ClusterMirror
    ) async throws -> TrafficCounts? { try await mirror.reports?.counts(ServiceKey(service, in: environment)) }

    package func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RouterView] {
        guard let mirror = try await desk.mirror(of: environment) else { return [:] }
        return try await observe(environment, on: mirror) { _ in true }
    }

    /// - Parameter leads: whether a service is looked at.
    func observe(
        _ environment: EnvironmentID, on mirror: ClusterMirror, _ leads: @Sendable (ServiceName) -> Bool
    ) async throws -> [ServiceName: RouterView] {
        guard let reports = mirror.reports else { return [:] }
        try await mirror.check()
        let records = await mirror.all(.records)
        await forgetWhatOthersChanged(environment, records, mirror, leads)
        var routes: [ServiceKey: ClusterRoute] = [:]
        for record in records {
            guard let route = RouteObject(record)?.route, let key = ServiceKey(route.service),
                key.environment == environment, leads(key.service)
            else { continue }
            // The mirror may still show what was dropped a moment ago.
            if let gone = forgotten[key], (route.fence, route.generation) <= gone { continue }
            routes[key] = route
        }
        for (key, book) in books where key.environment == environment && book.record != nil && leads(key.service) {
            routes[key] = book.record?.route
        }
        var views: [ServiceName: RouterView] = [:]
        for key in routes.keys.sorted() { views[key.service] = await view(key, reports, mirror) }
        return views
    }

    private func forgetWhatOthersChanged(
        _ environment: EnvironmentID, _ records: [ObjectValue], _ mirror: ClusterMirror,
        _ leads: @Sendable (ServiceName) -> Bool
    ) async {
        var shown: [String: ObjectValue] = [:]
        for service in await mirror.all(.services) {
            shown["service/\(service.at("metadata", "name")?.text ?? "")"] = service
        }
        for record in records { shown["configmap/\(record.at("metadata", "name")?.text ?? "")"] = record }
        for key in books.keys where key.environment == environment && leads(key.service) {
            books[key]?.forgetWhatOthersChanged(shown)
        }
    }

    private func view(_ key: ServiceKey, _ reports: ProxyReports, _ mirror: ClusterMirror) async -> RouterView {
        var view = RouterView()
        let asked = books[key]?.wish
        var following: ProxyReports.Following?
        if let asked {
            following = await reports.following(
                key, (asked.fence, asked.generation), version: books[key]?.record?.version)
        }
        let traffic = await reports.traffic(key)
        (view.held, view.busy, view.rate) = (traffic.held, traffic.busy, traffic.rate)
        if let book = books[key] {
            if let done = book.done {
                let isFollowed = book.isWhole && (done != book.wish || following == .followed)
                if isFollowed { (view.fence, view.generation) = (done.fence, done.generation) }
                view.isHolding = done.hold != nil
                view.targets = done.targets.map {
                    TargetView(release: $0.release, weight: $0.weight, instances: $0.backends.map(\.instance))
                }
            }
            view.objection = objection(book, following, mirror)
            if book.done != book.wish, let following { view.missing = missing(following, mirror) }
        }
        view.version = books[key]?.last.map(\.version) ?? 0
        if books[key]?.last != view {
            version += 1
            view.version = version
            books[key]?.last = view
        }
        return view
    }

    /// Why requests will not follow; empty: they may still.
    private func objection(
        _ book: ProxyRouteBook, _ following: ProxyReports.Following?, _ mirror: ClusterMirror
    ) -> String {
        guard book.done != book.wish, let since = book.since, let following else { return "" }
        guard since.duration(to: .now) >= times.silence else {
            desk.ring(after: times.silence)
            return ""
        }
        let missing = missing(following, mirror)
        if case .waits = following, let missing {
            return "the proxies do not follow within \(times.silence): \(missing)"
        }
        return missing ?? ""
    }

    /// What is missing for the proxies to follow.
    private func missing(_ following: ProxyReports.Following, _ mirror: ClusterMirror) -> String? {
        switch following {
        case .followed: nil
        case .nobody: "no \(ProxyPods.name) is ready in namespace \(mirror.namespace)"
        case .waits(let why): why
        }
    }
}
