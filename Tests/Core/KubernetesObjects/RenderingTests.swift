import Domain
import KubernetesObjects
import Manifests
import Testing

@Suite struct RenderingTests {
    private func render(
        _ services: String, _ environment: String = "", workloads: WorkloadKind = .deployments,
        naming: WorkloadNaming = .plain
    ) throws -> RenderedCluster {
        let text = """
            version: 1
            project: shop
            services:
            \(services)
            environments:
              far:
                runtime: kubernetes
                \(environment)
            """
        let manifest = try #require(Manifest.parse(text: text).manifest)
        let result = manifest.project(environment: "far") { _ in .success("id ${instance.id}") }
        let project = try #require(result.project, "\(result.diagnostics)")
        let cluster = try #require(project.cluster)
        return ClusterRendering(project, cluster: cluster, naming: naming, workloads: workloads).render()
    }

    /// A path of one host is no path of another.
    @Test(arguments: [
        ("router: gateway\n    cluster: { gateway: { name: edge } }", ObjectKind.route),
        ("router: istio\n    cluster: { mesh: { gateways: [infra/edge] } }", .virtualService),
    ])
    func hostsKeepTheirPaths(_ environment: String, _ kind: ObjectKind) throws {
        let rendered = try render(
            """
              web:
                image: web
                port: 80
                routes:
                  - { listen: 1, host: a.example.com, path: /x }
                  - { listen: 1, host: b.example.com, path: /y }
                  - { listen: 1, host: c.example.com, path: /x }
            """, environment)
        let found = rendered.objects.filter { $0.kind == kind && $0.value.at("spec", "gateways")?.text != "mesh" }
            .map { ObjectText.json($0.value) }
        #expect(found.contains { $0.contains("a.example.com") && $0.contains("c.example.com") && $0.contains("/x") })
        #expect(!found.contains { $0.contains("a.example.com") && $0.contains("/y") })
        #expect(found.contains { $0.contains("b.example.com") && $0.contains("/y") && !$0.contains("/x") })
    }

    @Test func twoThatComeToOneNameAreRefused() throws {
        let rendered = try render(
            """
              a: { image: a, kubernetes: { volumes: { b-c: { path: /d, size: 1Gi } } } }
              a-b: { image: b, kubernetes: { volumes: { c: { path: /d, size: 1Gi } } } }
            """)
        #expect(rendered.troubles.map(\.text) == ["`a` and `a-b` both make persistentvolumeclaim/a-b-c"])
    }

    @Test func namesThatAreTooLongAreRefused() throws {
        let long = String(repeating: "x", count: 40)
        let crons = "crons: { nightly-cleaning: { schedule: \"@daily\", command: [a] } }"
        let rendered = try render("  \(long): { image: a, kubernetes: { \(crons) } }")
        #expect(rendered.troubles.count == 1 && rendered.troubles[0].text.contains("a cluster takes 52"))
    }

    @Test func aWorkersMetricsAreReadFromItsPods() throws {
        let rendered = try render("  w: { image: w, kubernetes: { monitor: { port: 9090 } } }")
        let monitor = try #require(rendered.objects.first { $0.kind == .podMonitor })
        #expect(monitor.value.at("spec", "podMetricsEndpoints")?.items.first?["port"] == "metrics")
        let pod = try #require(rendered.objects.first { $0.kind == .deployment })
        let container = pod.value.at("spec", "template", "spec", "containers")?.items.first
        #expect(container?["ports"] == [["name": "metrics", "containerPort": 9090]])
    }

    /// Kubernetes fills `$(NAME)` in: what is ours is to be filled, what is the user's is text.
    @Test func onlyOurVariablesAreFilledByTheCluster() throws {
        let rendered = try render(
            "  w: { image: w, command: [run, \"$(HOME) ${instance.id}\"], env: { A: \"x-${instance.id}\", B: \"$(C)\" } }"
        )
        let pod = try #require(rendered.objects.first { $0.kind == .deployment })
        let container = try #require(pod.value.at("spec", "template", "spec", "containers")?.items.first)
        #expect(container["command"] == ["run", "$$(HOME) $(SLIPWAY_INSTANCE_ID)"])
        #expect(container["env"]?.items.last == ["name": "A", "value": "x-$(SLIPWAY_INSTANCE_ID)"])
        let map = try #require(rendered.objects.first { $0.kind == .configMap })
        #expect(map.value.at("data", "B") == "$(C)", "a ConfigMap is given as it is")
    }

    @Test func filesCannotKnowTheirPod() throws {
        let rendered = try render("  w: { image: w, files: { a.conf: a.conf } }")
        #expect(rendered.troubles.count == 1 && rendered.troubles[0].text.contains("a.conf"))
    }

    @Test func releasesHaveWorkloadsOfTheirOwn() throws {
        let rendered = try render(
            "  web: { image: web, port: 80, env: { R: \"${release}\" } }",
            naming: .releases([ServiceName("web"): ReleaseNumber(14)]))
        let deployment = try #require(rendered.objects.first { $0.kind == .deployment })
        #expect(deployment.name == "web-r14")
        #expect(deployment.value.at("spec", "selector", "matchLabels", "slipway.dev/release") == "14")
        let map = try #require(rendered.objects.first { $0.kind == .configMap })
        #expect(map.name == "web-r14" && map.value["immutable"] == true && map.value.at("data", "R") == "14")
    }

    /// What Argo Rollouts cannot be told is told to the user.
    @Test func rolloutsSayWhatTheyLeaveOut() throws {
        let rendered = try render(
            """
              web:
                image: web
                port: 80
                routes: [{ listen: 1, host: a.example.com }]
                strategy: { canary: { steps: [{ weight: 20% }, { hold: untilPromoted }], matches: [{ header: X, equals: y }] } }
            """, "router: nginx", workloads: .argoRollouts)
        let rollout = try #require(rendered.objects.first { $0.kind == .rollout })
        let canary = try #require(rollout.value.at("spec", "strategy", "canary"))
        #expect(canary["steps"] == [["setWeight": 20], ["pause": [:]]])
        #expect(canary["stableService"] == "web-stable" && canary["canaryService"] == "web-canary")
        #expect(!rendered.objects.contains { $0.kind == .deployment })
        let ingress = try #require(rendered.objects.first { $0.kind == .ingress })
        #expect(ObjectText.json(ingress.value).contains("web-stable"))
        #expect(rendered.notes.contains { $0.text.contains("requests that match") })
        #expect(rendered.notes.contains { $0.text.contains("keeps its users") })
    }
}
