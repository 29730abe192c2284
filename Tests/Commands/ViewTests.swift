import Domain
import FoundationEssentials
import SupervisorAPI
import Testing

@testable import Commands

/// What people read, against golden files.
@Suite struct ViewTests {
    private let ascii = Style(isColoured: false, isUnicode: false)
    private let coloured = Style(isColoured: true, isUnicode: true)

    init() { inUTC }

    @Test func statusOfACanary() throws {
        try expectGolden("status-canary", StatusView(style: .plain).lines(Sample.canary))
        try expectGolden("status-canary-ascii", StatusView(style: ascii).lines(Sample.canary))
        try expectGolden("status-canary-colours", StatusView(style: coloured).lines(Sample.canary))
    }

    @Test func statusOfACanaryBesideAFreshBaseline() throws {
        var report = Sample.canary
        let baseline = ReleaseNumber(14).baseline
        report.services[0].rollout?.baseline = BaselineReport(
            release: baseline, instances: 2, weight: Weight(clamping: 10))
        report.services[0].weights[0].weight = Weight(clamping: 80)
        report.services[0].weights.append(WeightReport(release: baseline, weight: Weight(clamping: 10)))
        for id in [UInt64(40), 41] {
            var instance = Sample.instance(id, 14, id == 40 ? "ready" : "starting")
            instance.release = baseline
            report.services[0].instances.append(instance)
        }
        var seen = Sample.traffic(14, 390, 2)
        seen.release = baseline
        report.services[0].traffic.append(seen)
        try expectGolden("status-baseline", StatusView(style: .plain).lines(report))
        let text = String(decoding: try JSONEncoder().encode(report), as: UTF8.self)
        #expect(text.contains("\"14-baseline\""))
        #expect(try JSONDecoder().decode(StatusReport.self, from: Data(text.utf8)) == report)
    }

    @Test func statusOfWhatStands() throws {
        try expectGolden("status-standing", StatusView(style: .plain).lines(Sample.standing))
        try expectGolden(
            "status-empty",
            StatusView(style: .plain).lines(StatusReport(environment: Sample.dev, revision: 0, now: Sample.now)))
    }

    @Test func statusOfAWait() throws {
        try expectGolden("status-waiting", StatusView(style: .plain).lines(Sample.waiting))
        #expect(Sample.waiting.waitsOnly)
        #expect(!Sample.canary.waitsOnly)
    }

