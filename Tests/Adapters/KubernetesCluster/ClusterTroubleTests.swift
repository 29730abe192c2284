import ClusterDouble
import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesCluster
import KubernetesObjects
import Ports
import RuntimeConformance
import Synchronization
import Testing

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

    /// A watch may tell that a Deployment went before the answer to its deletion comes: nobody else has taken it, and
    /// nothing else has to be said again.
    @Test func whatItDeletesItselfIsNoNews() async throws {
        let cuts = Mutex(0)
        let plan = FaultPlan { mark in
            guard mark.method == "DELETE", mark.path.hasSuffix("/deployments/api-r1") else { return nil }
            return cuts.withLock { count in
                count += 1
                return count <= 3 ? .cutAfter : nil
            }
        }
        try await ClusterBench.with(faults: plan) { bench in
            try await bench.begin(environment)
            try await wish(bench, 1, 2)
            _ = try await settle(bench, "the first") { Self.ready($0) == 2 }
            try await wish(bench, 2, 2, release: 2, beside: true)
            _ = try await settle(bench, "both") { Self.ready($0) == 4 }
            let writes = bench.double.writes.count
            let deadline = ContinuousClock.now + .seconds(20)
            let isOver = Mutex(false)
            async let looks: Void = {
                while !isOver.withLock({ $0 }), ContinuousClock.now < deadline {
                    _ = try await bench.runtime.observe(environment)
                    // Between two looks, until the deadline.
                    try await Task.sleep(for: .milliseconds(1))
                }
            }()
            for generation in UInt64(3)...8 {
                while ContinuousClock.now < deadline {
                    do { try await wish(bench, generation, 2, release: 2) } catch is PortError { continue }
                    break
                }
            }
            isOver.withLock { $0 = true }
            try await looks
            _ = try await settle(bench, "the second alone") { $0.generation == 8 && $0.instances.count == 2 }
            let again = bench.double.writes.dropFirst(writes).filter { $0.contains("PATCH") && $0.hasSuffix("/api-r2") }
            #expect(again == [], "\(bench.double.writes.dropFirst(writes))")
            #expect(cuts.withLock { $0 } > 3)
        }
    }

    /// What somebody else mends needs no restart of Slipway: rights, policies.
    @Test(arguments: [
        #"deployments.apps "api-r1" is forbidden: User "ann" cannot patch resource "deployments""#,
        #"admission webhook "policy.example.com" denied the request: no owner is named"#,
    ])
    func whatIsRefusedIsSaidAndTriedAgain(words: String) async throws {
        let refuses = Mutex(true)
        let plan = FaultPlan { mark in
            mark.method == "PATCH" && mark.path.contains("/deployments/") && refuses.withLock { $0 }
                ? .refuse(code: 403, message: words) : nil
        }
        try await ClusterBench.with(faults: plan) { bench in
            try await bench.begin(environment)
            try await wish(bench, 1, 2)
            let view = try await settle(bench, "a failed set") { $0.sets.contains { $0.state.refusal != nil } }
            #expect(view.generation == 1)
            #expect(view.sets.first?.state.refusal?.contains(words) == true, "\(view.sets)")
            refuses.withLock { $0 = false }
            try await keepWishing(bench, "two ready") { view, _ in Self.ready(view) == 2 }
        }
    }

    /// What was seen is still shown when nobody tells more of it; that it may be old is said beside it.
    @Test func whatIsNoLongerToldIsDoubted() async throws {
        let isSilent = Mutex(true)
        let plan = FaultPlan { mark in
            mark.isWatch && isSilent.withLock { $0 } ? .refuse(code: 503, message: "it is being mended") : nil
        }
        try await ClusterBench.with(faults: plan) { bench in
            try await bench.begin(environment)
            func until(_ what: String, _ holds: (String?) -> Bool) async throws {
                let deadline = ContinuousClock.now + .seconds(60)
                while !holds(await bench.runtime.doubt(environment)) {
                    try #require(ContinuousClock.now < deadline, "\(what)")
                    // Between two looks, until the deadline.
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            try await until("a doubt") { $0?.contains("namespace shop-prod cannot be followed: it is being") == true }
            _ = try await bench.runtime.observe(environment)
            isSilent.withLock { $0 = false }
            try await until("that it follows again") { $0 == nil }
        }
    }

    /// All of it goes, and is made again once the name is free.
    @Test func aNamespaceThatIsDeletedIsMadeAgain() async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            try await wish(bench, 1, 2)
            _ = try await settle(bench, "two ready") { Self.ready($0) == 2 }
            let client = KubernetesClient(bench.double.access)
            defer { Self.close(client) }
            let before = try await client.get(APIResource(.namespace), namespace: nil, name: "shop-prod")
            let held: ObjectValue = [
                "metadata": ["name": "held", "finalizers": ["example.com/slow"]], "data": ["a": "b"],
            ]
            _ = try await client.create(APIResource(.configMap), namespace: "shop-prod", held)
            try await client.delete(APIResource(.namespace), namespace: nil, name: "shop-prod")
            try await keepWishing(bench, "the cluster's refusal") { _, refusal in
                refusal.contains("it is being terminated")
            }
            try await Self.merge(#"{"metadata":{"finalizers":null}}"#, into: "configmaps/held", client)
            try await keepWishing(bench, "two ready") { view, _ in Self.ready(view) == 2 && view.generation == 1 }
            let after = try await client.get(APIResource(.namespace), namespace: nil, name: "shop-prod")
            #expect(after.at("metadata", "uid") != before.at("metadata", "uid"))
        }
    }

    private static func firstPod(_ client: KubernetesClient) async throws -> String {
        let pod = try #require(try await client.list(.pods, namespace: "shop-prod").items.first)
        return try #require(pod.at("metadata", "name")?.text)
    }

    private static func merge(_ patch: String, into path: String, _ client: KubernetesClient) async throws {
        let path = "/api/v1/namespaces/shop-prod/\(path)"
        let request = RawRequest("PATCH", path, body: Array(patch.utf8), type: "application/merge-patch+json")
        let answer = try await client.send(request)
        #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
    }

    private static func close(_ client: KubernetesClient) {
        // Nobody waits for it, and it asks nothing any more.
        Task { try? await client.shutdown() }
    }

    /// As the engine does as long as the view says that a wish is not carried out.
    /// - Parameter holds: of what is seen, and why the cluster refused last.
    private func keepWishing(
        _ bench: ClusterBench, _ what: String, _ holds: (RuntimeView, String) -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(40)
        var refusal = ""
        var view = RuntimeView()
        while ContinuousClock.now < deadline {
            do {
                view = try await bench.runtime.observe(environment)[service] ?? RuntimeView()
                refusal = view.sets.compactMap { $0.state.refusal }.first ?? refusal
                if holds(view, refusal) { return }
                if view.generation != 1 { try await wish(bench, 1, 2) }
            } catch let error as PortError { refusal = error.message }
            // Between two looks, until the deadline.
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("\(what) did not come; it is \(view), and was told: \(refusal)")
    }

    /// Of a node that does not answer any more, pods can't be seen to end: they leave for as long as it is gone.
    @Test func aNodeThatGoesIsMadeUpForElsewhere() async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            try await wish(bench, 1, 2)
            let view = try await settle(bench, "two ready") { Self.ready($0) == 2 }
            let client = KubernetesClient(bench.double.access)
            defer { Self.close(client) }
            let name = try await Self.firstPod(client)
            // What the node's lifecycle controller does: not ready, then evicted, which nobody on the node confirms.
            let lost: ObjectValue = [
                "status": [
                    "conditions": [
                        [
                            "type": "Ready", "status": "False", "reason": "NodeNotReady",
                            "message": "the node does not answer", "lastTransitionTime": "2026-01-01T00:00:00Z",
                        ]
                    ]
                ]
            ]
            let finalizer: ObjectValue = ["metadata": ["finalizers": ["example.com/node"]]]
            for (part, patch) in [("/status", lost), ("", finalizer)] {
                try await Self.merge(ObjectText.json(patch), into: "pods/\(name)" + part, client)
            }
            _ = try await settle(bench, "one not ready") { view in
                view.instances.contains { $0.phase == .unready && $0.trouble.contains("NodeNotReady") }
            }
            try await client.delete(.pods, namespace: "shop-prod", name: name)
            let after = try await settle(bench, "another in its place") { view in
                Self.ready(view) == 2 && view.instances.contains { $0.phase == .leaving }
            }
            #expect(Set(after.instances.map(\.id)).isSuperset(of: view.instances.map(\.id)))
        }
    }

    @Test func anEvictedPodIsReplacedAndNotCounted() async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            try await wish(bench, 1, 2)
            let view = try await settle(bench, "two ready") { Self.ready($0) == 2 }
            let client = KubernetesClient(bench.double.access)
            defer { Self.close(client) }
            let name = try await Self.firstPod(client)
            let words = #"{"status":{"phase":"Failed","reason":"Evicted","message":"low on memory","conditions":[]}}"#
            try await Self.merge(words, into: "pods/\(name)/status", client)
            let after = try await settle(bench, "another in its place") { now in
                Self.ready(now) == 2 && now.instances.map(\.id) != view.instances.map(\.id)
            }
            #expect(after.instances.count == 2)
        }
    }
}

extension SetState {
    fileprivate var refusal: String? { if case .failed(let why) = self { why } else { nil } }
}
