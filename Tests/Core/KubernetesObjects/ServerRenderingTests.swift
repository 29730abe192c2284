import KubernetesObjects
import Testing

@Suite("Slipway's server as objects")
struct ServerRenderingTests {
    private func rendering(
        replicas: Int = 2, hasDefinitions: Bool = true, targets: [String] = []
    ) -> ServerRendering {
        ServerRendering(
            namespace: "platform", image: "registry.example.com/slipway:1", replicas: replicas,
            hasDefinitions: hasDefinitions, targets: targets)
    }

    private func titles(_ rendering: ServerRendering) -> [String] { rendering.objects.map(\.title) }

    @Test("no name of its kinds is one of Argo's")
    func names() {
        let argo = [
            "rollouts", "rollout", "ro", "analysistemplates", "at", "clusteranalysistemplates", "cat", "analysisruns",
            "ar", "experiments", "exp", "applications", "app", "apps", "appprojects", "appproj", "appprojs",
            "applicationsets", "appset", "appsets", "workflows", "wf", "workflowtemplates", "wftmpl", "cronworkflows",
            "cwf", "cronwf",
        ]
        for kind in RecordKind.allCases {
            #expect(!argo.contains(kind.plural) && !argo.contains(kind.shortName) && !argo.contains(kind.rawValue))
        }
        #expect(Set(RecordKind.allCases.map(\.shortName)).count == RecordKind.allCases.count)
    }

    @Test("what others refer to comes first, and the same input gives the same bytes")
    func order() throws {
        let titles = titles(rendering())
        #expect(titles.first == "namespace/platform")
        let (account, deployment) = (
            titles.firstIndex(of: "serviceaccount/slipway-server"), titles.firstIndex(of: "deployment/slipway")
        )
        #expect(try #require(account) < #require(deployment))
        #expect(try ObjectText.yaml(rendering().objects) == ObjectText.yaml(rendering().objects))
    }

    @Test("rights for some namespaces are bound there, and nowhere else")
    func targets() {
        let everywhere = rendering().objects.filter { $0.kind == .clusterRoleBinding }.map(\.name)
        #expect(everywhere.contains("slipway-server"))
        let some = rendering(targets: ["shop", "billing"]).objects
        #expect(some.filter { $0.kind == .clusterRoleBinding }.map(\.name) == ["slipway-reviews"])
        let bound = some.filter { $0.kind == .roleBinding && $0.name == "slipway-deploys" }
        #expect(bound.map(\.namespace) == ["shop", "billing"])
    }

    @Test("in ConfigMaps it needs no definitions, and no rights to them")
    func configMaps() throws {
        let objects = rendering(hasDefinitions: false).objects
        #expect(!objects.contains { $0.kind == .definition })
        let own = try #require(objects.first { $0.kind == .role && $0.name == "slipway-server" })
        let groups = own.value["rules"]?.items.flatMap { $0["apiGroups"]?.items ?? [] } ?? []
        #expect(!groups.contains(.text(RecordKind.group)))
    }

    @Test("one alone needs no budget: it could never be moved")
    func budget() {
        #expect(titles(rendering()).contains("poddisruptionbudget/slipway"))
        #expect(!titles(rendering(replicas: 1)).contains("poddisruptionbudget/slipway"))
    }

    @Test("requests are led to the pod that leads")
    func service() throws {
        let service = try #require(rendering().objects.first { $0.kind == .service })
        #expect(service.value.at("spec", "selector", ServerRendering.leaderLabel) == "true")
    }

    @Test("the chart says nothing of its own about namespace, image and count")
    func chart() throws {
        let files = try ServerChart(rendering(), version: "1.2.3").files()
        let deployment = try #require(files.first { $0.path == "templates/deployment-slipway.yaml" }).text
        #expect(deployment.contains("namespace: {{ .Release.Namespace }}"))
        #expect(deployment.contains("image: {{ .Values.image | quote }}"))
        #expect(deployment.contains("replicas: {{ .Values.replicas }}"))
        for file in files where file.path.hasPrefix("templates/") {
            #expect(!file.text.contains("platform") && !file.text.contains("slipway-release-namespace"))
        }
        #expect(files.filter { $0.path.hasPrefix("crds/") }.count == RecordKind.allCases.count)
        let values = try #require(files.first { $0.path == "values.yaml" }).text
        #expect(values == "image: registry.example.com/slipway:1\nreplicas: 2\n")
        let budget = try #require(files.first { $0.path == "templates/poddisruptionbudget-slipway.yaml" }).text
        #expect(budget.hasPrefix("{{- if gt (int .Values.replicas) 1 }}\n") && budget.hasSuffix("{{- end }}\n"))
    }
}
