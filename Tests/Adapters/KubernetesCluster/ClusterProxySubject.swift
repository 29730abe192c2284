import ClusterDouble
import Domain
import Glibc
import KubernetesAPI
import KubernetesObjects
import LoopbackServers
import Ports
import ProxyControl
import RouterConformance
import Testing

/// Slipway's own proxies as processes in the double, led by the router, with instances of the test's own behind them.
final class ClusterProxySubject: RouterSubject {
    static let namespace = TrialCluster.namespace
    private static let services = APIResource(.service)

    let cluster: TrialCluster
    var double: ClusterDouble { cluster.double }
    var client: KubernetesClient { cluster.client }
    private let spec = ClusterSpec(namespace: namespace, router: .slipway)

    init(replicas: Int = 2) async throws {
        let program = try Self.program()
        cluster = try await TrialCluster { folder in
            var settings = ClusterSettings()
            settings.programs = try PodPrograms(["example/slipway": [program]], in: folder)
            return settings
        }
        for object in ProxyPods(
            spec, image: "example/slipway:1", replicas: replicas, statusPort: ProxyReport.port
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

    func until(_ what: String, _ holds: () async throws -> Bool) async throws { try await cluster.until(what, holds) }

    /// Those that are ready, by name and UID.
    func proxies() async throws -> [(name: String, uid: String)] {
        try await client.list(.pods, namespace: Self.namespace, labels: ProxyPods.query).items.filter { pod in
            pod.at("metadata", "deletionTimestamp") == nil
                && pod.at("status", "conditions")?.items.contains { $0["type"] == "Ready" && $0["status"] == "True" }
                    ?? false
        }.map { ($0.at("metadata", "name")?.text ?? "", $0.at("metadata", "uid")?.text ?? "") }
    }

    // MARK: - Routers

    func make() async throws -> TrialRouter { try cluster.router(spec) }

    func reopen(_ router: TrialRouter) async throws -> TrialRouter {
        await router.stop()
        return try cluster.router(spec)
    }

    func discard(_ router: TrialRouter) async throws {
        await router.stop()
        try await cluster.close()
    }

    // MARK: - Traffic

    func backend(_ instance: InstanceID, release: ReleaseNumber) async throws -> Domain.Backend {
        try cluster.backend(instance, release: release)
    }

    /// As a pod of the cluster would: at the Service's address.
    func send(
        _ request: TrialRequest, to service: ServiceName, in environment: EnvironmentID,
        through router: TrialRouter
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
