import Domain
import Planning
import Testing

@Suite struct PreflightTests {
    @Test func aMachineWithRoomIsFine() {
        let findings = preflight(demand(), on: host())
        #expect(findings.allSatisfy { $0.level == .fine }, "\(findings)")
        #expect(findings.map(\.name) == ["state", "disk", "memory", "files", "clock", "ports", "cgroups"])
    }

    @Test func everythingThatIsMissingIsFound() {
        var host = host()
        host.stateTrouble = "cannot write to /s: Read-only file system"
        host.diskFree = 10 << 20
        host.memoryAvailable = 100 << 20
        host.openFilesLimit = 1000
        host.processLimit = 50
        host.processes = 50
        host.wall = 1000
        host.instancePortsFree = 1
        host.ports = [PortView(listen: "0.0.0.0:80", state: .trouble("is in use by nginx, pid 7", hint: "stop it"))]
        host.programs = [ProgramView(owner: "api", program: "./api", trouble: "the program ./api does not exist")]
        let findings = preflight(demand(), on: host).filter { $0.level == .failure }
        #expect(
            findings.map(\.name) == [
                "state", "disk", "memory", "files", "processes", "clock", "ports", "route", "api",
            ])
    }

    @Test func anUpdateAsksForWhatRunsBesideOnly() {
        let rolling = StrategySpec(kind: .rolling(RollingSpec(maxSurge: .percent(25))))
        let kinds: [(StrategySpec, Bool, Int)] = [
            (rolling, true, 1), (rolling, false, 4), (StrategySpec(kind: .recreate(RecreateSpec())), true, 0),
            (StrategySpec(kind: .blueGreen(BlueGreenSpec())), true, 4),
        ]
        for (strategy, runs, instances) in kinds {
            let demand = PreflightDemand(project(strategy), changing: [(ServiceName("api"), runs)])
            #expect(demand.instances == instances)
            #expect(demand.memory == Int64(instances) << 28)
        }
        // What stays is not counted.
        #expect(PreflightDemand(project(rolling), changing: []).instances == 0)
    }

    @Test func aFreshBaselineAsksForRoomOfItsOwn() {
        let gate = GateSpec(
            name: GateName("better"), question: .analysis(AnalysisSpec(errors: .absolute(1), baseline: .fresh)))
        func demand(_ weight: Int, _ gate: GateSpec) -> PreflightDemand {
            let steps: [CanaryStep] = [.weight(Weight(clamping: weight)), .gate(gate.name)]
            var project = project(StrategySpec(kind: .canary(CanarySpec(steps: steps))))
            project.services[0].spec.port = 8080
            project.gates = [gate]
            return PreflightDemand(project, changing: [(ServiceName("api"), true)])
        }
        #expect(demand(50, gate).instances == 6, "four of the canary, two of the baseline")
        #expect(demand(25, gate).memory == 5 << 28)
        #expect(demand(50, gate).peak == 10 << 29)
        var shared = gate
        shared.question = .analysis(AnalysisSpec(errors: .absolute(1)))
        #expect(demand(50, shared).instances == 4)
    }

    @Test func diskIsHeldAgainstArtifactsAndWhatIsKept() {
        let demand = PreflightDemand(
            project(.standard), changing: [(ServiceName("api"), true)], sizes: [(ServiceName("api"), 1 << 30)])
        func level(_ free: Int64) -> PreflightFinding.Level? {
            var host = host()
            host.diskFree = free
            return preflight(demand, on: host).first { $0.name == "disk" }?.level
        }
        #expect(level(3 << 30) == .failure)
        #expect(level(4 << 30) == .warning)
        #expect(level(30 << 30) == .fine)
    }

    @Test func aClockThatWentBackOrIsLeftAloneIsAWarning() {
        var host = host()
        #expect(preflight(demand(), on: host, newestRecord: host.wall + 90_000)[4].level == .warning)
        #expect(preflight(demand(), on: host, newestRecord: host.wall + 1000)[4].level == .fine)
        host.isClockKept = false
        #expect(preflight(demand(), on: host)[4].level == .warning)
    }

    @Test func programsAreAskedForWhereTheyCanBeKnown() {
        var spec = ServiceSpec(service: ServiceName("api"), command: ["./api", "x"], port: 80)
        spec.artifact = ArtifactSource(path: "api", prepare: ["./install"])
        spec.probes.liveness = Probe(check: .command(["${artifact}/alive"]))
        spec.routes = [RouteSpec(listen: "127.0.0.1:8080"), RouteSpec(listen: "127.0.0.1:8080", path: "/b")]
        let gate = GateSpec(name: GateName("check"), question: .command(CommandSpec(command: ["curl", "-f"])))
        let strategy = StrategySpec(kind: .rolling(RollingSpec(gates: [gate.name])))
        let project = ProjectSpec(
            environment: EnvironmentID(project: "p", name: "dev"),
            services: [ServicePlanSpec(spec: spec, strategy: strategy)], gates: [gate])
        let question = project.hostQuestion(for: [spec.service], directories: [(spec.service, "/tree")])
        #expect(question.listens == ["127.0.0.1:8080"])
        // ./api may be made by ./install; the probe's place is not known yet.
        #expect(
            question.programs == [
                ProgramQuestion(owner: "api", program: "./install", directory: "/tree"),
                ProgramQuestion(owner: "api", program: "curl", directory: nil),
            ])
        #expect(project.hostQuestion(for: [], directories: []) == HostQuestion())
    }

    private func host() -> HostView {
        var host = HostView(statePath: "/s", wall: 1_800_000_000_000)
        host.diskFree = 100 << 30
        host.memoryAvailable = 8 << 30
        host.memoryTotal = 16 << 30
        return host
    }

    private func demand() -> PreflightDemand {
        PreflightDemand(project(.standard), changing: [(ServiceName("api"), false)])
    }

    private func project(_ strategy: StrategySpec) -> ProjectSpec {
        var spec = ServiceSpec(service: ServiceName("api"), command: ["api"], replicas: 4)
        spec.resources.memoryRequest = 256 << 20
        spec.resources.memoryLimit = 512 << 20
        spec.resources.files = 4096
        return ProjectSpec(
            environment: EnvironmentID(project: "p", name: "dev"),
            services: [ServicePlanSpec(spec: spec, strategy: strategy)])
    }
}
