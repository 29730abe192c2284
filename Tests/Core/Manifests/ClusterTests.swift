import Domain
import FoundationEssentials
import Manifests
import Testing

@Suite struct ClusterTests {
    private func project(_ environment: String) throws -> ProjectSpec {
        let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/cluster.yaml")
        let parsed = Manifest.parse(text: try String(contentsOf: path, encoding: .utf8))
        let manifest = try #require(parsed.manifest, "\(parsed.diagnostics)")
        let result = manifest.project(environment: environment) { _ in .success("") }
        #expect(!result.diagnostics.hasErrors, "\(result.diagnostics)")
        return try #require(result.project)
    }

    @Test func readsWhatAServiceSays() throws {
        let api = try #require(try project("production").services[0].spec.kubernetes)
        #expect(
            api.security == PodSecuritySpec(user: 10_001, group: 20_002, isReadOnly: false, writable: ["/run", "/tmp"]))
        #expect(api.account.annotations == [Variable(name: "example.com/role", value: "shop")])
        #expect(
            api.account.permissions == [
                PermissionSpec(groups: ["apps"], resources: ["deployments"], names: ["api"], verbs: ["get", "patch"]),
                PermissionSpec(resources: ["configmaps"], verbs: ["watch"]),
            ])
        #expect(api.labels == [Variable(name: "team", value: "checkout")])
        #expect(api.placement.nodes == [Variable(name: "disktype", value: "ssd")])
        #expect(
            api.placement.tolerations == [
                TolerationSpec(key: "gpu", value: "true", effect: "NoSchedule"),
                TolerationSpec(key: "gone", effect: "NoExecute", seconds: 90), TolerationSpec(),
            ])
        #expect(
            api.placement.spread == [
                SpreadSpec(key: SpreadSpec.zone), SpreadSpec(key: SpreadSpec.host),
                SpreadSpec(key: "example.com/rack", skew: 2, isRequired: true),
            ])
        #expect(api.placement.affinity == #"{"podAntiAffinity":{"x":[1,true]}}"#)
        #expect(api.placement.priorityClass == "high")
        #expect(api.disruption == .keep(.percent(50)))
        #expect(api.secrets == [SecretVariable(variable: "DB_PASSWORD", secret: "db", key: "password")])
        #expect(
            api.externalSecrets == [
                ExternalSecretSpec(
                    name: "db", store: "vault", isClusterStore: false, refresh: .minutes(15),
                    keys: [
                        ExternalKey(key: "all", path: "shop/all"),
                        ExternalKey(key: "password", path: "shop/db", property: "password"),
                    ])
            ])
    }

    @Test func readsVolumesNetworkAndScaling() throws {
        let api = try #require(try project("production").services[0].spec.kubernetes)
        #expect(
            api.volumes == [
                VolumeSpec(
                    name: "claim", path: "/a", source: .claim(size: 1 << 30, storageClass: "fast", access: .many)),
                VolumeSpec(name: "flags", path: "/d", source: .configMap("flags")),
                VolumeSpec(name: "quick", path: "/f", source: .empty(limit: 64 << 20, inMemory: true)),
                VolumeSpec(name: "scratch", path: "/e", source: .empty(limit: 1 << 30, inMemory: false)),
                VolumeSpec(name: "there", path: "/b", isReadOnly: true, source: .existing(claim: "there")),
                VolumeSpec(name: "tls", path: "/c", source: .secret("tls")),
            ])
        #expect(
            api.network.from == [
                NetworkPeer(who: .service(ServiceName("web")), ports: [8080]),
                NetworkPeer(who: .namespace("monitoring")),
            ])
        #expect(
            api.network.to == [
                NetworkPeer(who: .block("10.0.0.0/8"), ports: [5432]), NetworkPeer(who: .block("2001:db8::/32")),
                NetworkPeer(who: .pods([Variable(name: "app", value: "legacy")])),
            ])
        #expect(api.monitor == MonitorSpec(path: "/m", port: 9090, every: .seconds(15)))
        #expect(
            api.metrics == [
                AutoscalerMetric(kind: .pods, name: "depth", value: "30"),
                AutoscalerMetric(
                    kind: .external, name: "queue", selector: [Variable(name: "name", value: "mail")], value: "500m"),
            ])
        #expect(api.keda?.triggers.first?.authentication == "who")
        #expect(api.keda?.polling == .seconds(15) && api.keda?.cooldown == .minutes(1) && api.keda?.idle == 0)
        #expect(api.vertical == .inPlace)
        #expect(
            api.crons == [
                CronSpec(
                    name: "report", schedule: "*/5 8-18 * * mon-fri", zone: "Europe/Vienna", command: ["./report"],
                    overlap: .replace, deadline: .minutes(10), retries: 0)
            ])
        #expect(api.jobs == [JobSetSpec(name: "train", command: ["./train"], replicas: 2, pods: 3, restarts: 1)])
    }

    @Test func readsWhatAnEnvironmentSays() throws {
        let cluster = try #require(try project("production").cluster)
        #expect(
            cluster
                == ClusterSpec(
                    context: "prod", namespace: "shop", router: .istio,
                    ingress: IngressSpec(
                        ingressClass: "nginx", issuer: "letsencrypt", isClusterIssuer: false, secret: "tls",
                        rateLimit: 50, annotations: [Variable(name: "example.com/waf", value: "on")]),
                    mesh: MeshSpec(gateways: ["infra/edge"], isStrict: false), pullSecrets: ["registry"],
                    quota: QuotaSpec(cpu: 20_000, memory: 64 << 30, pods: 100), podSecurity: .baseline,
                    isClosed: false, makesNamespace: false, entranceNamespace: "infra"))
        let staging = try #require(try project("staging").cluster)
        #expect(staging.namespace == "everything")
        #expect(staging.gateway == GatewaySpec(name: "edge", namespace: "infra", section: "https"))
    }

    /// What makes no sense, and what a word of it says.
    @Test(arguments: [
        ("port: 80", "", "has no image"), ("image: x\n    data: { d: d }", "", "nothing says where on the cluster"),
        ("image: x\n    kubernetes: { metrics: [{ pods: a, value: 1 }] }", "", "between how many pods"),
        ("image: x\n    kubernetes: { network: { to: [{ service: wbe }] } }", "", "there is no service `wbe`"),
        ("image: x\n    kubernetes: { labels: { app.kubernetes.io/name: y } }", "", "sets the label"),
        ("image: x\n    kubernetes: { labels: { team: a b } }", "", "cannot be the value of a label"),
        ("image: x\n    kubernetes: { writable: [/a], volumes: { v: { path: /a, empty: 1Gi } } }", "", "both at `/a`"),
        ("image: x", "cluster: { quota: { cpu: 1 } }", "asks for no cpu"),
        ("image: x\n    env: { A: b }\n    kubernetes: { secrets: { A: db/a } }", "", "in `env` as well"),
        ("image: x\n    kubernetes: { monitor: {} }", "", "where its metrics are"),
        ("image: x\n    port: 80\n    routes: [{ listen: 80 }]", "router: istio", "by which gateway"),
        ("image: x", "router: gateway", "which Gateway"),
        ("image: x", "cluster: { mesh: {} }", "no effect without `router: istio`"),
        ("image: x\n    kubernetes: { crons: { c: { schedule: \"61 * * * *\", command: [a] } } }", "", "a schedule"),
        ("image: x\n    kubernetes: { network: { to: [{ block: 10.0.0.0/33 }] } }", "", "a block of addresses"),
        ("image: x\n    kubernetes: { secrets: { A: db } }", "", "a Secret and its key"),
        ("image: x\n    kubernetes: { crons: { c: { schedule: \"@daily\", command: [\"${nope}\"] } } }", "", "nope"),
    ])
    func refusesWhatMakesNoSense(_ service: String, _ environment: String, _ word: String) throws {
        let text = """
            version: 1
            project: x
            services:
              web:
                \(service.replacing("\n    ", with: "\n    "))
            environments:
              far:
                runtime: kubernetes
                \(environment)
            """
        let parsed = Manifest.parse(text: text)
        var found = parsed.diagnostics
        if let manifest = parsed.manifest {
            found += manifest.project(environment: "far") { _ in .success("") }.diagnostics
        }
        #expect(found.contains { $0.message.contains(word) && $0.line > 3 }, "\(found)")
    }
}
