import ClusterDouble
import Domain
import KubernetesAPI
import KubernetesCluster
import KubernetesObjects
import MigrationConformance
import Ports
import Synchronization
import Testing

/// Migrations as Jobs, on the double.
@Suite(.timeLimit(.minutes(3))) struct KubernetesMigrationTests {
    private let environment = EnvironmentID(project: "shop", name: "prod")
    private let service = ServiceName("api")
    private static let jobs = APIResource(.job)
    private static let space = "shop-prod"

    @Test func keepsToThePort() async throws {
        try await MigrationBench.with { bench in try await MigrationConformance(bench).all() }
    }

    private func key(_ attempt: Int = 1) -> MigrationKey {
        MigrationKey(environment: environment, service: service, deployment: DeploymentNumber(4), attempt: attempt)
    }

    private func start(
        _ port: any MigrationPort, _ bench: MigrationBench, _ word: String, _ attempt: Int = 1,
        change: (inout ServiceSpec) -> Void = { _ in }
    ) async throws {
        let release = try bench.release(word, of: service, in: environment, change: change)
        try await port.start(MigrationRequest(key: key(attempt), release: release))
    }

    private func view(_ port: any MigrationPort, _ attempt: Int = 1) async throws -> MigrationView? {
        do {
            return try await port.observe(environment)[service]?.first { $0.attempt == attempt }
        } catch let error as PortError where error.code == .unavailable { return nil }
    }

    /// Asks until it is so, for twenty seconds at most.
    @discardableResult
    private func until<Value>(_ what: String, _ look: () async throws -> Value?) async throws -> Value {
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
            if let value = try await look() { return value }
            // Between two looks, until the deadline.
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("\(what) did not come")
        throw Late()
    }

    private struct Late: Error {}

    private func settle(_ port: any MigrationPort, _ attempt: Int = 1) async throws -> MigrationView {
        try await until("the end of attempt \(attempt)") {
            guard let view = try await view(port, attempt) else { return nil }
            switch view.state {
            case .starting, .running: return nil
            case .exited, .signalled, .notStarted, .lost: return view
            }
        }
    }

    private func running(_ port: any MigrationPort, _ attempt: Int = 1) async throws {
        try await until("attempt \(attempt) to run") {
            try await view(port, attempt)?.state == .running ? true : nil
        }
    }

    private func jobs(_ bench: MigrationBench) async throws -> [ObjectValue] {
        try await bench.client { try await $0.list(Self.jobs, namespace: Self.space).items }
    }

    private func pods(_ bench: MigrationBench) async throws -> [ObjectValue] {
        try await bench.client { try await $0.list(.pods, namespace: Self.space).items }
    }

    // MARK: What is written

    @Test func aJobThatIsTriedOnce() async throws {
        try await MigrationBench.with { bench in
            try await bench.session { port in
                try await start(port, bench, "ends") { spec in
                    spec.env = [Variable(name: "DATABASE", value: "there")]
                    spec.files = [FileTemplate(name: "limits.conf", template: "high")]
                }
                #expect(try await settle(port).state == .exited(0))
            }
            let job = try #require(try await jobs(bench).first)
            #expect(job.at("metadata", "name")?.text == "api-migrate-4-1")
            let spec = try #require(job["spec"])
            #expect(spec["backoffLimit"] == 0 && spec["parallelism"] == 1 && spec["completions"] == 1)
            #expect(spec["podReplacementPolicy"] == "Failed" && spec["ttlSecondsAfterFinished"] == nil)
            #expect(spec["activeDeadlineSeconds"] == 900, "its time, and five minutes to begin")
            let pod = try #require(spec.at("template", "spec"))
            #expect(pod["restartPolicy"] == "Never" && pod.at("securityContext", "runAsNonRoot") == true)
            let container = try #require(pod["containers"]?.items.first)
            let variables = (container["env"]?.items ?? []).map {
                "\($0["name"]?.text ?? "")=\($0["value"]?.text ?? "")"
            }
            #expect(variables.contains("DATABASE=there"))
            #expect(container["terminationMessagePolicy"] == "FallbackToLogsOnError")
            #expect(pod["volumes"]?.items.first?.at("configMap", "name")?.text == "api-migrate-4-1")
            let map = try await bench.client {
                try await $0.get(APIResource(.configMap), namespace: Self.space, name: "api-migrate-4-1")
            }
            #expect(map.at("data", "files.limits.conf")?.text == "high")
            #expect(map.at("metadata", "ownerReferences")?.items.first?["uid"] == job.at("metadata", "uid"))
        }
    }

    @Test func theOneBeforeGoesWithTheEndOfALaterOne() async throws {
        try await MigrationBench.with { bench in
            try await bench.session { port in
                try await start(port, bench, "fails", 1)
                #expect(try await settle(port, 1).state == .exited(3))
                try await start(port, bench, "goes", 2)
                try await running(port, 2)
                #expect(try await view(port, 1)?.state == .exited(3), "it is kept meanwhile")
                try await port.stop(key(2), kill: false)
                #expect(try await settle(port, 2).state == .signalled(15))
                try await until("the first to be put away") { try await jobs(bench).count == 1 ? true : nil }
            }
            try await bench.session { port in
                await #expect("the first one is over") { try await start(port, bench, "ends", 1) } throws: {
                    ($0 as? PortError)?.code == .stale
                }
            }
        }
    }

    @Test func whatItWroteIsThereToRead() async throws {
        try await MigrationBench.with { bench in
            try await bench.slipway { port, _ in
                try await start(port, bench, "fails", 1)
                #expect(try await settle(port).lines == ["no such table"])
                let lines = try await port.migrationTail(LogQuery(environment: environment, service: service))
                #expect(lines.map(\.text) == ["no such table"] && lines.first?.release == ReleaseNumber(1))
                for pod in try await pods(bench) {
                    let name = pod.at("metadata", "name")?.text ?? ""
                    try await bench.client { try await $0.delete(.pods, namespace: Self.space, name: name, grace: 0) }
                }
                try await until("the pod to be gone") {
                    let lines = try await port.migrationTail(LogQuery(environment: environment, service: service))
                    return try await pods(bench).isEmpty && lines.map(\.text) == ["no such table"] ? true : nil
                }
                let other = LogQuery(environment: environment, service: ServiceName("web"))
                #expect(try await port.migrationTail(other).isEmpty)
            }
        }
    }

    // MARK: Crashes

    /// Killed before it let it go: nothing of it ran, and nothing will.
    @Test func aJobThatNobodyLetGoNeverBegins() async throws {
        let isCut = Mutex(true)
        let plan = FaultPlan { mark in
            mark.method == "PATCH" && mark.path.contains("/jobs/") && isCut.withLock { $0 } ? .cutBefore : nil
        }
        try await MigrationBench.with(faults: plan) { bench in
            try await bench.session { port in
                await #expect("nobody knows") { try await start(port, bench, "ends") } throws: {
                    ($0 as? PortError)?.code == .unavailable
                }
                let state = try await view(port)?.state
                #expect(state == .starting || state == nil)
            }
            isCut.withLock { $0 = false }
            try await bench.session { port in
                guard case .notStarted = try await settle(port).state else {
                    Issue.record("it should not have been started")
                    return
                }
                try await start(port, bench, "ends")
                #expect(try await bench.runs(of: service) == 0, "a key that is known is never started again")
                try await start(port, bench, "ends", 2)
                #expect(try await settle(port, 2).state == .exited(0))
            }
            #expect(try await bench.runs(of: service) == 1)
        }
    }

    /// The answer to the request that makes it is lost: it is found, and goes on.
    @Test(arguments: [Fault.cutBefore, .cutAfter]) func anAnswerThatIsLostIsAskedFor(_ fault: Fault) async throws {
        let hits = Mutex(0)
        let plan = FaultPlan { mark in
            guard mark.method == "POST", mark.path.hasSuffix("/jobs") else { return nil }
            return hits.withLock { hits in
                hits += 1
                return hits == 1 ? fault : nil
            }
        }
        try await MigrationBench.with(faults: plan) { bench in
            try await bench.session { port in
                try await start(port, bench, "ends")
                #expect(try await settle(port).state == .exited(0))
            }
            #expect(try await bench.runs(of: service) == 1)
        }
    }

    @Test func anEndThatNobodySawIsFoundByTheNextOne() async throws {
        try await MigrationBench.with { bench in
            try await bench.session { port in
                try await start(port, bench, "goes")
                try await running(port)
            }
            // Nobody follows: its program ends by itself meanwhile.
            let pod = try #require(try await pods(bench).first)
            try await finish(pod, bench, code: 3, ["phase": "Failed"])
            try await bench.session { port in
                let view = try await settle(port)
                #expect(view.state == .exited(3))
            }
            #expect(try await bench.runs(of: service) == 1)
        }
    }

    /// Stopped, and then nobody is there: what became of it nobody can say.
    @Test func anEndByASignalThatNobodySawIsLost() async throws {
        try await MigrationBench.with { bench in
            try await bench.session { port in
                try await start(port, bench, "goes")
                try await running(port)
            }
            try await bench.client {
                _ = try await $0.patch(
                    Self.jobs, namespace: Self.space, name: "api-migrate-4-1",
                    ["metadata": ["annotations": ["slipway.dev/stopped": "it was stopped"]], "spec": ["suspend": true]])
            }
            try await until("the pod to be gone") { try await pods(bench).isEmpty ? true : nil }
            try await bench.session { port in
                guard case .lost(let why) = try await settle(port).state else {
                    Issue.record("it should be lost")
                    return
                }
                #expect(why.contains("nobody saw"))
            }
        }
    }

    @Test func aJobThatSomebodyDeletesIsLost() async throws {
        try await MigrationBench.with { bench in
            try await bench.session { port in
                try await start(port, bench, "goes")
                try await running(port)
                try await bench.client {
                    try await $0.delete(Self.jobs, namespace: Self.space, name: "api-migrate-4-1")
                }
                #expect(try await settle(port).state == .lost("somebody deleted its Job"))
            }
        }
    }

    // MARK: Two Slipways

    @Test func twoAtTheSameTimeNeverBothRun() async throws {
        for round in 0..<10 {
            try await MigrationBench.with { bench in
                try await bench.slipway { first, _ in
                    try await bench.stranger.slipway { second, _ in
                        let release = try bench.release("goes", of: service, in: environment)
                        let attempts = round % 2 == 0 ? [1, 1] : [1, 2]
                        await withTaskGroup(of: Void.self) { group in
                            for (port, attempt) in zip([first, second], attempts) {
                                group.addTask {
                                    do {
                                        try await port.start(MigrationRequest(key: key(attempt), release: release))
                                    } catch { #expect((error as? PortError)?.code == .invalid, "\(error)") }
                                }
                            }
                        }
                        let open = try await jobs(bench).filter { $0.at("spec", "suspend") != true }
                        #expect(open.count <= 1, "\(open)")
                    }
                }
                #expect(try await bench.runs(of: service) <= 1)
            }
        }
    }

    @Test func whoDoesNotDeployTheServiceDoesNotMigrateIt() async throws {
        try await MigrationBench.with { bench in
            try await bench.slipway { _, runtime in
                let release = try bench.release("ends", of: service, in: environment)
                try await runtime.apply(
                    RuntimeWish(
                        environment: environment, service: service, fence: 1, generation: 1,
                        sets: [SetWish(release: release.number, count: 1)]), releases: [release])
            }
            try await bench.stranger.session { port in
                await #expect("it is another's") { try await start(port, bench, "ends") } throws: {
                    let error = $0 as? PortError
                    return error?.code == .invalid && error?.message.contains("another Slipway") == true
                }
            }
            #expect(try await jobs(bench).isEmpty)
        }
    }

    // MARK: Refusals

    @Test func aQuotaThatIsUsedUpIsSaidInTheClustersWords() async throws {
        try await MigrationBench.with { bench in
            try await bench.session { port in
                try await start(port, bench, "ends", 1)
                #expect(try await settle(port, 1).state == .exited(0))
                try await bench.client {
                    _ = try await $0.create(
                        APIResource(.resourceQuota), namespace: Self.space,
                        ["metadata": ["name": "small"], "spec": ["hard": ["pods": "0"]]])
                }
                try await start(port, bench, "ends", 2)
                guard case .notStarted(let why) = try await settle(port, 2).state else {
                    Issue.record("it should not have been started")
                    return
                }
                #expect(why.contains("exceeded quota: small"), "\(why)")
            }
        }
    }

    @Test func aJobThatIsRefusedIsNotStarted() async throws {
        try await MigrationBench.with { bench in
            try await bench.session { port in
                try await start(port, bench, "ends", 1)
                #expect(try await settle(port, 1).state == .exited(0))
                try await bench.client {
                    _ = try await $0.create(
                        APIResource(.resourceQuota), namespace: Self.space,
                        ["metadata": ["name": "none"], "spec": ["hard": ["count/jobs.batch": "1"]]])
                }
                await #expect("admission refuses it") { try await start(port, bench, "ends", 2) } throws: {
                    let error = $0 as? PortError
                    return error?.code == .invalid && error?.message.contains("exceeded quota: none") == true
                }
            }
        }
    }

    @Test func anImageThatIsNotThereIsGivenUp() async throws {
        try await MigrationBench.with { bench in
            try await bench.session { port in
                try await start(port, bench, "missing")
                guard case .notStarted(let why) = try await settle(port).state else {
                    Issue.record("it should not have been started")
                    return
                }
                #expect(why.contains("ImagePullBackOff") && why.contains("example/serves:1"), "\(why)")
            }
            let job = try #require(try await jobs(bench).first)
            #expect(job.at("spec", "suspend") == true && job.at("status", "active") == nil)
        }
    }

    @Test func aVerbThatIsMissingIsSaid() async throws {
        try await MigrationBench.with { bench in
            try await bench.session { port in
                try await start(port, bench, "ends", 1)
                #expect(try await settle(port, 1).state == .exited(0))
            }
            var other = bench
            other.access.impersonate = "ann"
            try await other.session { port in
                await #expect("she may not") { try await start(port, bench, "ends", 2) } throws: {
                    let error = $0 as? PortError
                    return error?.code == .invalid && error?.message.contains("cannot list resource \"jobs\"") == true
                }
            }
        }
    }

    // MARK: Ends

    /// As its node would say it.
    private func finish(
        _ pod: ObjectValue, _ bench: MigrationBench, code: Int, _ more: ObjectValue
    ) async throws {
        let name = pod.at("metadata", "name")?.text ?? ""
        var status = more
        var container = pod.at("status", "containerStatuses")?.items.first ?? [:]
        container["state"] = [
            "terminated": [
                "exitCode": .number(code), "reason": "Error", "startedAt": "2026-01-01T00:00:00Z",
                "finishedAt": "2026-01-01T00:00:01Z",
            ]
        ]
        status["containerStatuses"] = [container]
        let patch: ObjectValue = ["status": status]
        let path = "/api/v1/namespaces/\(Self.space)/pods/\(name)/status"
        let body = Array(ObjectText.json(patch).utf8)
        let answer = try await bench.client {
            try await $0.send(RawRequest("PATCH", path, body: body, type: "application/merge-patch+json"))
        }
        #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
    }

    @Test func whoIsEvictedMayHaveRunInPart() async throws {
        try await MigrationBench.with { bench in
            try await bench.session { port in
                try await start(port, bench, "goes")
                try await running(port)
                let pod = try #require(try await pods(bench).first)
                let condition: ObjectValue = [
                    "type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet",
                    "message": "The node was low on resource: memory.",
                ]
                try await finish(
                    pod, bench, code: 137, ["phase": "Failed", "reason": "Evicted", "conditions": [condition]])
                guard case .lost(let why) = try await settle(port).state else {
                    Issue.record("it should be lost")
                    return
                }
                #expect(why.contains("low on resource: memory") && why.contains("137"), "\(why)")
            }
        }
    }

    @Test func aPodThatSomebodyDeletesMayHaveRunInPart() async throws {
        try await MigrationBench.with { bench in
            try await bench.session { port in
                try await start(port, bench, "goes")
                try await running(port)
                let name = try await pods(bench).first?.at("metadata", "name")?.text ?? ""
                try await bench.client { try await $0.delete(.pods, namespace: Self.space, name: name) }
                guard case .lost(let why) = try await settle(port).state else {
                    Issue.record("it should be lost")
                    return
                }
                #expect(why.contains("somebody deleted its pod"), "\(why)")
                #expect(try await bench.runs(of: service) == 1, "and there is no other")
            }
        }
    }

    /// What serves gets its own surroundings again when the migration is over.
    @Test func whatTheServiceLeansOnIsPutBack() async throws {
        try await MigrationBench.with { bench in
            try await bench.slipway { port, runtime in
                func policy() async throws -> String {
                    let object = try await bench.client {
                        try await $0.get(APIResource(.networkPolicy), namespace: Self.space, name: "api")
                    }
                    return ObjectText.json(object["spec"] ?? [:])
                }
                let stable = try bench.release("ends", of: service, in: environment)
                let wish = RuntimeWish(
                    environment: environment, service: service, fence: 1, generation: 1,
                    sets: [SetWish(release: stable.number, count: 1)])
                try await runtime.apply(wish, releases: [stable])
                let before = try await policy()
                try await start(port, bench, "fails") { spec in
                    spec.routes = [RouteSpec(listen: "80", host: "shop.example.com")]
                }
                #expect(try await policy() != before)
                #expect(try await settle(port).state == .exited(3))
                try await until("the wish to be open again") {
                    try await runtime.observe(environment)[service]?.generation == 0 ? true : nil
                }
                try await runtime.apply(wish, releases: [stable])
                #expect(try await policy() == before)
            }
        }
    }
}
