import ClusterDouble
import Domain
import FoundationEssentials
import Glibc
import KubernetesAPI
import KubernetesCluster
import KubernetesObjects
import LoopbackServers
import Ports
import RouterConformance
import Synchronization
import Testing

/// A cluster for one router on trial, with instances of the test's own on it.
final class TrialCluster: Sendable {
    static let environment = EnvironmentID(project: "shop", name: "staging")
    static let service = ServiceName("api")
    static let namespace = "shop-staging"
    /// The double leaves what runs there to tests.
    private static let node = "node-of-the-test"

    let double: ClusterDouble
    let client: KubernetesClient
    /// Of the test's own. Its path is short.
    let folder: String
    private let instances = Mutex(Instances())

    private struct Instances {
        var all: [InstanceID: EchoBackend] = [:]
        /// Those that the cluster knows as pods of a service, by the pod's name.
        var shown: Set<String> = []
    }

    /// - Parameter settings: for a folder of the test's own.
    init(_ settings: (String) throws -> ClusterSettings = { _ in ClusterSettings() }) async throws {
        var template = Array("/tmp/cluster-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        double = try await ClusterDouble.start(try settings(folder))
        client = KubernetesClient(double.access)
        _ = try await client.create(
            APIResource(.namespace), namespace: nil, ["metadata": ["name": .text(Self.namespace)]])
        // Without it no pod is taken.
        try await until("the namespace to be ready for pods") {
            try await client.find(APIResource(.serviceAccount), namespace: Self.namespace, name: "default") != nil
        }
    }

    func close() async throws {
        try await client.shutdown()
        await double.stop()
        for backend in instances.withLock({ Array($0.all.values) }) { backend.stop() }
        try FileManager.default.removeItem(atPath: folder)
    }

    private struct Late: Error { var what: String }

    func until(_ what: String, _ holds: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try await !holds() {
            guard ContinuousClock.now < deadline else { throw Late(what: what) }
            // Between two looks, until the deadline.
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    // MARK: - Routers

    /// Another Slipway's router each time, which remembers what the one before wrote down.
    /// - Parameter settled: returns when those have followed who tell nobody when they do.
    func router(
        _ spec: ClusterSpec, settled: @escaping @Sendable () async throws -> Void = {}
    ) throws -> TrialRouter {
        let access = double.access
        let desk = try ClusterDesk(path: "\(folder)/clusters.json") { _ in access }
        var times = RouterTimes()
        times.lag = .milliseconds(10)
        times.endpoints = .seconds(30)
        let running = Task { await desk.run() }
        return TrialRouter(
            router: ClusterRouters(desk, times: times), spec: spec, cluster: self, settled: settled, desk: desk,
            running: running)
    }

    /// Requests to releases by weight, with one instance each; the second release is on trial.
    func lead(_ router: TrialRouter, _ weights: [(release: Int, percent: Int)], _ generation: UInt64) async throws {
        var targets: [TargetWish] = []
        for (release, percent) in weights {
            let number = ReleaseNumber(release)
            let id = InstanceID(UInt64(release * 1000 + 1))
            let backend = BackendWish(instance: id, backend: try backend(id, release: number))
            targets.append(TargetWish(release: number, weight: Weight(clamping: percent), backends: [backend]))
        }
        let wish = RouteWish(
            environment: Self.environment, service: Self.service, fence: 1, generation: generation, targets: targets,
            canary: weights.count > 1 ? ReleaseNumber(weights[1].release) : nil)
        let spec = ServiceSpec(service: Self.service, command: ["./serve"], port: 8080)
        let release = Release(
            environment: Self.environment, number: ReleaseNumber(weights[0].release),
            digest: ContentDigest(words: (1, 0, 0, 0)), parts: ReleaseParts(artifact: nil, spec: spec), createdAt: 0,
            createdBy: "a test")
        try await router.apply(wish, service: release)
    }

    // MARK: - Instances

    /// Where an instance listens: at an address that is its own, as a pod does.
    func backend(_ instance: InstanceID, release: ReleaseNumber) throws -> Domain.Backend {
        let backend = try instances.withLock { instances in
            if let known = instances.all[instance] { return known }
            let fresh = try EchoBackend("\(release) \(instance)", ownAddressAt: 8080)
            instances.all[instance] = fresh
            return fresh
        }
        return .address(host: backend.host, port: backend.port)
    }

    /// Has the cluster know an instance as a ready pod of a release.
    func show(_ backend: BackendWish, _ release: ReleaseNumber, _ service: ServiceName) async throws {
        guard case .address(let host, let port) = backend.backend else { return }
        let name = "\(ReleaseRendering.addressName(service, release))-\(backend.instance)"
        guard instances.withLock({ $0.shown.insert(name).inserted }) else { return }
        let labels: ObjectValue = .map(
            [
                ("app.kubernetes.io/managed-by", "slipway"), ("app.kubernetes.io/part-of", "shop"),
                (ReleaseRendering.serviceLabel, service.text), (ReleaseRendering.releaseLabel, release.description),
            ].map { ObjectField($0, .text($1)) })
        let ports: ObjectValue = [["name": "http", "containerPort": .number(port)]]
        let pod = try await client.create(
            .pods, namespace: Self.namespace,
            [
                "metadata": ["name": .text(name), "labels": labels],
                "spec": [
                    "nodeName": .text(Self.node),
                    "containers": [["name": "main", "image": "example/serves:1", "ports": ports]],
                ],
            ])
        let status: ObjectValue = [
            "phase": "Running", "podIP": .text(host), "conditions": [["type": "Ready", "status": "True"]],
        ]
        _ = try await client.replace(
            .pods, namespace: Self.namespace, name: name, pod.setting("status", to: status), part: "status")
    }
}

/// The routers of clusters, with what a cluster does besides: instances of a wish are its pods.
struct TrialRouter: RouterPort {
    let router: ClusterRouters
    let spec: ClusterSpec
    let cluster: TrialCluster
    let settled: @Sendable () async throws -> Void
    let desk: ClusterDesk
    let running: Task<Void, Never>

    var capabilities: RouterCapabilities { router.capabilities(on: spec) }

    func stop() async {
        desk.stop()
        running.cancel()
        await running.value
    }

    /// The name that clients ask for, where requests come through an entrance.
    static func host(of service: ServiceName) -> String { "\(service).example.com" }

    func apply(_ wish: RouteWish, service: Release) async throws {
        for target in wish.targets {
            for backend in target.backends { try await cluster.show(backend, target.release, wish.service) }
        }
        var release = service
        release.parts.spec.image = "example/serves:1"
        if spec.router != .slipway {
            release.parts.spec.routes = [RouteSpec(listen: "80", host: Self.host(of: wish.service), path: "/")]
        }
        release.parts.place = ClusterPlace(cluster: spec)
        try await router.apply(wish, service: release)
        // That it takes no longer than is assumed is for a cluster to keep, and not for a machine that does much else.
        if capabilities.acknowledgement == .assumed { try await settled() }
    }

    func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RouterView] {
        try await router.observe(environment)
    }

    func forget(_ wish: ForgetWish) async throws {
        try await router.forget(wish)
        // Of what is gone nobody tells anything.
        try await settled()
    }

    func counts(_ service: ServiceName, in environment: EnvironmentID) async throws -> TrafficCounts? {
        try await router.counts(service, in: environment)
    }
}
