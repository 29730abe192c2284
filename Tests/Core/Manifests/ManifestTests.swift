import FoundationEssentials
import Domain
import Testing

@testable import Manifests

/// Reads a fixture beside the tests.
func fixture(_ name: String, _ file: StaticString = #filePath) throws -> String {
    let directory = String(describing: file).split(separator: "/").dropLast().joined(separator: "/")
    return try String(contentsOf: URL(filePath: "/\(directory)/Fixtures/\(name)"), encoding: .utf8)
}

@Suite struct ManifestTests {
    @Test func readsTheExampleOfTheDesign() throws {
        let text = try fixture("shop.yaml")
        let parsed = Manifest.parse(text: text)
        #expect(parsed.diagnostics.isEmpty)
        let manifest = try #require(parsed.manifest)
        #expect(manifest.projectName == "shop")
        #expect(manifest.environments.map(\.name) == ["dev", "production"])
        let (project, diagnostics) = manifest.project(environment: "dev") { path in
            #expect(path == "nginx.conf.tmpl")
            return .success("listen ${instance.port};")
        }
        #expect(!diagnostics.hasErrors, "\(diagnostics)")
        let dev = try #require(project)
        #expect(dev.environment == EnvironmentID(project: "shop", name: "dev"))
        #expect(dev.runtime == .process)
        #expect(dev.services.map(\.spec.service.text) == ["api", "web"])
        let api = dev.services[0]
        #expect(
            api.spec
                == ServiceSpec(
                    service: ServiceName("api"), artifact: ArtifactSource(path: "api", prepare: ["./install"]),
                    image: "registry.example.com/shop/api",
                    command: ["./venv/bin/gunicorn", "app:app", "--bind", "127.0.0.1:${instance.port}"],
                    env: [Variable(name: "WORKERS", value: "2")], port: 8080, replicas: 2,
                    probes: Probes(
                        startup: Probe(check: .http(path: "/health"), every: .seconds(1), deadline: .seconds(30)),
                        readiness: Probe(
                            check: .http(path: "/ready"), every: .seconds(2), timeout: .seconds(1), failures: 3)),
                    resources: Resources(
                        cpuRequest: 250, cpuLimit: 500, memoryRequest: 256 << 20, memoryLimit: 512 << 20),
                    drain: .seconds(30)))
        #expect(
            api.strategy
                == StrategySpec(
                    kind: .canary(
                        CanarySpec(steps: [
                            .weight(Weight(clamping: 5)), .gate(GateName("smoke")), .weight(Weight(clamping: 25)),
                            .hold(.minutes(2)), .weight(Weight(clamping: 50)), .holdUntilPromoted,
                        ])), background: [GateName("errors")], scaleDownDelay: .seconds(30)))
        let web = dev.services[1]
        #expect(web.spec.files == [FileTemplate(name: "nginx.conf", template: "listen ${instance.port};")])
        #expect(web.spec.routes == [RouteSpec(listen: "127.0.0.1:8080", host: "shop.localhost", path: "/")])
        #expect(web.spec.needs == [ServiceName("api")])
        #expect(
            web.strategy == StrategySpec(kind: .rolling(RollingSpec()), minReady: .seconds(5), scaleDownDelay: .zero))
        #expect(
            dev.gates == [
                GateSpec(
                    name: GateName("errors"), question: .threshold(ThresholdSpec(errorRate: 10_000, minRequests: 200)),
                    schedule: GateSchedule(interval: .seconds(10), count: 6, onInconclusive: .extend)),
                GateSpec(
                    name: GateName("smoke"),
                    question: .smoke(
                        SmokeSpec(requests: [SmokeRequest(path: "/health", status: 200, within: .milliseconds(300))]))),
            ])
        #expect(dev.retention == RetentionSpec())
    }

    @Test func appliesOverrides() throws {
        let manifest = try #require(Manifest.parse(text: try fixture("shop.yaml")).manifest)
        let (project, _) = manifest.project(environment: "production") { _ in .success("") }
        let production = try #require(project)
        #expect(production.runtime == .kubernetes)
        #expect(production.services.map(\.spec.replicas) == [6, 1])
        let settings = manifest.environments[1]
        #expect(settings.context == "prod")
        #expect(settings.namespace == "shop")
        #expect(settings.router == "gateway")
    }
}
