import Domain
import Planning
import Testing

@Suite struct ClusterPreflightTests {
    private static let day: Int64 = 86_400_000

    private func findings(
        _ view: ClusterView, _ services: ServiceSpec..., wave: (Int) -> Int = { _ in 0 }, runs: Bool = true
    ) -> [PreflightFinding] {
        let project = ProjectSpec(
            environment: Shop.id, runtime: .kubernetes, services: services.map { ServicePlanSpec(spec: $0) },
            cluster: ClusterSpec(namespace: "shop"))
        let starting = services.enumerated().map { (service: $1.service, wave: wave($0), runs: runs) }
        return preflight(project, starting: starting, on: view, now: 100 * Self.day)
    }

    private func failures(_ found: [PreflightFinding]) -> [String] {
        found.filter { $0.level == .failure }.map { "\($0.name): \($0.text)" }
    }

    @Test func aClusterThatDoesNotAnswerIsAllThatIsSaid() {
        var view = ClusterView()
        view.trouble = ClusterView.Trouble("nobody answers at 10.0.0.1", hint: "look at the kubeconfig")
        #expect(findings(view, Shop.spec("api")).map(\.text) == ["nobody answers at 10.0.0.1"])
    }

    @Test func everyKindOfTroubleIsAFailureInItsOwnWords() {
        var view = ClusterView()
        view.version = "v1.36.0"
        #expect(failures(findings(view, Shop.spec("api"))) == [])
        view.namespaceTrouble = ClusterView.Trouble("there is no namespace shop")
        view.forbidden = ["create deployments.apps", "watch pods"]
        view.unknownKinds = ["HTTPRoute of gateway.networking.k8s.io/v1"]
        view.objects = [ObjectLook(title: "deployment/api-r1", isNew: true, refusal: ClusterView.Trouble("denied"))]
        view.registryTrouble = ClusterView.Trouble("no such file")
        view.images = [ImageLook(service: ServiceName("api"), level: .wrong, trouble: ClusterView.Trouble("not there"))]
        #expect(
            failures(findings(view, Shop.spec("api"))) == [
                "namespace: there is no namespace shop",
                "permissions: the cluster does not let us create deployments.apps, watch pods",
                "kinds: the cluster does not know HTTPRoute of gateway.networking.k8s.io/v1",
                "objects: deployment/api-r1: denied", "registries: no such file", "image of api: not there",
            ])
    }

    @Test func servicesOfOthersThatWouldFindOurPodsAreRefused() {
        var view = ClusterView()
        view.foreignServices = [
            ForeignService(name: "api", finds: nil, selector: ["app=api"]),
            ForeignService(
                name: "old", finds: ServiceName("api"), selector: ["app.kubernetes.io/name=api"]),
        ]
        let found = findings(view, Shop.spec("api")).filter { $0.name == "services" }
        #expect(found.map(\.level) == [.warning, .failure])
        #expect(found[0].text.contains("service/api is somebody else's"))
        #expect(found[1].text.contains("selects app.kubernetes.io/name=api, which pods of api have too"))
    }

    @Test func certificatesAreToldBeforeTheyEnd() {
        var view = ClusterView()
        view.certificates = [
            CertificateView(title: "a", endsAt: 90 * Self.day), CertificateView(title: "b", endsAt: 105 * Self.day),
            CertificateView(title: "c", endsAt: 200 * Self.day),
        ]
        let found = findings(view, Shop.spec("api")).filter { $0.name == "certificates" }
        #expect(found.map(\.level) == [.failure, .warning, .fine])
        #expect(found[1].text == "b is good for 5 days")
    }

    /// Rolling, three at once: one more at a time; one after the other: one more in all.
    @Test func aQuotaHasToSufficeForOldAndNewSideBySide() {
        var view = ClusterView()
        let (api, web) = (Shop.spec("api", replicas: 3), Shop.spec("web", replicas: 3))
        func left(_ pods: Int64) -> ClusterView {
            view.quotas = [QuotaView(name: "small", resource: "pods", hard: 10_000, used: 10_000 - pods * 1000)]
            return view
        }
        #expect(failures(findings(left(2), api, web)) == [])
        #expect(failures(findings(left(1), api, web)).count == 1)
        #expect(failures(findings(left(1), api, web, wave: { $0 })) == [])
        // What is new stays: three of the first wave, three of the second.
        #expect(failures(findings(left(6), api, web, wave: { $0 }, runs: false)) == [])
        let found = failures(findings(left(5), api, web, wave: { $0 }, runs: false))
        #expect(
            found == [
                "quota: quota small leaves 5 of 10 pods; the rollout asks for 6 more while old and new run side by side"
            ])
    }

    @Test func memoryAndCoresOfAQuotaCountToo() {
        var api = Shop.spec("api", replicas: 2)
        api.resources.memoryRequest = 256 << 20
        api.resources.cpuRequest = 500
        var view = ClusterView()
        view.quotas = [
            QuotaView(name: "q", resource: "requests.memory", hard: 1 << 30 * 1000, used: 0),
            QuotaView(name: "q", resource: "requests.cpu", hard: 900, used: 0),
            QuotaView(name: "q", resource: "services.loadbalancers", hard: 0, used: 0),
        ]
        let found = failures(findings(view, api, runs: false))
        #expect(found.count == 1 && found[0].contains("leaves 900m of 900m requests.cpu; the rollout asks for 1 more"))
    }
}
