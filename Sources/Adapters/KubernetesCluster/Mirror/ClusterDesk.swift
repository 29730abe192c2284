package import Domain
package import KubernetesAPI
import KubernetesObjects
package import Ports
import Synchronization

/// The clusters in use: one client for each kubeconfig context, one mirror for each namespace and project. The runtime
/// and the routers of Kubernetes share it.
package actor ClusterDesk {
    private let access: @Sendable (String?) throws -> ClusterAccess
    private let limits: ClientLimits
    private let book: PlaceBook
    private var clients: [String: KubernetesClient] = [:]
    private var mirrors: [MirrorKey: ClusterMirror] = [:]
    private nonisolated let started: AsyncStream<Chore>.Continuation
    private let starting: AsyncStream<Chore>
    private nonisolated let listeners = Mutex(Listeners())

    /// What `run` does beside.
    private enum Chore: Sendable {
        case follow(ClusterMirror)
        case followBeside(ClusterMirror, MirroredKind)
        case ring(after: Duration)
    }

    private struct MirrorKey: Hashable {
        var context: String
        var namespace: String
        var project: String
        var router: ClusterRouter
    }

    private struct Listeners {
        var next = 0
        var all: [Int: AsyncStream<Void>.Continuation] = [:]
    }

    /// - Parameters:
    ///   - path: of the file that remembers where environments run; nil: nothing is remembered.
    ///   - access: how a kubeconfig context is reached; of the current one for nil.
    /// - Throws: `PortError` when the file is there and cannot be read.
    package init(
        path: String?, limits: ClientLimits = ClientLimits(),
        access: @escaping @Sendable (String?) throws -> ClusterAccess
    ) throws(PortError) {
        self.access = access
        self.limits = limits
        book = try PlaceBook(path: path)
        (starting, started) = AsyncStream.makeStream(of: Chore.self, bufferingPolicy: .bufferingOldest(10_000))
    }

    /// - Parameters:
    ///   - places: where environments run, as the caller keeps it.
    ///   - access: how a kubeconfig context is reached; of the current one for nil.
    package init(
        _ places: KnownPlaces, limits: ClientLimits = ClientLimits(),
        access: @escaping @Sendable (String?) throws -> ClusterAccess
    ) {
        self.access = access
        self.limits = limits
        book = PlaceBook(places)
        (starting, started) = AsyncStream.makeStream(of: Chore.self, bufferingPolicy: .bufferingOldest(10_000))
    }

    /// Ends `run`. Nothing may be asked afterwards.
    package nonisolated func stop() { started.finish() }

    /// Follows the clusters until the task is cancelled, or it is told to stop.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await chore in starting {
                group.addTask {
                    switch chore {
                    case .follow(let mirror): await mirror.run()
                    case .followBeside(let mirror, let kind): await mirror.run(kind)
                    case .ring(let pause):
                        // Cancelled when everything stops: then nobody listens.
                        do { try await Task.sleep(for: pause) } catch { return }
                        self.ring()
                    }
                }
            }
            group.cancelAll()
        }
        await close()
    }

    /// Closes the connections of a desk that does not run.
    package func close() async {
        for client in clients.values {
            // They are closed all the same; nobody asks any more.
            try? await client.shutdown()
        }
    }

    /// Tells when something changed that `observe` would tell.
    package nonisolated func changes() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = listeners.withLock { listeners -> Int in
            listeners.next += 1
            listeners.all[listeners.next] = continuation
            return listeners.next
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.listeners.withLock { $0.all.removeValue(forKey: id) }
        }
        return stream
    }

    nonisolated func ring() {
        let all = listeners.withLock { Array($0.all.values) }
        for listener in all { listener.yield() }
    }

    /// Tells later that it is worth looking again.
    nonisolated func ring(after pause: Duration) { started.yield(.ring(after: pause)) }

    /// How this Slipway signs what it writes.
    package var owner: String {
        get async { await book.owner }
    }

    /// Names that others signed with, from whom environments were taken over.
    nonisolated var inherited: [String] { book.inherited }

    /// Whether an environment is on a cluster, as far as is known.
    package func knows(_ environment: EnvironmentID) async -> Bool { await book.cluster(of: environment) != nil }

    /// Whether a migration was ever started there.
    func migrates(_ environment: EnvironmentID) async -> Bool { await book.migrates(environment) }

    /// Remembers that there are migrations, before there is the first.
    func noteMigration(in environment: EnvironmentID) async throws(PortError) {
        try await book.noteMigration(in: environment)
    }

    /// Follows a kind that not every environment needs, from now on.
    func follow(_ kind: MirroredKind, beside mirror: ClusterMirror) async {
        if await mirror.add(kind) { started.yield(.followBeside(mirror, kind)) }
    }

    /// Where a release's objects are.
    /// - Throws: `PortError` when the cluster cannot be reached as the kubeconfig says.
    func mirror(of release: Release) async throws(PortError) -> ClusterMirror {
        guard let cluster = release.parts.place?.cluster else {
            throw PortError(.invalid, "\(release.label) is not made for a cluster")
        }
        try await book.note(cluster, of: release.environment, since: release.createdAt)
        return try mirror(cluster, release.environment)
    }

    /// Where an environment's objects are; nil when it is on no cluster.
    /// - Parameter router: who leads requests; nil: as the youngest release says.
    func mirror(
        of environment: EnvironmentID, led router: ClusterRouter? = nil
    ) async throws(PortError) -> ClusterMirror? {
        guard var cluster = await book.cluster(of: environment) else { return nil }
        cluster.router = router ?? cluster.router
        return try mirror(cluster, environment)
    }

    private func mirror(_ cluster: ClusterSpec, _ environment: EnvironmentID) throws(PortError) -> ClusterMirror {
        let key = MirrorKey(
            context: cluster.context ?? "", namespace: cluster.namespace, project: environment.project,
            router: cluster.router)
        if let mirror = mirrors[key] { return mirror }
        let mirror = ClusterMirror(
            try client(cluster.context), namespace: cluster.namespace,
            selector: ReleaseRendering.projectSelector(environment), router: cluster.router
        ) { [weak self] in self?.ring() }
        mirrors[key] = mirror
        started.yield(.follow(mirror))
        return mirror
    }

    /// - Throws: `PortError` when the cluster cannot be reached as the kubeconfig says.
    func client(of cluster: ClusterSpec) throws(PortError) -> KubernetesClient { try client(cluster.context) }

    private func client(_ context: String?) throws(PortError) -> KubernetesClient {
        if let client = clients[context ?? ""] { return client }
        do {
            let client = KubernetesClient(try access(context), limits: limits)
            clients[context ?? ""] = client
            return client
        } catch let trouble as ClusterTrouble {
            throw PortError(trouble, "the cluster cannot be reached")
        } catch {
            throw PortError(.invalid, "the cluster cannot be reached: \(error)")
        }
    }

    /// How many requests were sent, of all clusters.
    package var requests: Int { clients.values.reduce(0) { $0 + $1.counts.all } }
}
