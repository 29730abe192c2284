import ClusterDouble
import Domain
import FoundationEssentials
import Glibc
import KubernetesAPI
import KubernetesCluster
import KubernetesObjects
import LoopbackServers
import Ports
import ProxyControl
import RouterConformance
import Synchronization
import Testing

/// Slipway's own proxies as processes in the double, led by the router, with instances of the test's own behind them.
final class ClusterProxySubject: RouterSubject {
    static let namespace = "shop-staging"
    private static let services = APIResource(.service)

    let double: ClusterDouble
    let client: KubernetesClient
    private let folder: String
    private let backends = Mutex<[InstanceID: EchoBackend]>([:])

    init(replicas: Int = 2) async throws {
        var template = Array("/tmp/proxies-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var settings = ClusterSettings()
        settings.programs = try PodPrograms(["example/slipway": [try Self.program()]], in: folder)
        double = try await ClusterDouble.start(settings)
        client = KubernetesClient(double.access)
        _ = try await client.create(
            APIResource(.namespace), namespace: nil, ["metadata": ["name": .text(Self.namespace)]])
        let cluster = ClusterSpec(namespace: Self.namespace, router: .slipway)
        for object in ProxyPods(
            cluster, image: "example/slipway:1", replicas: replicas, statusPort: ProxyReport.port
        ).objects {
            _ = try await client.apply(
                APIResource(object.kind), namespace: object.namespace, name: object.name, object.value,
                manager: "slipway-install", isForced: true)
        }
        try await until("\(replicas) proxies to be ready") { try await proxies().count == replicas }
    }

    /// The executable, beside the tests.
    private static func program() throws -> String {
        let own = try #require(realpath("/proc/self/exe", nil))
        defer { free(own) }
        for candidate in [String(cString: own)] + CommandLine.arguments where candidate.contains("/") {
            var folder = candidate
            while let slash = folder.lastIndex(of: "/") {
                folder = String(folder[..<slash])
                if access(folder + "/slipway", X_OK) == 0, access(folder + "/keeper-probe", X_OK) == 0 {
                    return folder + "/slipway"
                }
            }
        }
        throw Missing()
    }

    private struct Missing: Error {}
    private struct Late: Error { var what: String }

    func until(_ what: String, _ holds: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try await !holds() {
            guard ContinuousClock.now < deadline else { throw Late(what: what) }
            // Between two looks, until the deadline.
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Those that are ready, by name and UID.
    func proxies() async throws -> [(name: String, uid: String)] {
        try await client.list(.pods, namespace: Self.namespace, labels: ProxyPods.query).items.filter { pod in
            pod.at("metadata", "deletionTimestamp") == nil
                && pod.at("status", "conditions")?.items.contains { $0["type"] == "Ready" && $0["status"] == "True" }
                    ?? false
        }.map { ($0.at("metadata", "name")?.text ?? "", $0.at("metadata", "uid")?.text ?? "") }
    }

    // MARK: - Routers

    func make() async throws -> TrialProxyRouter { try open() }

    private func open() throws -> TrialProxyRouter {
        let access = double.access
        let desk = try ClusterDesk(path: "\(folder)/clusters.json") { _ in access }
        var times = RouterTimes()
        times.lag = .milliseconds(10)
        times.endpoints = .seconds(30)
        let running = Task { await desk.run() }
        return TrialProxyRouter(
            router: ClusterProxyRouter(desk, times: times), desk: desk, client: client, running: running)
    }

    func reopen(_ router: TrialProxyRouter) async throws -> TrialProxyRouter {
        await router.stop()
        return try open()
    }

    func discard(_ router: TrialProxyRouter) async throws {
        await router.stop()
        try await close()
    }

    func close() async throws {
        try await client.shutdown()
        await double.stop()
        for backend in backends.withLock({ Array($0.values) }) { backend.stop() }
        try FileManager.default.removeItem(atPath: folder)
    }

    // MARK: - Traffic

    func backend(_ instance: InstanceID, release: ReleaseNumber) async throws -> Domain.Backend {
        let port = try backends.withLock { backends in
            if let known = backends[instance] { return known.port }
            let fresh = try EchoBackend("\(release) \(instance)")
            backends[instance] = fresh
            return fresh.port
        }
        return .address(host: "127.0.0.1", port: port)
    }

    /// As a pod of the cluster would: at the Service's address.
    func send(
        _ request: TrialRequest, to service: ServiceName, in environment: EnvironmentID,
        through router: TrialProxyRouter
    ) async throws -> TrialAnswer {
        let found = try await client.find(Self.services, namespace: Self.namespace, name: service.text)
        guard let text = found?.at("spec", "clusterIP")?.text else { throw ConnectionRefused() }
        let host = text.split(separator: ".").compactMap { UInt32($0) }.reduce(0) { $0 << 8 | $1 }
        let answer: TrialAnswer
        do {
            answer = try await request.answer(host: host, port: 8080)
        } catch let trouble as Loopback.Trouble where trouble.number == ECONNRESET {
            // The way there is a process of its own, which takes the connection before it knows that nobody is there.
            throw ConnectionRefused()
        }
        guard answer.status > 0 else { throw ConnectionRefused() }
        return answer
    }
}

/// The router with what a cluster does besides: instances of a wish are told as endpoints.
struct TrialProxyRouter: RouterPort {
    let router: ClusterProxyRouter
    let desk: ClusterDesk
    let client: KubernetesClient
    let running: Task<Void, Never>

    var capabilities: RouterCapabilities { router.capabilities }

    func stop() async {
        desk.stop()
        running.cancel()
        await running.value
    }

    func apply(_ wish: RouteWish, service: Release) async throws {
        for target in wish.targets {
            for backend in target.backends { try await tell(backend, target.release, wish.service) }
        }
        var release = service
        release.parts.spec.image = "example/serves:1"
        release.parts.place = ClusterPlace(
            cluster: ClusterSpec(namespace: ClusterProxySubject.namespace, router: .slipway))
        try await router.apply(wish, service: release)
    }

    /// An instance of a release is an endpoint of the release's Service, by a slice that is not the controller's.
    private func tell(_ backend: BackendWish, _ release: ReleaseNumber, _ service: ServiceName) async throws {
        guard case .address(let host, let port) = backend.backend else { return }
        let address = ReleaseRendering.addressName(service, release)
        let name = "\(address)-\(backend.instance)"
        let slice: ObjectValue = [
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": [
                "name": .text(name),
                "labels": [
                    "app.kubernetes.io/managed-by": "slipway", "app.kubernetes.io/part-of": "shop",
                    "kubernetes.io/service-name": .text(address),
                ],
            ],
            "addressType": "IPv4",
            "endpoints": [["addresses": [.text(host)], "conditions": ["ready": true]]],
            "ports": [["name": "http", "port": .number(port), "protocol": "TCP"]],
        ]
        _ = try await client.apply(
            .slices, namespace: ClusterProxySubject.namespace, name: name, slice, manager: "endpoints", isForced: true)
    }

    func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RouterView] {
        try await router.observe(environment)
    }

    func forget(_ wish: ForgetWish) async throws { try await router.forget(wish) }

    func counts(_ service: ServiceName, in environment: EnvironmentID) async throws -> TrafficCounts? {
        try await router.counts(service, in: environment)
    }
}
