import FoundationEssentials
import Domain
import Testing

@testable import Manifests

/// A file beside the tests.
func fixtureURL(_ name: String, _ file: String = #filePath) -> URL {
    URL(filePath: file).deletingLastPathComponent().appending(path: "Fixtures").appending(path: name)
}

func fixture(_ name: String) throws -> String {
    try String(contentsOf: fixtureURL(name), encoding: .utf8)
}

@Suite struct ManifestTests {
    private func spec(_ lines: String) throws -> ServiceSpec {
        let text = """
            version: 1
            project: shop
            services:
              api:
                command: [./api]
                port: 8080
            \(lines)
            """
        let manifest = try #require(Manifest.parse(text: text).manifest)
        let (project, diagnostics) = manifest.project(environment: "dev") { _ in .success("") }
        #expect(!diagnostics.hasErrors, "\(diagnostics)")
        return try #require(project).services[0].spec
    }

    /// Shares become amounts: of what an instance asks for, of one core where it does not say.
    @Test func readsWhatScales() throws {
        let full = try spec(
            """
                resources: { cpu: 250m..500m, memory: 100Mi..512Mi }
                scale: { min: 2, max: 10, cpu: 70%, memory: 80%, requests: 0.5/s, stabilise: { up: 0s, down: 1m } }
            """)
        #expect(
            full.scale
                == ScaleSpec(
                    min: 2, max: 10,
                    targets: [
                        ScaleTarget(metric: .cpu, perInstance: 175, share: 70),
                        ScaleTarget(metric: .memory, perInstance: (100 << 20) / 100 * 80, share: 80),
                        ScaleTarget(metric: .requests, perInstance: 500),
                    ], up: .zero, down: .minutes(1)))
        #expect(full.replicas == 2, "it begins with the lower bound")
        let short = try spec("    scale: { max: 3, cpu: 50% }\n    replicas: 2")
        #expect(short.scale?.targets == [ScaleTarget(metric: .cpu, perInstance: 500, share: 50)])
        #expect(short.scale?.min == 1)
        #expect(short.replicas == 2)
        #expect(try spec("    replicas: 2").scale == nil)
    }

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

    @Test func readsTheHost() throws {
        let text = "version: 1\nproject: x\nservices: { a: { command: [./a] } }\nenvironments:\n  far: { host: box"
        let far = try #require(Manifest.parse(text: text + " }\n").manifest)
        #expect(far.environments.map(\.host) == [nil, "box"])
        let (project, diagnostics) = far.project(environment: "far") { _ in .success("") }
        #expect(project != nil, "\(diagnostics)")
        let both = try #require(Manifest.parse(text: text + ", runtime: kubernetes }\n").manifest)
        let refused = both.project(environment: "far") { _ in .success("") }
        #expect(refused.project == nil)
        #expect(refused.diagnostics.contains { $0.code == .conflict && $0.line == 5 }, "\(refused.diagnostics)")
        #expect(Manifest.parse(text: text + "/x }\n").diagnostics.contains { $0.code == .badName })
    }

    @Test func readsEveryKey() throws {
        let parsed = Manifest.parse(text: try fixture("everything.yaml"))
        #expect(parsed.diagnostics.isEmpty, "\(parsed.diagnostics)")
        let manifest = try #require(parsed.manifest)
        func project(_ name: String) throws -> ProjectSpec {
            let result = manifest.project(environment: name) { _ in .success("port ${instance.port}") }
            #expect(!result.diagnostics.contains { $0.severity != .note && $0.code != .unusedGate })
            return try #require(result.project, "\(result.diagnostics)")
        }
        let dev = try project("dev")
        #expect(dev.services.map(\.spec.service.text) == ["api", "once", "plain", "web", "worker"])
        let api = dev.services[0].spec
        #expect(api.env.map(\.value) == ["false", "${service.name} ${release}", "0.5", "2"])
        #expect(
            api.data == [DataPath(name: "shared", path: "/srv/shared"), DataPath(name: "uploads", path: "uploads")])
        #expect(
            api.probes.startup
                == Probe(
                    check: .http(path: "/health"), every: .seconds(1), timeout: .milliseconds(500), failures: 2,
                    successes: 1, deadline: .seconds(30)))
        #expect(api.probes.liveness?.check == .command(["./alive", "${instance.id}"]))
        #expect(api.resources == Resources(cpuRequest: 250, cpuLimit: 1500, memoryLimit: 512 << 20, files: 4096))
        #expect(api.stop == StopSpec(signal: "QUIT", timeout: .seconds(20)))
        #expect(api.drain == .zero)
        #expect(api.releaseHeader)
        #expect(api.routes.map(\.listen) == ["127.0.0.1:8080", "0.0.0.0:8081"])
        let canary = dev.services[0].strategy
        #expect(canary.keepWarm == 1 && canary.scaleDownDelay == .minutes(1) && canary.minReady == .seconds(1))
        #expect(
            canary.kind
                == .canary(
                    CanarySpec(
                        steps: [
                            .gate(GateName("smoke")), .weight(Weight(clamping: 5)), .hold(.seconds(30)),
                            .weight(Weight(clamping: 50)), .gate(GateName("alive")), .holdUntilPromoted,
                        ], sticky: false,
                        matches: [
                            .header(name: "X-Canary", value: "1"), .cookie(name: "tester", value: "yes"),
                        ])))
        #expect(dev.services[1].strategy.scaleDownDelay == .zero)
        #expect(
            dev.services[1].strategy.kind
                == .recreate(
                    RecreateSpec(
                        hold: HoldSpec(requests: 10, bytes: 1 << 20, time: .seconds(5)), gates: [GateName("alive")])))
        #expect(dev.services[2].strategy == .standard)
        #expect(dev.services[3].spec.shell == "exec ./web --port \"$PORT\" --home $${HOME}")
        #expect(dev.services[3].strategy.scaleDownDelay == .seconds(30))
        #expect(
            dev.services[4].strategy.kind
                == .rolling(RollingSpec(maxSurge: .percent(50), maxUnavailable: .count(0), gates: [GateName("verify")]))
        )
        let smoke = try #require(dev.gates.first { $0.name.text == "smoke" })
        guard case .smoke(let requests) = smoke.question else { return #expect(Bool(false)) }
        #expect(requests.requests[1].capture == [Variable(name: "token", value: "data.token")])
        #expect(
            requests.requests[2].expectJSON.map { "\($0.name)=\($0.value)" } == [
                "items[0].id=7", "items[0].name=\"a\"", "list=[1,2.5]", "map={\"a\":\"b\"}", "none=null", "ok=true",
            ])
        let errors = try #require(dev.gates.first { $0.name.text == "errors" })
        #expect(
            errors.question
                == .threshold(
                    ThresholdSpec(
                        errorRate: 5000,
                        latencies: [
                            LatencyLimit(percentile: 95_000, limit: .milliseconds(200)),
                            LatencyLimit(percentile: 99_900, limit: .milliseconds(1500)),
                        ], minRate: 50_000, minRequests: 200)))
        let better = try #require(dev.gates.first { $0.name.text == "better" })
        #expect(
            better.question
                == .analysis(
                    AnalysisSpec(
                        errors: .absolute(5_000),
                        latencies: [
                            LatencyAllowance(percentile: 95_000, more: 200_000),
                            LatencyAllowance(percentile: 99_900, more: 500_000),
                        ], falseAlarms: 5_000, missed: 25_000, requests: 20_000, warmUp: .seconds(30),
                        baseline: .fresh)))
        #expect(
            better.schedule
                == GateSchedule(interval: .seconds(2), onInconclusive: .hold, patience: .minutes(5)))
        let slow = try #require(dev.gates.first { $0.name.text == "slow" })
        let access = WebAccess(
            credentials: .bearer(.file("/etc/slipway/metrics-token")),
            certificate: ClientCertificate(chain: "/etc/slipway/client.pem", key: "/etc/slipway/client.key"),
            authorities: "/etc/ssl/ours.pem", headers: [Variable(name: "X-Scope-OrgID", value: "everything")],
            timeout: .seconds(5))
        let prom = PrometheusSpec(url: "https://prometheus.example.com/", access: access, allowsPartial: true)
        #expect(
            slow.question
                == .metric(
                    MetricSpec(
                        source: MetricSource(name: "prom", way: .prometheus(prom)),
                        query: "max(lag{release=\"${release}\"}[${window}])", pass: MetricCondition("< 0.2"),
                        fail: MetricCondition("> 0.5 or < 0"), window: .minutes(2))))
        #expect(slow.schedule == GateSchedule(interval: .seconds(30), count: 5))
        let alike = try #require(dev.gates.first { $0.name.text == "alike" })
        #expect(
            alike.question
                == .comparison(
                    ComparisonSpec(
                        source: MetricSource(name: "prom", way: .prometheus(prom)),
                        metrics: [
                            ComparedMetric(
                                name: "errors", query: "sum(rate(errors{release=\"${release}\"}[${window}]))",
                                groups: ["errors", "all"], direction: .increase, isCritical: true, mustHaveData: true,
                                takesNaNAsZero: true, increase: 50_000, criticalIncrease: 500_000),
                            ComparedMetric(
                                name: "rate", query: "sum(rate(requests{release=\"${release}\"}[${window}]))",
                                baseline: "sum(rate(requests{release=\"${stable}\"}[${window}]))",
                                direction: .decrease, isCritical: true, fence: 2, decrease: 100_000,
                                criticalDecrease: 500_000),
                        ], range: .minutes(30), step: .seconds(30), window: .minutes(2),
                        weights: [
                            GroupShare(group: "all", share: 375_000), GroupShare(group: "errors", share: 625_000),
                        ],
                        pass: 90, marginal: 60, confidence: 950_000, tolerance: 100_000)))
        #expect(
            alike.schedule
                == GateSchedule(initialDelay: .minutes(29), interval: .minutes(1), onInconclusive: .hold))
        #expect(
            dev.gates.first { $0.name.text == "orders" }?.schedule
                == GateSchedule(failureLimit: 2, successLimit: 3, isDryRun: true))
        func way(_ name: String, in project: ProjectSpec) -> MetricWay? {
            guard case .metric(let spec)? = project.gates.first(where: { $0.name.text == name })?.question else {
                return nil
            }
            return spec.source.way
        }
        #expect(
            way("orders", in: dev)
                == .command(
                    CommandSpec(
                        command: ["/opt/orders", "${release}"], env: [Variable(name: "REGION", value: "eu")])))
        #expect(
            way("stock", in: dev)
                == .web(
                    WebSourceSpec(
                        url: "https://stats:81/${service.name}?env=${environment}",
                        access: WebAccess(credentials: .basic(user: "ann", password: .variable("STATS_PASSWORD"))))))
        #expect(way("old", in: dev) == .csv(path: "/srv/past.csv"))
        #expect(way("old", in: try project("production")) == .csv(path: "/srv/production.csv"))
        let staging = try project("staging")
        #expect(staging.services.map(\.spec.service.text) == ["api", "once", "web", "worker"])
        #expect(staging.services[0].spec.replicas == 1)
        #expect(staging.services[0].strategy == .standard)
        #expect(staging.retention == RetentionSpec(releases: 2, age: .days(30)))
        #expect(try project("production").gates.first { $0.name.text == "errors" }?.schedule.count == 12)
    }

    @Test func namingAnAlternativeReplacesIt() throws {
        let text = """
            version: 1
            project: p
            services:
              a:
                command: [x]
                port: 1
                probes: { readiness: { http: / } }
                strategy: { canary: { steps: [{ weight: 5% }] } }
            environments:
              dev:
                overrides:
                  services: { a: { shell: y, probes: { readiness: { tcp: true } }, strategy: { blueGreen: {} } } }
            """
        let manifest = try #require(Manifest.parse(text: text).manifest)
        let result = manifest.project(environment: "dev") { _ in .success("") }
        let service = try #require(result.project?.services.first, "\(result.diagnostics)")
        #expect(service.spec.command.isEmpty && service.spec.shell == "y")
        #expect(service.spec.probes.readiness?.check == .tcp)
        #expect(service.strategy.kind == .blueGreen(BlueGreenSpec()))
    }

    @Test func readsEachTemplateOnceAndNothingOutside() throws {
        let text = """
            version: 1
            project: p
            services: { a: { command: [x], files: { a: t/x.tmpl, b: t/x.tmpl, c: ../x, d: /etc/passwd, e: t/../../x } } }
            """
        let manifest = try #require(Manifest.parse(text: text).manifest)
        var asked: [String] = []
        let result = manifest.project(environment: "dev") { path in
            asked.append(path)
            return .success("")
        }
        #expect(asked == ["t/x.tmpl"])
        #expect(result.project == nil)
        #expect(result.diagnostics.filter { $0.code == .outsideProject }.map(\.column) == [70, 79, 95])
    }
}
