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

/// What releases share goes when none of them asks for it any more.
@Suite(.timeLimit(.minutes(3))) struct ClusterLeftoverTests {
    private let environment = EnvironmentID(project: "shop", name: "prod")
    private let service = ServiceName("api")

    /// A release with cron jobs, and with rights or without.
    private func release(
        _ bench: ClusterBench, _ number: Int, crons: [String] = [], isTrusted: Bool = false, secrets: [String] = []
    ) throws -> Release {
        var release = try bench.release(.serves, number, of: service, in: environment)
        var extras = KubernetesSpec()
        extras.crons = crons.map { CronSpec(name: $0, schedule: "0 * * * *", command: ["tidy"]) }
        extras.externalSecrets = secrets.map {
            ExternalSecretSpec(name: $0, store: "vault", keys: [])
        }
        if isTrusted { extras.account.permissions = [PermissionSpec(resources: ["pods"], verbs: ["list"])] }
        release.parts.spec.kubernetes = extras
        return release
    }

    private func wish(_ bench: ClusterBench, _ generation: UInt64, _ releases: [Release]) async throws {
        try await bench.runtime.apply(
            RuntimeWish(
                environment: environment, service: service, fence: 1, generation: generation,
                sets: releases.map { SetWish(release: $0.number, count: 1) }),
            releases: releases)
    }

    private func names(_ kind: ObjectKind, _ bench: ClusterBench) async throws -> [String] {
        let client = KubernetesClient(bench.double.access)
        let found = try await client.list(APIResource(kind), namespace: "shop-prod").items
        try await client.shutdown()
        return found.compactMap { $0.at("metadata", "name")?.text }.sorted()
    }

    /// Cron jobs go on by themselves: with the release that has none of them, and with the service, they stop.
    @Test func cronJobsGoWithTheReleaseThatHadThem() async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            let both = ["report", "sweep"]
            var seen: [[String]] = []
            let journey: [[(Int, [String])]] = [
                [(1, both)], [(1, both), (2, ["report"])], [(1, both)], [], [(1, both)],
            ]
            for (index, step) in journey.enumerated() {
                try await wish(bench, UInt64(index + 1), step.map { try release(bench, $0, crons: $1) })
                seen.append(try await names(.cronJob, bench))
            }
            let all = ["api-report", "api-sweep"]
            #expect(seen == [all, ["api-report"], all, [], all])
        }
    }

    /// The pods of an older release lean on its rights until they are gone; then nobody may keep them.
    @Test func rightsGoWithTheLastReleaseThatHadThem() async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            let old = try release(bench, 1, isTrusted: true)
            let new = try release(bench, 2)
            try await wish(bench, 1, [old])
            try await wish(bench, 2, [old, new])
            let during = try await [names(.role, bench), names(.roleBinding, bench)]
            try await wish(bench, 3, [new])
            let after = try await [names(.role, bench), names(.roleBinding, bench)]
            #expect(during == [["api"], ["api"]] && after == [[], []])
            #expect(try await names(.serviceAccount, bench).contains("api"))
            try await wish(bench, 4, [old])
            #expect(try await names(.role, bench) == ["api"])
        }
    }

    /// Whoever is started anew knows from the cluster alone what there was; what somebody else made stays.
    @Test func whatWasSharedBeforeARestartGoes() async throws {
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
            try await wish(bench, 1, [try release(bench, 1, crons: ["sweep"], isTrusted: true)])
            let client = KubernetesClient(bench.double.access)
            _ = try await client.create(
                APIResource(.role), namespace: "shop-prod",
                ["metadata": ["name": "theirs", "labels": ["app.kubernetes.io/name": "api"]], "rules": []])
            try await client.shutdown()
        }
        try await ClusterBench.on(double, path: path) { bench in
            try await wish(bench, 2, [try release(bench, 2)])
            #expect(try await names(.cronJob, bench) == [])
            #expect(try await names(.role, bench) == ["theirs"])
            #expect(try await names(.roleBinding, bench) == [])
        }
        await double.stop()
    }

    /// How requests entered by another router ends with the last release that was led by it.
    @Test func aFormerRoutersRouteGoesWithItsLastRelease() async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            var old = try release(bench, 1)
            old.parts.place?.cluster.router = .nginx
            old.parts.spec.routes = [RouteSpec(listen: "127.0.0.1:80", host: "api.example.com", path: "/")]
            let new = try release(bench, 2)
            try await wish(bench, 1, [old])
            let writer = KubernetesClient(bench.double.access)
            for object in try #require(ReleaseRendering(old)).entrances where object.kind == .ingress {
                _ = try await writer.apply(
                    APIResource(.ingress), namespace: "shop-prod", name: object.name, object.value, isForced: true)
            }
            try await writer.shutdown()
            try await wish(bench, 2, [old, new])
            #expect(try await names(.ingress, bench) == ["api"])
            try await wish(bench, 3, [])
            #expect(try await names(.ingress, bench) == ["api"], "something will run again")
            try await wish(bench, 4, [new])
            #expect(try await names(.ingress, bench) == [])
        }
    }

    /// Nothing of a service that left the project acts any more; what others have made stays.
    @Test func aServiceThatIsGoneForGoodLeavesItsAccount() async throws {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            try await wish(bench, 1, [try release(bench, 1, crons: ["sweep"], isTrusted: true)])
            let client = KubernetesClient(bench.double.access)
            try await client.delete(APIResource(.role), namespace: "shop-prod", name: "api")
            _ = try await client.create(
                APIResource(.role), namespace: "shop-prod", ["metadata": ["name": "api"], "rules": []])
            try await client.shutdown()
            try await wish(bench, 2, [])
            #expect(try await names(.cronJob, bench) == [])
            #expect(try await names(.roleBinding, bench) == ["api"], "it may come back")
            let gone = ForgetWish(environment: environment, service: service, fence: 1, generation: 9)
            for _ in 0..<2 { try await bench.runtime.forget(gone) }
            #expect(try await names(.roleBinding, bench) == [])
            #expect(try await names(.networkPolicy, bench).contains("api") == false)
            #expect(try await names(.role, bench) == ["api"], "somebody else's")
            #expect(try await names(.serviceAccount, bench).contains("api"))
        }
    }

    @Test func aSecretThatOthersMayUseStays() async throws {
        try await ClusterBench.with { bench in
            let client = KubernetesClient(bench.double.access)
            try await client.define(.externalSecret, in: "shop-prod")
            try await client.shutdown()
            try await bench.begin(environment)
            try await wish(bench, 1, [try release(bench, 1, secrets: ["db"])])
            try await wish(bench, 2, [try release(bench, 2)])
            #expect(try await names(.externalSecret, bench) == ["db"])
            #expect(try await names(.configMap, bench).filter { $0.hasPrefix("api-r") } == ["api-r2"])
        }
    }

    /// Rights that are missing for a moment do not make it forgotten, and the release goes on meanwhile.
    @Test func whatMayNotBeDeletedGoesWithALaterWish() async throws {
        let isForbidden = Mutex(true)
        let faults = FaultPlan { mark in
            guard mark.method == "DELETE", mark.path.contains("/roles/") else { return nil }
            return isForbidden.withLock { $0 } ? .refuse(code: 403) : nil
        }
        try await ClusterBench.with(faults: faults) { bench in
            try await bench.begin(environment)
            try await wish(bench, 1, [try release(bench, 1, isTrusted: true)])
            let new = try release(bench, 2)
            try await wish(bench, 2, [new])
            #expect(try await names(.role, bench) == ["api"])
            #expect(try await names(.roleBinding, bench) == [])
            isForbidden.withLock { $0 = false }
            try await wish(bench, 3, [new])
            #expect(try await names(.role, bench) == [])
        }
    }
}
