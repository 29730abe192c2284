import Domain
import SupervisorAPI

/// Reports as the supervisor gives them, around one moment.
enum Sample {
    /// 2026-11-21 12:00:00 UTC.
    static let now: Int64 = 1_795_262_400_000
    static let dev = EnvironmentID(project: "shop", name: "dev")
    static let api = ServiceName("api")
    static let web = ServiceName("web")

    static func instance(
        _ id: UInt64, _ release: Int, _ phase: String = "ready", restarts: Int = 0, trouble: String = ""
    ) -> InstanceReport {
        InstanceReport(
            id: InstanceID(id), release: ReleaseNumber(release), phase: phase, readyFor: .seconds(9),
            restarts: restarts, trouble: trouble, address: "127.0.0.1:20001")
    }

    static func traffic(_ release: Int, _ requests: Int, _ errors: Int = 0, p95: Int = 4200) -> TrafficReport {
        TrafficReport(
            release: ReleaseNumber(release), requests: requests, errors: errors, inFlight: 1, p50: 2000, p95: p95,
            p99: 9000)
    }

    static func deployment(_ phase: String, failure: String? = nil) -> DeploymentReport {
        DeploymentReport(
            number: DeploymentNumber(37), kind: "deploy", by: "ada", reason: "faster search", phase: phase,
            started: now - 21_400, ended: phase == "committed" || phase == "reverted" ? now : nil,
            failedService: failure == nil ? nil : api, failure: failure,
            items: [
                DeploymentItemReport(
                    service: api, wave: 0, from: ReleaseNumber(14), to: ReleaseNumber(15), strategy: "canary"),
                DeploymentItemReport(
                    service: web, wave: 1, from: nil, to: ReleaseNumber(1), strategy: "rolling"),
            ])
    }

    /// A canary with a gate that looks, and a background gate whose last look failed.
    static var canary: StatusReport {
        let bad = LookResult(
            .fail,
            Evidence(
                "error rate 7.1% of 412 requests, at most 1% allowed",
                findings: [
                    Finding(asked: "error rate", got: "7.1% of 412 requests", wanted: "<= 1%", verdict: .fail),
                    Finding(asked: "p95", got: "231ms", wanted: "<= 200ms", verdict: .fail),
                    Finding(asked: "p50", got: "12ms", wanted: "<= 50ms", verdict: .pass),
                ]))
        let rollout = RolloutReport(
            from: ReleaseNumber(14), to: ReleaseNumber(15), strategy: "canary", phase: "advancing",
            stages: ["weight 10%", "gate smoke", "hold for 2m", "weight 100%"], stage: 1, stageSince: now - 1200,
            weight: Weight(clamping: 10),
            gate: GateReport(
                name: GateName("smoke"), look: 1, isLooking: true, count: 1, passes: 0, failures: 0, inconclusive: 0,
                hasPassed: false),
            background: [
                GateReport(
                    name: GateName("errors"), look: 3, isLooking: false, count: 2, passes: 1, failures: 1,
                    inconclusive: 0, hasPassed: false, last: bad)
            ])
        return StatusReport(
            environment: dev, revision: 7, now: now, deployment: deployment("advancing"),
            services: [
                ServiceReport(
                    name: api, stable: ReleaseNumber(14), isDown: false, replicas: 2,
                    weights: [
                        WeightReport(release: ReleaseNumber(14), weight: Weight(clamping: 90)),
                        WeightReport(release: ReleaseNumber(15), weight: Weight(clamping: 10)),
                    ],
                    instances: [
                        instance(1, 14), instance(2, 14), instance(3, 15),
                        instance(4, 15, "starting", trouble: "GET /health: connection refused"),
                    ],
                    rollout: rollout, urls: ["http://127.0.0.1:19000/"],
                    traffic: [traffic(14, 3711), traffic(15, 412, 29)]
                ),
                ServiceReport(
                    name: web, stable: nil, isDown: false, replicas: 2,
                    rollout: RolloutReport(
                        from: nil, to: ReleaseNumber(1), strategy: "rolling", phase: "queued", stages: [], stage: 0,
                        stageSince: now, weight: .none)),
            ])
    }

    /// One service is down, one has trouble, one waits for nothing; something is wrong with Slipway itself.
    static var standing: StatusReport {
        StatusReport(
            environment: dev, revision: 9, now: now, last: deployment("committed"),
            services: [
                ServiceReport(
                    name: api, stable: ReleaseNumber(15), isDown: false, replicas: 2,
                    instances: [
                        instance(3, 15), instance(4, 15, "not ready", trouble: "exit code 1\nTraceback"),
                        instance(1, 14, "leaving"),
                    ],
                    warm: [WarmReport(release: ReleaseNumber(14), instances: 2, until: now + 45_000)],
                    urls: ["http://127.0.0.1:19000/"], traffic: [traffic(15, 20_000, 3, p95: 184_000)]),
                ServiceReport(name: web, stable: ReleaseNumber(1), isDown: true, replicas: 2),
                ServiceReport(
                    name: ServiceName("worker"), stable: ReleaseNumber(3), isDown: false, replicas: 1,
                    instances: [instance(8, 3, restarts: 4)]),
            ], troubles: ["journal: no space left on device\u{1b}[2J"])
    }

    /// A rollout that only a person can help on.
    static var waiting: StatusReport {
        var report = canary
        report.services[0].rollout?.background = []
        report.services[0].rollout?.gate = nil
        report.services[0].rollout?.waitsSince = now - 65_000
        report.services[0].rollout?.waitsFor = "`slipway promote`"
        report.services[0].instances.removeLast()
        return report
    }

    static func event(
        _ kind: EventKind, _ second: Int64, service: ServiceName? = api, release: Int? = 15, number: Int = 0,
        text: String = "", by: String = ""
    ) -> EventReport {
        EventReport(
            sequence: 100 + second, kind: "\(kind)",
            event: Event(
                kind, at: now + second * 1000, deployment: DeploymentNumber(37), service: service,
                release: release.map { ReleaseNumber($0) }, number: number, text: text, by: by))
    }
}
