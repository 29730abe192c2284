import ClusterDouble
import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesCluster
import KubernetesObjects
import Ports
import RuntimeConformance
import Testing

/// A cluster with a runtime on it.
struct ClusterBench: RuntimeUnderTest {
    let double: ClusterDouble
    let desk: ClusterDesk
    let kubernetes: KubernetesRuntime
    var runtime: any RuntimePort { kubernetes }
    /// The cluster drains pods, and does not take them back.
    var lingers: Bool { false }

    static func with<Value: Sendable>(
        _ settings: ClusterSettings = ClusterSettings(), faults: FaultPlan = FaultPlan(),
        _ body: @Sendable (ClusterBench) async throws -> Value
    ) async throws -> Value {
        let double = try await ClusterDouble.start(settings, faults: faults)
        let value: Result<Value, any Error>
        do { value = .success(try await on(double, path: nil, body)) } catch { value = .failure(error) }
        await double.stop()
        return try value.get()
    }

    /// A Slipway on a cluster that is there.
    /// - Parameter path: of what it remembers from one start to the next.
    static func on<Value: Sendable>(
        _ double: ClusterDouble, path: String?, access: ClusterAccess? = nil,
        _ body: @Sendable (ClusterBench) async throws -> Value
    ) async throws -> Value {
        var limits = ClientLimits()
        limits.firstPause = 5
        limits.longestPause = 50
        let access = access ?? double.access
        let desk = try ClusterDesk(path: path, limits: limits) { _ in access }
        let bench = ClusterBench(double: double, desk: desk, kubernetes: KubernetesRuntime(desk))
        let value = await withTaskGroup(of: Void.self) { group -> Result<Value, any Error> in
            group.addTask { await desk.run() }
            let value: Result<Value, any Error>
            do { value = .success(try await body(bench)) } catch { value = .failure(error) }
            group.cancelAll()
            return value
        }
        return try value.get()
    }

    // Time itself is asked for.
    func pass(_ span: Span) async throws { try await Task.sleep(for: .milliseconds(span.milliseconds)) }

    func release(
        _ behaviour: InstanceBehaviour, _ number: Int, of service: ServiceName, in environment: EnvironmentID
    ) throws -> Release {
        try release(behaviour, number, of: service, in: environment, startDeadline: nil)
    }

    func release(
        _ behaviour: InstanceBehaviour, _ number: Int, of service: ServiceName, in environment: EnvironmentID,
        startDeadline: Span?
    ) throws -> Release {
        var spec = ServiceSpec(service: service, image: "example/serves:\(number)", command: ["serve"], port: 8080)
        switch behaviour {
        case .serves, .servesAndDrainsQuickly, .burns, .hogs: break
        case .works: spec.port = nil
        case .neverReady:
            spec.image = "example/never:\(number)"
            spec.probes.readiness = Probe(check: .tcp, deadline: .seconds(1))
        case .diesAtOnce: spec.image = "example/dies:\(number)"
        case .cannotStart: spec.image = "example/missing:\(number)"
        }
        if let startDeadline { spec.probes.readiness = Probe(check: .tcp, deadline: startDeadline) }
        let place = ClusterPlace(cluster: ClusterSpec(namespace: "\(environment.project)-\(environment.name)"))
        let parts = ReleaseParts(artifact: nil, spec: spec, place: place)
        return Release(
            environment: environment, number: ReleaseNumber(number), digest: try parts.digest(), parts: parts,
            createdAt: 0, createdBy: "a test")
    }

    /// Waits until the cluster has told everything once.
    func begin(_ environment: EnvironmentID) async throws {
        let release = try release(.works, 1, of: ServiceName("first"), in: environment)
        let wish = RuntimeWish(
            environment: environment, service: release.service, fence: 1, generation: 1, sets: [])
        try await runtime.apply(wish, releases: [release])
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            do {
                _ = try await runtime.observe(environment)
                return
            } catch let error as PortError where error.code == .unavailable {
                guard ContinuousClock.now < deadline else { throw error }
                // Between two looks, until the deadline.
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }
}

extension ClusterBench {
    /// Waits for a view of one service.
    func settle(
        _ service: ServiceName, in environment: EnvironmentID, _ what: String, _ holds: (RuntimeView) -> Bool
    ) async throws -> RuntimeView {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            let view = try #require(try await runtime.observe(environment)[service])
            if holds(view) { return view }
            guard ContinuousClock.now < deadline else {
                Issue.record("\(what) did not come; it is \(view)")
                throw Late()
            }
            // Between two looks, until the deadline.
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private struct Late: Error {}

    static func ready(_ view: RuntimeView) -> Int { view.instances.count { $0.phase == .ready } }
}

@Suite(.timeLimit(.minutes(3))) struct KubernetesRuntimeTests {
    private let environment = EnvironmentID(project: "conformance", name: "dev")

    @Test func itKeepsToWhatEveryRuntimeHasToKeepTo() async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            try await RuntimeConformance(bench, environment: environment).all()
        }
    }
}
