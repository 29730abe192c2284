import ClusterDouble
import Domain
import FoundationEssentials
import KubernetesCluster
import Ports
import RouterConformance
import Testing

private let hasHAProxy =
    GatewayController.isInstalled || ProcessInfo.processInfo.environment["SLIPWAY_REQUIRE_PEERS"] == "1"

/// What gateways, Ingresses and meshes are told, followed by a real HAProxy, with real requests.
@Suite(.serialized, .timeLimit(.minutes(10)), .enabled(if: hasHAProxy, "haproxy is not installed"))
struct ClusterGatewayTests {
    /// Those that a router claims to keep.
    private static let promises = [GatewayKind.gateway, .nginx, .istio].flatMap { kind in
        let claimed = KubernetesRouter.capabilities(of: kind.router)
        return RouterCheck.all.filter { $0.isMeant(for: claimed) }.map { (kind, $0) }
    }

    @Test("the port's promises", arguments: promises)
    func keepsThePromises(_ kind: GatewayKind, _ check: RouterCheck) async throws {
        #expect(try await check.run(ClusterGatewaySubject(kind)))
    }

    @Test(arguments: [GatewayKind.gateway, .nginx, .istio]) func whatIsClaimedIsWhatIsRun(_ kind: GatewayKind) {
        let names = Self.promises.filter { $0.0 == kind }.map { $0.1.name }
        #expect(names.contains("requests are split by weight"))
        #expect(names.contains("a header leads to the release on trial"))
        #expect(names.contains("a cookie leads to the release on trial") == (kind == .istio))
    }

    /// While weights move, the process that takes requests is replaced again and again.
    @Test func noRequestIsLostWhileWeightsMove() async throws {
        let subject = try await ClusterGatewaySubject(.gateway)
        let router = try await subject.make()
        let result: Result<Void, any Error>
        do { result = .success(try await moveWeights(subject, router)) } catch { result = .failure(error) }
        try await subject.discard(router)
        try result.get()
    }

    private func moveWeights(_ subject: ClusterGatewaySubject, _ router: TrialRouter) async throws {
        func lead(_ weights: [(Int, Int)], _ generation: UInt64) async throws {
            try await subject.cluster.lead(router, weights, generation)
            try await subject.cluster.until("wish \(generation) to be in force") {
                try await router.observe(TrialCluster.environment)[TrialCluster.service]?.generation == generation
            }
        }
        try await lead([(1, 100)], 1)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    while !Task.isCancelled {
                        let answer = try await subject.send(
                            TrialRequest(), to: TrialCluster.service, in: TrialCluster.environment, through: router)
                        #expect(answer.status == 200)
                    }
                }
            }
            for (generation, percent) in [(UInt64(2), 10), (3, 50), (4, 90)] {
                try await lead([(1, 100 - percent), (2, percent)], generation)
            }
            try await lead([(2, 100)], 5)
            group.cancelAll()
            try await group.waitForAll()
        }
        let last = try await subject.send(
            TrialRequest(), to: TrialCluster.service, in: TrialCluster.environment, through: router)
        #expect(last.release == ReleaseNumber(2))
    }
}
