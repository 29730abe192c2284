import ClusterDouble
import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesCluster
import KubernetesObjects
import Ports
import RegistryAPI
import RuntimeConformance
import Synchronization
import Testing

/// What is found out before anything is written.
@Suite(.timeLimit(.minutes(3))) struct ClusterLookTests {
    private let environment = EnvironmentID(project: "shop", name: "prod")
    private let service = ServiceName("api")

    private func look(
        _ bench: ClusterBench, _ releases: [Release], stable: Int? = nil, as user: String? = nil,
        migrating: Set<ServiceName> = []
    ) async throws -> ClusterView {
        var access = bench.double.access
        access.impersonate = user
        let used = access
        let desk = try ClusterDesk(path: nil) { _ in used }
        let look = ClusterLook(desk, patience: .seconds(300)) { () throws(RegistryTrouble) in
            throw RegistryTrouble(.configuration, "no registries here")
        }
        let cluster = try #require(releases.first?.parts.place?.cluster)
        let view = await look.look(
            ClusterQuestion(
                environment: environment, cluster: cluster, releases: releases,
                stable: stable.map { [service: ReleaseNumber($0)] } ?? [:], migrating: migrating))
        await desk.close()
        return view
    }

    private func release(_ bench: ClusterBench, _ number: Int) throws -> Release {
        try bench.release(.serves, number, of: service, in: environment)
    }

    /// The first release runs, with two pods.
    private func standing(_ bench: ClusterBench, _ extras: KubernetesSpec? = nil) async throws {
        try await bench.begin(environment)
        var release = try release(bench, 1)
        if let extras { release.parts.spec.kubernetes = extras }
        try await bench.runtime.apply(
            RuntimeWish(
                environment: environment, service: service, fence: 1, generation: 1,
                sets: [SetWish(release: release.number, count: 2)]),
            releases: [release])
    }

    @Test func nothingIsWritten() async throws {
        try await ClusterBench.with { bench in
            try await standing(bench)
            let writes = bench.double.writes.filter { !$0.contains("reviews") }
            let view = try await look(bench, [try release(bench, 2)], stable: 1)
            #expect(view.trouble == nil && view.version == "v1.36.0" && !view.objects.isEmpty)
            #expect(view.registryTrouble?.text == "no registries here")
            let after = bench.double.writes.filter { !$0.contains("reviews") }
            #expect(after == writes)
        }
    }

    @Test func servicesOfOthersThatMeetOursAreTold() async throws {
        try await ClusterBench.with { bench in
            try await standing(bench)
            let client = KubernetesClient(bench.double.access)
            let selectors: [(String, ObjectValue)] = [
                ("api", ["app": "api"]), ("metrics", ["app.kubernetes.io/name": "api"]), ("mail", ["app": "mail"]),
                ("all", [:]),
            ]
            for (name, selector) in selectors {
                _ = try await client.create(
                    APIResource(.service), namespace: "shop-prod",
                    [
                        "apiVersion": "v1", "kind": "Service", "metadata": ["name": .text(name)],
                        "spec": ["selector": selector, "ports": [["port": 80]]],
                    ])
            }
            try await client.shutdown()
            let view = try await look(bench, [try release(bench, 2)], stable: 1)
            #expect(
                view.foreignServices == [
                    ForeignService(name: "api", finds: nil, selector: ["app=api"]),
                    ForeignService(
                        name: "metrics", finds: service, selector: ["app.kubernetes.io/name=api"]),
                ])
        }
    }

    @Test func aNewReleaseIsComparedWithTheOneThatServes() async throws {
        try await ClusterBench.with { bench in
            try await standing(bench)
            let view = try await look(bench, [try release(bench, 2)], stable: 1)
            let deployment = try #require(view.objects.first { $0.title == "deployment/api-r2" })
            #expect(deployment.before == "deployment/api-r1" && !deployment.isNew && deployment.refusal == nil)
            let image = deployment.changes.first { $0.field == "spec.template.spec.containers[api].image" }
            #expect(image?.old == "example/serves:1" && image?.new == "example/serves:2")
            let others = deployment.changes.filter { !$0.field.hasSuffix("image") }.map(\.field)
            #expect(others == ["spec.replicas", "spec.template.metadata.annotations.slipway.dev/configuration"])
            #expect(view.objects.filter { $0.title == "service/api" }.map(\.isNew) == [true])
            #expect(view.forbidden == [] && view.unknownKinds == [])
        }
    }

    @Test func whatIsNoLongerAskedForIsSaidToGo() async throws {
        try await ClusterBench.with { bench in
            try await standing(bench, Self.withRights)
            let view = try await look(bench, [try release(bench, 2)], stable: 1)
            #expect(view.objects.filter(\.isLeaving).map(\.title) == ["role/api", "rolebinding/api"])
            #expect(view.objects.filter(\.isLeaving).allSatisfy { $0.service == service && !$0.isNew })
            var same = try release(bench, 2)
            same.parts.spec.kubernetes = Self.withRights
            #expect(try await look(bench, [same], stable: 1).objects.allSatisfy { !$0.isLeaving })
        }
    }

    private static let withRights = {
        var spec = KubernetesSpec()
        spec.account.permissions = [PermissionSpec(resources: ["pods"], verbs: ["list"])]
        return spec
    }()

    @Test func aNamespaceThatIsStillToBeMadeIsSaid() async throws {
        try await ClusterBench.with { bench in
            var release = try release(bench, 1)
            let view = try await look(bench, [release])
            #expect(view.isNamespaceNew && view.namespaceTrouble == nil)
            #expect(view.objects.contains { $0.title == "deployment/api-r1" && $0.isNew && $0.refusal == nil })
            release.parts.place?.cluster.makesNamespace = false
            let refused = try await look(bench, [release])
            #expect(refused.namespaceTrouble?.text == "there is no namespace shop-prod")
            #expect(refused.namespaceTrouble?.hint.contains("`createNamespace: false`") == true)
        }
    }

    /// Lets a user do these things in the namespace.
    private func grant(_ rules: ObjectValue, to user: String, _ client: KubernetesClient) async throws {
        let group = "rbac.authorization.k8s.io"
        _ = try await client.create(
            APIResource(.role), namespace: "shop-prod",
            ["apiVersion": .text("\(group)/v1"), "kind": "Role", "metadata": ["name": .text(user)], "rules": rules])
        _ = try await client.create(
            APIResource(.roleBinding), namespace: "shop-prod",
            [
                "apiVersion": .text("\(group)/v1"), "kind": "RoleBinding", "metadata": ["name": .text(user)],
                "subjects": [["kind": "User", "name": .text(user), "apiGroup": .text(group)]],
                "roleRef": ["kind": "Role", "name": .text(user), "apiGroup": .text(group)],
            ])
    }

    /// A deployment writes most objects without looking at them: whoever may not look is not held up.
    @Test func whoeverMayNotLookMayDeploy() async throws {
        try await ClusterBench.with { bench in
            try await standing(bench)
            let client = KubernetesClient(bench.double.access)
            let watched: ObjectValue = ["deployments", "pods", "pods/log", "services", "endpointslices", "configmaps"]
            try await grant(
                [
                    ["apiGroups": ["*"], "resources": ["*"], "verbs": ["create", "patch", "update", "delete"]],
                    ["apiGroups": ["*"], "resources": watched, "verbs": ["get", "list", "watch"]],
                    ["apiGroups": ["*"], "resources": ["poddisruptionbudgets"], "verbs": ["list"]],
                ], to: "ann", client)
            try await client.shutdown()
            let view = try await look(bench, [try release(bench, 2)], stable: 1, as: "ann")
            #expect(view.forbidden == [] && view.objects.allSatisfy { $0.refusal == nil }, "\(view)")
            #expect(view.objects.first { $0.title == "networkpolicy/api" }?.isNew == false)
        }
    }

    @Test func rightsThatAreMissingAreToldByVerbAndResource() async throws {
        try await ClusterBench.with { bench in
            try await standing(bench)
            let client = KubernetesClient(bench.double.access)
            let everything: ObjectValue = [
                "apiGroups": ["*"], "resources": ["*"],
                "verbs": [
                    "get", "list", "watch", "create", "patch", "update",
                ],
            ]
            try await grant([everything], to: "ann", client)
            try await client.shutdown()
            let view = try await look(bench, [try release(bench, 2)], stable: 1, as: "ann")
            let needed = ["configmaps", "deployments.apps", "networkpolicies.networking.k8s.io", "services"]
            #expect(view.forbidden == needed.map { "delete \($0)" })
            let stranger = try await look(bench, [try release(bench, 2)], stable: 1, as: "bob")
            #expect(stranger.forbidden.contains("create deployments.apps"))
            #expect(stranger.objects.allSatisfy { $0.refusal == nil }, "a right is told once")
        }
    }

    /// The Role that the guide shows is enough for what a deployment does.
    @Test func theGuidesRoleSuffices() async throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let guide = try String(
            contentsOf: root.appending(path: "docs/guides/deploying-to-kubernetes.md"), encoding: .utf8)
        let blocks = guide.split(separator: "```").filter { $0.hasPrefix("yaml\n") && $0.contains("kind: Role") }
        let rules = Self.rules(try #require(blocks.first))
        try #require(rules.items.count >= 5)
        try await ClusterBench.with { bench in
            try await standing(bench)
            let client = KubernetesClient(bench.double.access)
            try await grant(rules, to: "ann", client)
            try await client.shutdown()
            var release = try release(bench, 2)
            release.parts.spec.migrate = MigrationSpec(command: ["ends"], schema: "1")
            let view = try await look(bench, [release], stable: 1, as: "ann")
            // And it is enough to deploy, and to migrate.
            var access = bench.double.access
            access.impersonate = "ann"
            let hers = access
            try await ClusterBench.on(bench.double, path: nil, access: hers) { bench in
                let release = try bench.release(.serves, 1, of: ServiceName("other"), in: environment)
                try await bench.runtime.apply(
                    RuntimeWish(
                        environment: environment, service: release.service, fence: 1, generation: 1,
                        sets: [SetWish(release: release.number, count: 1)]),
                    releases: [release])
            }
            let migrating = MigrationBench(double: bench.double, path: nil, access: hers)
            try await migrating.session { port in
                let release = try migrating.release("ends", of: ServiceName("second"), in: environment)
                let key = MigrationKey(
                    environment: environment, service: release.service, deployment: DeploymentNumber(1), attempt: 1)
                try await port.start(MigrationRequest(key: key, release: release))
                try await until("its end") {
                    do {
                        return try await port.observe(environment)[release.service]?.first?.state == .exited(0)
                    } catch let error as PortError where error.code == .unavailable { return false }
                }
                // Killing asks for more than its end.
                try await port.stop(key, kill: true)
            }
            #expect(view.forbidden == [] && view.objects.allSatisfy { $0.refusal == nil }, "\(view)")
        }
    }

    /// Asks until it is so, for twenty seconds at most.
    private func until(_ what: String, _ look: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while try await !look() {
            guard ContinuousClock.now < deadline else {
                Issue.record("\(what) did not come")
                return
            }
            // Between two looks, until the deadline.
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test func aMigrationNeedsMore() async throws {
        try await ClusterBench.with { bench in
            try await standing(bench)
            let client = KubernetesClient(bench.double.access)
            let others: ObjectValue = [
                "deployments", "configmaps", "services", "serviceaccounts", "networkpolicies", "endpointslices",
                "poddisruptionbudgets", "pods/log",
            ]
            try await grant(
                [
                    ["apiGroups": ["*"], "resources": others, "verbs": ["*"]],
                    ["apiGroups": ["*"], "resources": ["pods"], "verbs": ["get", "list", "watch"]],
                ], to: "ann", client)
            try await client.shutdown()
            var release = try release(bench, 2)
            let without = try await look(bench, [release], stable: 1, as: "ann")
            #expect(without.forbidden == [])
            release.parts.spec.migrate = MigrationSpec(command: ["ends"], schema: "1")
            let view = try await look(bench, [release], stable: 1, as: "ann")
            let verbs = ["create", "delete", "get", "list", "patch", "watch"].map { "\($0) jobs.batch" }
            #expect(view.forbidden == (verbs + ["delete pods"]).sorted())
        }
    }

    /// A policy may know Jobs alone: better before the deployment than in its middle.
    @Test func aMigrationThatWouldBeRefusedIsTold() async throws {
        let words = #"admission webhook "policy.example.com" denied the request: no owner is named"#
        let refuses = Mutex(true)
        let plan = FaultPlan { mark in
            mark.method == "PATCH" && mark.path.contains("/jobs/") && refuses.withLock { $0 }
                ? .refuse(code: 403, message: words) : nil
        }
        try await ClusterBench.with(faults: plan) { bench in
            try await standing(bench)
            var release = try release(bench, 2)
            release.parts.spec.migrate = MigrationSpec(command: ["ends"], schema: "1")
            release.parts.spec.files = [FileTemplate(name: "limits.conf", template: "high")]
            let refused = try await look(bench, [release], stable: 1, migrating: [service])
            let job = try #require(refused.objects.first { $0.title == "job/api-migrate" })
            #expect(job.refusal?.text.contains(words) == true, "\(job)")
            // It has run before.
            let later = try await look(bench, [release], stable: 1)
            #expect(later.objects.allSatisfy { $0.refusal == nil })
            // What passes is not in the way of what stays.
            refuses.withLock { $0 = false }
            let fine = try await look(bench, [release], stable: 1, migrating: [service])
            #expect(fine.objects == later.objects)
        }
    }

    /// Lines such as `verbs: [get, list]`, each `- apiGroups:` beginning a rule.
    private static func rules(_ text: Substring) -> ObjectValue {
        var rules: [ObjectValue] = []
        for line in text.split(separator: "\n") where line.contains("[") {
            let words = line.drop { $0 == " " || $0 == "-" }.split(separator: ":", maxSplits: 1)
            let items = words[1].filter { !" []\"".contains($0) }.split(
                separator: ",", omittingEmptySubsequences: false)
            if words[0] == "apiGroups" { rules.append([:]) }
            rules[rules.count - 1][String(words[0])] = .texts(items.map(String.init))
        }
        return .list(rules)
    }

    @Test func quotasAndKindsAreRead() async throws {
        try await ClusterBench.with { bench in
            try await standing(bench)
            let client = KubernetesClient(bench.double.access)
            _ = try await client.create(
                APIResource(.resourceQuota), namespace: "shop-prod",
                ["metadata": ["name": "small"], "spec": ["hard": ["pods": "3", "requests.memory": "1Gi"]]])
            try await client.shutdown()
            var release = try release(bench, 2)
            release.parts.spec.kubernetes = KubernetesSpec()
            release.parts.spec.kubernetes?.externalSecrets = [
                ExternalSecretSpec(name: "keys", store: "vault", isClusterStore: false, refresh: .hours(1), keys: [])
            ]
            let view = try await look(bench, [release], stable: 1)
            #expect(view.quotas.first { $0.resource == "pods" }?.hard == 3000)
            #expect(view.quotas.first { $0.resource == "requests.memory" }?.hard == Int64(1 << 30) * 1000)
            #expect(view.unknownKinds == ["ExternalSecret of external-secrets.io/v1"])
        }
    }

    @Test func aClusterThatHangsIsWaitedForOnlySoLong() async throws {
        try await ClusterBench.with(faults: FaultPlan { _ in .silent }) { bench in
            let look = ClusterLook(bench.desk, patience: .milliseconds(200)) { () throws(RegistryTrouble) in
                RegistrySettings()
            }
            let release = try release(bench, 1)
            let cluster = try #require(release.parts.place?.cluster)
            let began = ContinuousClock.now
            let view = await look.look(
                ClusterQuestion(environment: environment, cluster: cluster, releases: [release]))
            #expect(view.trouble?.text.contains("answers slowly") == true)
            #expect(began.duration(to: .now) < .seconds(10))
        }
    }

    @Test func aClusterThatDoesNotAnswerIsATroubleAndNotAnError() async throws {
        let desk = try ClusterDesk(path: nil) { _ in
            throw ClusterTrouble(.configuration, "there is no kubeconfig", hint: "set KUBECONFIG")
        }
        let look = ClusterLook(desk) { () throws(RegistryTrouble) in RegistrySettings() }
        let view = await look.look(
            ClusterQuestion(environment: environment, cluster: ClusterSpec(namespace: "x"), releases: []))
        #expect(view.trouble?.text.contains("there is no kubeconfig") == true)
    }
}