    @Test func asciiIsASCII() {
        let views: [[String]] = [
            StatusView(style: ascii).lines(Sample.canary), StatusView(style: ascii).lines(Sample.waiting),
            Screen.fitted(StatusView(style: ascii).lines(Sample.canary), rows: 4, columns: 30, style: ascii),
            SummaryView(style: ascii).lines(Closing(deployment: Sample.deployment("committed"), status: Sample.canary)),
        ]
        for line in views.flatMap({ $0 }) { #expect(line.utf8.allSatisfy { $0 < 128 }, "\(line)") }
    }

    @Test func aNarrowScreen() throws {
        let lines = StatusView(style: coloured).lines(Sample.canary)
        let fitted = Screen.fitted(lines, rows: 6, columns: 40, style: coloured)
        #expect(fitted.count == 5)
        for line in fitted { #expect(visibleWidth(line) <= 40) }
        try expectGolden("status-narrow", Screen.fitted(lines, rows: 6, columns: 40, style: .plain))
    }

    @Test func plans() throws {
        let report = PlanReport(
            environment: Sample.dev,
            items: [
                PlanItem(
                    service: Sample.api, action: "change", wave: 0, strategy: "canary", from: ReleaseNumber(14),
                    to: ReleaseNumber(15), stages: ["weight 10%", "gate smoke", "weight 100%"],
                    changes: [
                        PlanChange(field: "files", old: "1ca50ff393d3", new: "8a67a91aac8f"),
                        PlanChange(field: "env WORKERS", old: "", new: "2"),
                    ]),
                PlanItem(
                    service: Sample.web, action: "create", wave: 1, strategy: "rolling", from: nil,
                    to: ReleaseNumber(1), stages: ["weight 100%"]),
                PlanItem(
                    service: ServiceName("worker"), action: "keep", wave: 1, strategy: "recreate",
                    from: ReleaseNumber(3), to: ReleaseNumber(3)),
                PlanItem(
                    service: ServiceName("mailer"), action: "start", wave: 1, strategy: "recreate", from: nil,
                    to: ReleaseNumber(2)),
            ], notes: ["the manifest no longer names old: it goes on running"])
        try expectGolden("plan", PlanView(style: .plain).lines(report))
        var refused = report
        refused.objections = [PlanObjection("api@15 is in quarantine", hint: "slipway quarantine lift api@15")]
        try expectGolden("plan-refused", PlanView(style: ascii).lines(refused))
        let nothing = PlanReport(environment: Sample.dev, items: [report.items[2]])
        #expect(PlanView(style: .plain).lines(nothing).last == "nothing to do: everything stands as it should")
    }

    @Test func whatIsHeldIsLoud() {
        var report = StatusReport(environment: Sample.dev, revision: 1, now: 60_000)
        report.deployment = DeploymentReport(
            number: DeploymentNumber(2), kind: "deploy", by: "ada", reason: "", phase: "advancing", started: 0)
        let rollout = RolloutReport(
            from: ReleaseNumber(1), to: ReleaseNumber(2), strategy: "canary", phase: "held", stages: ["gate smoke"],
            stage: 0, stageSince: 0, weight: .none, waitsSince: 30_000, waitsFor: "`slipway abort`",
            failure: "gate smoke: a page is missing")
        report.services = [
            ServiceReport(name: Sample.web, stable: ReleaseNumber(1), isDown: false, replicas: 1, rollout: rollout)
        ]
        let lines = StatusView(style: .plain).lines(report)
        #expect(lines[1] == "! web failed and is held for inspection: a person is asked")
        #expect(lines.contains { $0.contains("gate smoke: a page is missing") })
        #expect(lines.contains { $0.contains("waits for 30") && $0.contains("for a person: `slipway abort`") })
        #expect(report.waitsOnly, "commands that follow end with 4")
    }

    @Test func whatRequestsWaitForIsShownWhenTheyWaitLong() {
        var report = StatusReport(environment: Sample.dev, revision: 1, now: 6_000)
        var rollout = RolloutReport(
            from: ReleaseNumber(1), to: ReleaseNumber(2), strategy: "canary", phase: "advancing",
            stages: ["weight 10%"], stage: 0, stageSince: 0, weight: .none)
        rollout.missing = "service/web leads to 10.0.0.9"
        report.services = [
            ServiceReport(name: Sample.web, stable: ReleaseNumber(1), isDown: false, replicas: 1, rollout: rollout)
        ]
        func isShown() -> Bool {
            StatusView(style: .plain).lines(report).contains { $0.hasSuffix("  service/web leads to 10.0.0.9") }
        }
        #expect(isShown())
        report.now = 4_000
        #expect(!isShown(), "each step takes a moment")
        report.now = 6_000
        report.services[0].rollout?.phase = "reverting"
        #expect(isShown())
        report.services[0].rollout?.phase = "arrived"
        #expect(!isShown(), "it has all that it needs")
    }

    @Test func whatLeftTheProjectIsNotShown() {
        var report = StatusReport(environment: Sample.dev, revision: 1, now: 0)
        report.services = [
            ServiceReport(name: Sample.web, stable: ReleaseNumber(1), isDown: true, replicas: 1, isRemoved: true)
        ]
        #expect(StatusView(style: .plain).lines(report).count == 1)
    }

    @Test func aPlanSaysWhereItComesFromAndWhatGoes() {
        let report = PlanReport(
            environment: Sample.dev,
            items: [
                PlanItem(
                    service: Sample.web, action: "change", wave: 0, strategy: "canary", from: ReleaseNumber(1),
                    to: ReleaseNumber(2), stages: ["weight 10%"], background: [GateName("errors")], onFailure: "hold"),
                PlanItem(
                    service: ServiceName("old"), action: "remove", wave: 1, strategy: "rolling", from: ReleaseNumber(7),
                    to: nil),
            ], origin: "staging #12")
        #expect(
            PlanView(style: .plain).lines(report) == [
                "from staging #12", "wave 1 of 2", "~ web  @1 → @2  canary", "    weight 10%",
                "    in the background: errors", "    a failure is held for inspection", "wave 2 of 2",
                "- old  @7  taken down",
            ])
    }

    @Test func everyKindOfEventHasWords() throws {
        let lines = EventLines(style: .plain)
        let all = EventKind.allCases.enumerated().map { index, kind in
            lines.line(
                Sample.event(kind, Int64(index), number: 2, text: "what it tells", by: index % 9 == 1 ? "ada" : ""))
        }
        try expectGolden("events", all)
    }

    /// Events, `status`, `logs` and evidence speak of the same instance.
    @Test func anInstanceHasOneNameEverywhere() {
        let line = EventLines(style: .plain).line(Sample.event(.instanceEnded, 0, number: 31, text: "exited"))
        #expect(line.contains("instance \(InstanceID(31)) ended: exited"), "\(line)")
        #expect(!line.contains("instance 31"), "\(line)")
    }

    @Test func theStoryOfADeployment() throws {
        let summary = "error rate 7.1% of 412 requests, at most 1% allowed"
        let result = LookResult(
            .fail,
            Evidence(
                summary, findings: [Finding(asked: "GET /search", got: "500, 29 times", wanted: "200", verdict: .fail)])
        )
        let evidence = [
            GateEvidence(key: "api#37/errors/1", sequence: 104, result: result),
            GateEvidence(key: "api#37/errors/2", sequence: 106, result: result),
        ].compactMap { $0 }
        let events = [
            Sample.event(
                .deploymentStarted, 0, service: nil, release: nil, number: 1, text: "faster search", by: "ada"),
            Sample.event(.weightMoved, 2, number: 10),
            Sample.event(.lookFailed, 4, number: 1, text: "errors look 1: fail: \(summary)"),
            Sample.event(.lookFailed, 6, number: 2, text: "errors look 2: fail: \(summary)"),
            Sample.event(.gateFailed, 6, text: "errors: \(summary)"),
            Sample.event(.revertStarted, 6, text: "gate errors: \(summary)\nTraceback\n  line 2"),
            Sample.event(.reverted, 7, text: "stable is api@14"),
            Sample.event(.quarantined, 7, text: "gate errors: \(summary)"),
            Sample.event(.deploymentReverted, 7, release: nil, text: "gate errors: \(summary)"),
        ]
        try expectGolden("story", EventLines(style: .plain).story(events, evidence))
    }

    @Test func historyLines() throws {
        var bad = Sample.deployment("reverted", failure: "gate errors: 7.1% of 412 requests\nmore")
        bad.number = DeploymentNumber(38)
        var running = Sample.deployment("advancing")
        running.number = DeploymentNumber(39)
        let report = HistoryReport(deployments: [running, bad, Sample.deployment("committed")])
        try expectGolden("history", HistoryView(style: .plain).lines(report))
        #expect(
            HistoryView(style: .plain).lines(HistoryReport(deployments: [])) == ["nothing was deployed yet"])
    }

    @Test func verifyLines() throws {
        let report = VerifyReport(results: [
            VerifyResult(
                service: Sample.api, release: ReleaseNumber(14), gate: GateName("health"),
                result: LookResult(.pass, Evidence("2 of 2 instances ready"))),
            VerifyResult(
                service: Sample.api, release: ReleaseNumber(14), gate: GateName("smoke"),
                result: LookResult(
                    .fail,
                    Evidence(
                        "1 of 2 requests was not answered as wanted",
                        findings: [
                            Finding(asked: "GET /", got: "302 to /login", wanted: "200", verdict: .fail),
                            Finding(asked: "GET /health", got: "200", wanted: "200", verdict: .pass),
                        ]))),
        ])
        try expectGolden("verify", VerifyView(style: .plain).lines(report))
        #expect(!report.isGood)
    }
}
