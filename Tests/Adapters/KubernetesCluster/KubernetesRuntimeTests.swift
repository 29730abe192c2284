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

/// What only a cluster does to a runtime.
@Suite(.timeLimit(.minutes(3))) struct ClusterTroubleTests {
    private let environment = EnvironmentID(project: "shop", name: "prod")
    private let service = ServiceName("api")
    private static let deployments = APIResource(.deployment)

    private func wish(
        _ bench: ClusterBench, _ generation: UInt64, _ count: Int, release: Int = 1, fence: UInt64 = 1,
        beside: Bool = false
    ) async throws {
        let numbers = beside ? [release - 1, release] : [release]
        let releases = try numbers.map { try bench.release(.serves, $0, of: service, in: environment) }
        try await bench.runtime.apply(
            RuntimeWish(
                environment: environment, service: service, fence: fence, generation: generation,
                sets: count > 0 ? releases.map { SetWish(release: $0.number, count: count) } : []),
            releases: releases)
    }

    private func settle(
        _ bench: ClusterBench, _ what: String, _ holds: (RuntimeView) -> Bool
    ) async throws -> RuntimeView {
        try await bench.settle(service, in: environment, what, holds)
    }

    private static func ready(_ view: RuntimeView) -> Int { ClusterBench.ready(view) }

    /// After it has what it wants, a runtime that is told the same a thousand times asks nothing of the cluster.
    @Test func whatIsReachedIsNotWrittenAgain() async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            try await wish(bench, 1, 2)
            _ = try await settle(bench, "two ready") { Self.ready($0) == 2 }
            let (writes, requests) = (bench.double.writes.count, bench.double.requests)
            for _ in 0..<1000 { try await wish(bench, 1, 2) }
            #expect(bench.double.writes.count == writes, "\(bench.double.writes.dropFirst(writes))")
            #expect(bench.double.requests == requests)
        }
    }

    @Test func aQuotaThatIsUsedUpFailsTheSetInTheClustersWords() async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            let client = KubernetesClient(bench.double.access)
            _ = try await client.create(
                APIResource(.resourceQuota), namespace: "shop-prod",
                ["metadata": ["name": "small"], "spec": ["hard": ["pods": "1"]]])
            try await wish(bench, 1, 3)
            let view = try await settle(bench, "a failed set, or one pod that works") { view in
                Self.ready(view) == 1
                    || view.sets.contains { if case .failed = $0.state { true } else { false } }
            }
            #expect(Self.ready(view) <= 1)
            let deployment = try await client.get(Self.deployments, namespace: "shop-prod", name: "api-r1")
            try await client.shutdown()
            let words = ObjectText.json(deployment)
            #expect(words.contains("exceeded quota: small"), "\(words)")
        }
    }

    /// Clusters that grow take minutes to make room, and a large image takes long to come: the release is not at fault.
    @Test func aPodWithoutAPlaceIsNotLate() async throws {
        var settings = ClusterSettings()
        settings.room = 1
        try await ClusterBench.with(settings) { bench in
            try await bench.begin(environment)
            let release = try bench.release(.serves, 1, of: service, in: environment, startDeadline: .seconds(1))
            let wish = RuntimeWish(
                environment: environment, service: service, fence: 1, generation: 1,
                sets: [SetWish(release: release.number, count: 2)])
            try await bench.runtime.apply(wish, releases: [release])
            _ = try await settle(bench, "one ready, one without a place") { view in
                Self.ready(view) == 1 && view.instances.contains { $0.trouble.contains("0/1 nodes are available") }
            }
            let later = ContinuousClock.now + .seconds(2)
            let view = try await settle(bench, "its start deadline, or a failure") { view in
                ContinuousClock.now > later || view.instances.contains { $0.phase == .failed }
            }
            #expect(view.instances.count { $0.phase == .starting } == 1 && Self.ready(view) == 1, "\(view)")
        }
    }

    /// Somebody scales by hand: the wish counts as not carried out, and is carried out again.
    @Test func aHandEditIsPutBack() async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            try await wish(bench, 1, 2)
            _ = try await settle(bench, "two ready") { Self.ready($0) == 2 && $0.generation == 1 }
            let client = KubernetesClient(bench.double.access)
            let edit: ObjectValue = [
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "api-r1"], "spec": ["replicas": 5],
            ]
            _ = try await client.apply(
                Self.deployments, namespace: "shop-prod", name: "api-r1", edit, manager: "somebody", isForced: true)
            try await client.shutdown()
            _ = try await settle(bench, "the edit to be seen") { $0.generation == 0 }
            try await wish(bench, 1, 2)
            _ = try await settle(bench, "two again") { view in
                view.generation == 1 && Self.ready(view) == 2 && view.instances.count == 2
            }
        }
    }

    @Test func aDeploymentThatSomebodyDeletesIsMadeAgain() async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            try await wish(bench, 1, 2)
            _ = try await settle(bench, "two ready") { Self.ready($0) == 2 && $0.generation == 1 }
            let client = KubernetesClient(bench.double.access)
            try await client.delete(Self.deployments, namespace: "shop-prod", name: "api-r1")
            try await client.shutdown()
            _ = try await settle(bench, "that it is gone to be seen") { $0.generation == 0 }
            try await wish(bench, 1, 2)
            _ = try await settle(bench, "two again") { $0.generation == 1 && Self.ready($0) == 2 }
        }
    }

    /// What a Slipway that was killed left half-way is known to the next one before it decides what is to go.
    @Test func whatWasLeftBehindGoesWithTheFirstWishAfterARestart() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("clusters-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer {
            // Left over in a temporary folder at worst.
            try? FileManager.default.removeItem(at: folder)
        }
        let path = folder.appendingPathComponent("clusters.json").path
        let double = try await ClusterDouble.start(ClusterSettings(), faults: FaultPlan())
        try await ClusterBench.on(double, path: path) { bench in
            try await bench.begin(environment)
            for number in 1...3 { try await wish(bench, UInt64(number), 1, release: number, beside: number > 1) }
            _ = try await settle(bench, "two ready") { Self.ready($0) == 2 }
        }
        try await ClusterBench.on(double, path: path) { bench in
            try await wish(bench, 4, 1, release: 3)
            let client = KubernetesClient(bench.double.access)
            let left = try await client.list(Self.deployments, namespace: "shop-prod").items
            try await client.shutdown()
            #expect(left.compactMap { $0.at("metadata", "name")?.text } == ["api-r3"])
        }
        await double.stop()
    }

    /// Cron jobs go on by themselves: with the release that has none of them, and with the service, they stop.
    @Test func cronJobsGoWithTheReleaseThatHadThem() async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            let client = KubernetesClient(bench.double.access)
            func wish(_ number: Int?, crons: [String], _ generation: UInt64) async throws -> [String] {
                var release = try bench.release(.serves, number ?? 1, of: service, in: environment)
                release.parts.spec.kubernetes = KubernetesSpec()
                release.parts.spec.kubernetes?.crons = crons.map {
                    CronSpec(name: $0, schedule: "0 * * * *", command: ["tidy"])
                }
                try await bench.runtime.apply(
                    RuntimeWish(
                        environment: environment, service: service, fence: 1, generation: generation,
                        sets: number == nil ? [] : [SetWish(release: release.number, count: 1)]),
                    releases: number == nil ? [] : [release])
                return try await client.list(APIResource(.cronJob), namespace: "shop-prod").items
                    .compactMap { $0.at("metadata", "name")?.text }.sorted()
            }
            let first = try await wish(1, crons: ["sweep", "report"], 1)
            let second = try await wish(2, crons: ["report"], 2)
            let back = try await wish(1, crons: ["sweep", "report"], 3)
            let down = try await wish(nil, crons: [], 4)
            let again = try await wish(1, crons: ["sweep", "report"], 5)
            try await client.shutdown()
            let both = ["api-report", "api-sweep"]
            #expect(first == both && second == ["api-report"] && back == both && down == [] && again == both)
        }
    }

    /// A wish that is on its way for long does not undo what was wished for after it.
    @Test func anOlderWishDoesNotOvertakeAYoungerOne() async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            for round in UInt64(0)..<10 {
                let first = round * 8 + 1
                await withTaskGroup(of: Void.self) { group in
                    for generation in first..<first + 8 {
                        group.addTask {
                            do { try await wish(bench, generation, Int(generation % 4) + 1) } catch {
                                #expect((error as? PortError)?.code == .stale)
                            }
                        }
                    }
                }
                try await wish(bench, first + 7, Int((first + 7) % 4) + 1)
                let writes = bench.double.writes
                let view = try await settle(bench, "the youngest") { view in
                    view.generation == first + 7 && view.instances.count == Int((first + 7) % 4) + 1
                        && Self.ready(view) == view.instances.count
                }
                #expect(view.sets.count == 1, "\(writes.suffix(10))")
            }
        }
    }

    @Test func anotherSlipwaysServiceIsNotTouched() async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            try await wish(bench, 7, 2)
            _ = try await settle(bench, "two ready") { Self.ready($0) == 2 }
            let access = bench.double.access
            let other = try ClusterDesk(path: nil) { _ in access }
            async let running: Void = other.run()
            let stranger = ClusterBench(double: bench.double, desk: other, kubernetes: KubernetesRuntime(other))
            let writes = bench.double.writes.count
            let refused = await #expect(throws: PortError.self) { try await wish(stranger, 1, 5, release: 2) }
            #expect(refused?.message.contains("another Slipway") == true)
            let after = bench.double.writes.dropFirst(writes)
            #expect(!after.contains { $0.contains("deployments") }, "\(after)")
            other.stop()
            await running
        }
    }

    @Test func aCutOffWriteIsMadeUpFor() async throws {
        let plan = FaultPlan { mark in
            // Every fifth write is cut off, before or after it happens.
            guard mark.isWrite, mark.index % 5 == 0 else { return nil }
            return mark.index % 2 == 0 ? .cutBefore : .cutAfter
        }
        try await ClusterBench.with(faults: plan) { bench in
            try await bench.begin(environment)
            for generation in UInt64(1)...6 {
                for attempt in 0..<10 {
                    do {
                        try await wish(bench, generation, Int(generation % 3) + 1, release: Int(generation))
                        break
                    } catch let error as PortError where error.code == .unavailable && attempt < 9 { continue }
                }
            }
            let view = try await settle(bench, "the last release alone") { view in
                Self.ready(view) == 1 && view.instances.allSatisfy { $0.release == ReleaseNumber(6) }
            }
            #expect(view.generation == 6)
            let client = KubernetesClient(bench.double.access)
            let names = try await client.list(Self.deployments, namespace: "shop-prod").items
            try await client.shutdown()
            #expect(names.count == 1, "nothing is left behind")
        }
    }
}
