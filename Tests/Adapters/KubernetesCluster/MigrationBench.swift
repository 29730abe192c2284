import ClusterDouble
import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesCluster
import KubernetesObjects
import MigrationConformance
import Ports

/// A cluster with migrations on it. Every session is another Slipway, which remembers what the one before wrote down.
struct MigrationBench: MigrationsUnderTest {
    let double: ClusterDouble
    /// Of what it remembers from one start to the next; nil: nothing.
    let path: String?
    var access: ClusterAccess
    /// A pod is told to end, and killed a second later.
    var tellsBeforeItKills: Bool { true }

    static func with<Value>(
        _ settings: ClusterSettings = ClusterSettings(), faults: FaultPlan = FaultPlan(),
        _ body: (MigrationBench) async throws -> Value
    ) async throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("migrations-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer {
            // Left over in a temporary folder at worst.
            try? FileManager.default.removeItem(at: folder)
        }
        let double = try await ClusterDouble.start(settings, faults: faults)
        let path = folder.appendingPathComponent("clusters.json").path
        let bench = MigrationBench(double: double, path: path, access: double.access)
        let value: Result<Value, any Error>
        do { value = .success(try await body(bench)) } catch { value = .failure(error) }
        await double.stop()
        return try value.get()
    }

    /// Another Slipway, on another machine.
    var stranger: MigrationBench { MigrationBench(double: double, path: path.map { $0 + ".stranger" }, access: access) }

    func session(_ body: (any MigrationPort) async throws -> Void) async throws {
        try await slipway { migrations, _ in try await body(migrations) }
    }

    func slipway<Value>(
        _ body: (KubernetesMigrations, KubernetesRuntime) async throws -> Value
    ) async throws -> Value {
        var limits = ClientLimits()
        limits.firstPause = 5
        limits.longestPause = 50
        let access = access
        let desk = try ClusterDesk(path: path, limits: limits) { _ in access }
        let runtime = KubernetesRuntime(desk)
        let migrations = KubernetesMigrations(desk, runtime: runtime)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await desk.run() }
            group.addTask { await migrations.run() }
            let value: Result<Value, any Error>
            do { value = .success(try await body(migrations, runtime)) } catch { value = .failure(error) }
            group.cancelAll()
            return try value.get()
        }
    }

    func release(
        _ behaviour: MigrationBehaviour, of service: ServiceName, in environment: EnvironmentID
    ) throws -> Release {
        let word =
            switch behaviour {
            case .succeeds: "ends"
            case .fails: "fails"
            case .goesOn: "goes"
            case .isStubborn: "stubborn"
            case .cannotStart: "missing"
            }
        return try release(word, of: service, in: environment)
    }

    /// The first word of its migration's command says what the double's pods do.
    func release(
        _ word: String, of service: ServiceName, in environment: EnvironmentID,
        change: (inout ServiceSpec) -> Void = { _ in }
    ) throws -> Release {
        var spec = ServiceSpec(service: service, image: "example/serves:1", command: ["serve"], port: 8080)
        spec.migrate = MigrationSpec(command: [word], schema: "1")
        change(&spec)
        let place = ClusterPlace(cluster: ClusterSpec(namespace: "\(environment.project)-\(environment.name)"))
        let parts = ReleaseParts(artifact: nil, spec: spec, place: place)
        return Release(
            environment: environment, number: ReleaseNumber(1), digest: try parts.digest(), parts: parts, createdAt: 0,
            createdBy: "a test")
    }

    func runs(of service: ServiceName) async throws -> Int {
        await double.cluster.starts.count { $0.hasPrefix("\(service)-migrate-") }
    }

    // Time itself is asked for.
    func pass(_ span: Span) async throws { try await Task.sleep(for: .milliseconds(span.milliseconds)) }

    func client<Value>(_ body: (KubernetesClient) async throws -> Value) async throws -> Value {
        let client = KubernetesClient(double.access)
        let value: Result<Value, any Error>
        do { value = .success(try await body(client)) } catch { value = .failure(error) }
        try await client.shutdown()
        return try value.get()
    }
}
