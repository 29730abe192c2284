import Domain
import KubernetesAPI
import KubernetesObjects
import Ports

/// What a cluster says of a project's objects in one namespace, kept up to date by watches.
actor ClusterMirror {
    nonisolated let client: KubernetesClient
    nonisolated let namespace: String
    private let selector: String
    nonisolated let router: ClusterRouter
    /// What Slipway's own proxies say of themselves; nil where they lead no requests.
    nonisolated let reports: ProxyReports?
    private let kinds: [MirroredKind]
    private var objects: [MirroredKind: ObjectTable] = [:]
    /// What was told of services so far.
    private(set) var marks = ServiceMarks()
    private var synced: Set<MirroredKind> = []
    private var troubles: [MirroredKind: ClusterTrouble] = [:]
    /// Since when there is trouble without a break.
    private var silentSince: [MirroredKind: ContinuousClock.Instant] = [:]
    /// A connection that is cut off is made again: for so long that is nobody's concern.
    private static let patience = Duration.seconds(3)
    /// When a pod was first seen to be ready, by its UID.
    private var readySince: [String: ContinuousClock.Instant] = [:]
    private var startedSince: [String: ContinuousClock.Instant] = [:]
    /// Pods that were ready at some time, by UID.
    private var haveBeenReady: Set<String> = []
    /// Pods of migrations that are gone, by UID, for as long as their Jobs are there.
    private var gone: [String: MigrationPod] = [:]
    private static let mostGone = 200
    /// Followed besides, by whoever asked for it.
    private var beside: Set<MirroredKind> = []
    private let changed: @Sendable () -> Void
    /// Those who wait for everything to be told once.
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(
        _ client: KubernetesClient, namespace: String, selector: String, router: ClusterRouter,
        changed: @escaping @Sendable () -> Void
    ) {
        self.router = router
        kinds = MirroredKind.all(with: router)
        self.client = client
        self.namespace = namespace
        self.selector = selector
        self.changed = changed
        reports =
            router == .slipway ? ProxyReports(client, namespace: namespace, changed: changed) : nil
    }

    /// Follows the cluster until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for kind in kinds {
                group.addTask { await self.follow(kind) }
            }
            if let reports { group.addTask { await reports.run() } }
        }
        // Nobody follows any more: who waits is told so.
        for kind in kinds {
            troubles[kind] = ClusterTrouble(.unreachable, "nobody follows the cluster")
        }
        wake()
    }

    /// - Returns: whether it is not followed yet.
    func add(_ kind: MirroredKind) -> Bool { !kinds.contains(kind) && beside.insert(kind).inserted }

    /// Follows one more kind until the task is cancelled.
    func run(_ kind: MirroredKind) async {
        await follow(kind)
        troubles[kind] = ClusterTrouble(.unreachable, "nobody follows the cluster")
        wake()
    }

    private func follow(_ kind: MirroredKind) async {
        while !Task.isCancelled {
            do {
                try await client.watch(
                    kind.resource, namespace: namespace, labels: kind.selector ?? selector
                ) { [weak self] trouble in
                    await self?.note(trouble, kind)
                } told: { [weak self] event in
                    await self?.take(event, kind)
                    if kind == .proxies { await self?.showProxies() }
                }
            } catch let trouble as ClusterTrouble {
                note(trouble, kind)
                // Rights may be given, and credentials renewed, while we run.
                do { try await Task.sleep(for: .seconds(5)) } catch { return }
            } catch {
                return
            }
        }
    }

    private func showProxies() async { await reports?.see(all(.proxies)) }

    private func note(_ trouble: ClusterTrouble?, _ kind: MirroredKind) {
        troubles[kind] = trouble
        silentSince[kind] = trouble == nil ? nil : silentSince[kind] ?? .now
        wake()
    }

    /// Why what was told last may be out of date; nil: it is not.
    var doubt: String? {
        let late = silentSince.filter { $0.value.duration(to: .now) >= Self.patience && synced.contains($0.key) }
        guard let first = late.min(by: { $0.value < $1.value }), let trouble = troubles[first.key] else { return nil }
        return
            "what runs in namespace \(namespace) cannot be followed: \(trouble.text); what is shown was seen before that"
    }

    private func take(_ event: WatchEvent, _ kind: MirroredKind) {
        (troubles[kind], silentSince[kind]) = (nil, nil)
        if kind == .pods { remember(event) }
        if kind == .jobs { forget(event) }
        switch event {
        case .all(let list):
            synced.insert(kind)
            objects[kind] = ObjectTable(list.items)
            marks.note(all: list.items)
        case .added(let object), .modified(let object):
            objects[kind, default: ObjectTable()].put(object)
            marks.note(object)
        case .deleted(let object):
            objects[kind]?.remove(object.at("metadata", "name")?.text ?? "")
            marks.note(object)
        }
        if kind == .pods { noteReadiness(event) }
        wake()
    }

    /// What is left of a pod is how it was seen last: the last word is its end's, if nothing was missed.
    private func remember(_ event: WatchEvent) {
        switch event {
        case .deleted(let pod): keep(pod, isLastWord: true)
        case .all(let list):
            let there = Set(list.items.map { PodReading($0).uid })
            for pod in objects[.pods, default: ObjectTable()].values where !there.contains(PodReading(pod).uid) {
                keep(pod, isLastWord: false)
            }
        case .added, .modified: break
        }
    }

    private func keep(_ pod: ObjectValue, isLastWord: Bool) {
        guard pod.at("metadata", "labels", MigrationRendering.attemptLabel) != nil else { return }
        gone[PodReading(pod).uid] = MigrationPod(pod: pod, isLastWord: isLastWord)
        guard gone.count > Self.mostGone else { return }
        let oldest = gone.min { PodReading($0.value.pod).id < PodReading($1.value.pod).id }
        if let oldest { gone[oldest.key] = nil }
    }

    private func forget(_ event: WatchEvent) {
        switch event {
        case .deleted(let job):
            let uid = job.at("metadata", "uid")?.text
            gone = gone.filter { $0.value.job != uid }
        case .all(let list):
            let there = Set(list.items.compactMap { $0.at("metadata", "uid")?.text })
            gone = gone.filter { there.contains($0.value.job ?? "") }
        case .added, .modified: break
        }
    }

    private func noteReadiness(_ event: WatchEvent) {
        switch event {
        case .added(let pod), .modified(let pod): noteReadiness(PodReading(pod))
        case .deleted(let pod): forgetReadiness(PodReading(pod).uid)
        case .all(let list):
            let there = list.items.map { PodReading($0) }
            let known = Set(readySince.keys).union(startedSince.keys).union(haveBeenReady)
            for uid in known.subtracting(there.map(\.uid)) { forgetReadiness(uid) }
            for pod in there { noteReadiness(pod) }
        }
    }

    private func noteReadiness(_ pod: PodReading) {
        if pod.hasStarted { startedSince[pod.uid] = startedSince[pod.uid] ?? .now }
        guard pod.isReady else {
            readySince[pod.uid] = nil
            return
        }
        readySince[pod.uid] = readySince[pod.uid] ?? .now
        haveBeenReady.insert(pod.uid)
    }

    private func forgetReadiness(_ uid: String) {
        readySince[uid] = nil
        startedSince[uid] = nil
        haveBeenReady.remove(uid)
    }

    // MARK: - Asking it

    /// Waits until everything was told once, or cannot be: every question to the cluster has its limit.
    /// - Throws: `PortError` when it cannot be.
    func settle(with more: [MirroredKind] = []) async throws(PortError) {
        let kinds = kinds + more
        // What was told of before is not waited for, whatever became of it since.
        while case let missing = kinds.filter({ !synced.contains($0) }), !missing.isEmpty,
            missing.allSatisfy({ troubles[$0] == nil })
        {
            await withCheckedContinuation { waiting.append($0) }
        }
        try check(with: more)
    }

    private func wake() {
        let all = waiting
        waiting = []
        for one in all { one.resume() }
        changed()
    }

    /// - Throws: `PortError` with code `unavailable` as long as it has not seen everything once.
    func check(with more: [MirroredKind] = []) throws(PortError) {
        for kind in kinds + more where !synced.contains(kind) {
            guard let trouble = troubles[kind] else {
                throw PortError(.unavailable, "the cluster has not told yet what runs in namespace \(namespace)")
            }
            throw PortError(trouble, "what runs in namespace \(namespace) cannot be told")
        }
    }

    /// Of one kind, with all of these labels. Sorted by name.
    func all(_ kind: MirroredKind, labels: [String: String] = [:]) -> [ObjectValue] {
        objects[kind]?.all(labels: labels) ?? []
    }

    func object(_ kind: MirroredKind, _ name: String) -> ObjectValue? { objects[kind]?[name] }

    /// Those that have objects of a kind.
    func services(of kind: MirroredKind) -> [String] { objects[kind]?.services ?? [] }

    /// Those that have Deployments or pods.
    var services: Set<String> {
        Set([MirroredKind.deployments, .pods].flatMap { objects[$0]?.services ?? [] })
    }

    /// The pods of a Job, by its UID: those that are there, and those that were.
    func pods(of job: String) -> [MigrationPod] {
        let there = all(.pods, labels: [MigrationPod.jobLabel: job]).map { MigrationPod(pod: $0, isGone: false) }
        return gone.values.filter { $0.job == job }.sorted { PodReading($0.pod).id < PodReading($1.pod).id } + there
    }

    /// Since when a pod is ready without a break, by its UID.
    func readySince(_ uid: String) -> ContinuousClock.Instant? { readySince[uid] }

    /// Since when all containers of a pod have run, by its UID. Seen from here: the cluster's clock may be another.
    func startedSince(_ uid: String) -> ContinuousClock.Instant? { startedSince[uid] }

    func wasReady(_ uid: String) -> Bool { haveBeenReady.contains(uid) }
}

/// How a migration's pod was seen last.
struct MigrationPod: Sendable {
    var pod: ObjectValue
    var isGone = true
    /// Nothing was missed of it, up to its end.
    var isLastWord = false

    static let jobLabel = "batch.kubernetes.io/controller-uid"

    var job: String? { pod.at("metadata", "labels", Self.jobLabel)?.text }
}

/// What is followed.
enum MirroredKind: Sendable {
    case deployments
    case pods
    case services
    case slices
    case records
    /// Slipway's own, where it leads requests.
    case proxies
    case routes
    case meshRoutes
    case ingresses
    /// Only where there are migrations.
    case jobs

    /// Those that a router looks at.
    static func all(with router: ClusterRouter) -> [MirroredKind] {
        let common: [MirroredKind] = [.deployments, .pods, .services, .slices, .records]
        return common + routes(of: router)
    }

    /// The kinds with which a router leads requests, beside Services.
    static func routes(of router: ClusterRouter) -> [MirroredKind] {
        switch router {
        case .gateway: [.routes]
        case .istio: [.meshRoutes]
        case .nginx: [.ingresses]
        case .service, .replicas: []
        case .slipway: [.proxies]
        }
    }

    /// Nil: what belongs to the project.
    var selector: String? { self == .proxies ? ProxyPods.query : nil }

    var resource: APIResource {
        switch self {
        case .deployments: APIResource(.deployment)
        case .pods, .proxies: .pods
        case .services: APIResource(.service)
        case .slices: .slices
        case .records: APIResource(.configMap)
        case .routes: APIResource(.route)
        case .meshRoutes: APIResource(.virtualService)
        case .ingresses: APIResource(.ingress)
        case .jobs: APIResource(.job)
        }
    }
}

extension PortError {
    /// What the cluster says, as a trouble of this seam.
    init(_ trouble: ClusterTrouble, _ what: String) {
        let code: PortErrorCode =
            switch trouble.kind {
            case .unreachable, .busy, .server, .unauthorized, .conflict, .gone: .unavailable
            case .configuration, .invalid, .exists, .garbled, .forbidden: .invalid
            case .notFound: .notFound
            }
        self.init(code, "\(what): \(trouble.text)", hint: trouble.hint)
    }
}
