import Domain
import Testing

@Suite struct RecordTests {
    @Test func factsComeBack() throws {
        let facts = ReleaseFacts(
            number: ReleaseNumber(14), digest: ContentDigest.of([1, 2, 3]), replicas: 3, isRouted: true,
            drain: .seconds(30))
        #expect(try ReleaseFacts(recorded: facts.recorded(version: 1), known: 1) == facts)
    }

    /// The count that runs, the one that was declared, and what moves it.
    @Test func scalesComeBack() throws {
        let scale = ScaleSpec(
            min: 2, max: 9,
            targets: [
                ScaleTarget(metric: .cpu, perInstance: 700, share: 70), ScaleTarget(metric: .requests, perInstance: 1),
            ], up: .zero, down: .minutes(7), tolerance: 3)
        let facts = ReleaseFacts(
            number: ReleaseNumber(14), digest: ContentDigest.of([1, 2, 3]), replicas: 5, isRouted: true,
            drain: .seconds(30), declared: 2, scale: scale)
        #expect(try ReleaseFacts(recorded: facts.recorded(version: 1), known: 1) == facts)
        let hand = HandCount(
            count: 4, since: Moment(wall: 1, boot: 2, bootID: 3), span: .hours(2), by: "ann")
        #expect(try HandCount(recorded: hand.recorded(version: 1), known: 1) == hand)
    }

    @Test func strategiesComeBack() throws {
        let kinds: [StrategyKind] = [
            .rolling(RollingSpec(maxSurge: .percent(25), maxUnavailable: .count(2), gates: [GateName("g")])),
            .blueGreen(BlueGreenSpec(before: [GateName("a")], after: [GateName("b")], autoPromote: false)),
            .canary(
                CanarySpec(
                    steps: [
                        .weight(Weight(clamping: 5)), .hold(.seconds(3)), .holdUntilPromoted, .gate(GateName("g")),
                    ], sticky: true, matches: [.header(name: "X", value: "1"), .cookie(name: "c", value: "")])),
            .recreate(RecreateSpec(hold: HoldSpec(requests: 7, bytes: 8, time: .seconds(9)), gates: [GateName("g")])),
        ]
        for kind in kinds {
            let spec = StrategySpec(
                kind: kind, background: [GateName("e")], minReady: .seconds(2), progressDeadline: .minutes(3),
                scaleDownDelay: .seconds(4), keepWarm: 1)
            #expect(try StrategySpec(recorded: spec.recorded(version: 1), known: 1) == spec)
        }
    }

    @Test func gatesComeBack() throws {
        let questions: [GateQuestion] = [
            .health, .command(CommandSpec(command: ["./check", "-v"], env: [Variable(name: "A", value: "1")])),
            .command(CommandSpec(command: ["./check", ""])),
            .webhook(WebhookGateSpec(url: "https://ci.example.com/gate", secret: .variable("KEY"))),
            .webhook(WebhookGateSpec(url: "http://[::1]:9/", secret: .file("/etc/key"))),
            .load(
                LoadSpec(
                    path: "/search", headers: [Variable(name: "A", value: "1")], perSecond: 7, connections: 8,
                    duration: .seconds(9), through: .route, limits: ThresholdSpec(errorRate: 1_000, minRequests: 3))),
            .load(
                LoadSpec(
                    path: "/", limits: ThresholdSpec(),
                    flows: [
                        FlowSpec(name: "home", steps: [FlowStep(name: "home", path: "/")]),
                        FlowSpec(
                            name: "buy", weight: 3, think: ThinkSpan(.milliseconds(5), .seconds(1)),
                            steps: [
                                FlowStep(
                                    name: "buy-1", method: "POST", path: "/cart",
                                    headers: [Variable(name: "A", value: "1")], body: "", status: 201,
                                    capture: [
                                        CaptureSpec(name: "a", source: .json("items[0].id")),
                                        CaptureSpec(name: "b", source: .header("Location")),
                                        CaptureSpec(name: "c", source: .regex("id=([0-9]+)")),
                                    ]), FlowStep(name: "buy-2", path: "/cart/${a}"),
                            ]),
                    ], ramp: LoadProfile(parsing: "0 -> 500/s in 30s, hold 2m"),
                    thresholds: ["p95 < 200ms", "buy-1 errors <= 0.1%"].compactMap { LoadThreshold(parsing: $0) },
                    seed: 0, answerWithin: .seconds(2))),
            .approval(ApprovalSpec(by: .other, within: .hours(4))), .approval(ApprovalSpec()),
            .smoke(
                SmokeSpec(requests: [
                    SmokeRequest(path: "/health", status: 200, within: .milliseconds(300)),
                    SmokeRequest(
                        method: "POST", path: "/orders", headers: [Variable(name: "X-Kind", value: "test")], body: "",
                        expectHeaders: [Variable(name: "ETag", value: "")],
                        expectJSON: [Variable(name: "items[0].id", value: "7")], contains: "ok",
                        capture: [Variable(name: "id", value: "id")]),
                ])),
            .analysis(AnalysisSpec(errors: .absolute(5_000))),
            .analysis(
                AnalysisSpec(
                    errors: .relative(0),
                    latencies: [
                        LatencyAllowance(percentile: 50_000, more: 1), LatencyAllowance(percentile: 99_900, more: 2),
                    ], falseAlarms: 3, missed: 4, requests: 5,
                    load: EvidenceLoad(
                        perSecond: 500, requests: 7, span: .minutes(2), headers: [Variable(name: "A", value: "1")],
                        flows: [FlowSpec(name: "a", steps: [FlowStep(name: "a", path: "/")])],
                        answerWithin: .seconds(1)), warmUp: .seconds(6))),
            .analysis(AnalysisSpec(load: EvidenceLoad(requests: 7, flows: []))),
            .threshold(
                ThresholdSpec(
                    errorRate: 10_000, latencies: [LatencyLimit(percentile: 95_000, limit: .milliseconds(200))],
                    minRate: 5, minRequests: 9)),
        ]
        for question in questions {
            let gate = GateSpec(
                name: GateName("g"), question: question,
                schedule: GateSchedule(
                    initialDelay: .seconds(1), count: 4, onInconclusive: .hold, patience: .minutes(10),
                    successLimit: 3, isDryRun: true))
            #expect(try GateSpec(recorded: gate.recorded(version: 1), known: 1) == gate)
        }
    }

    @Test func eventsComeBackAndUnknownKindsAreOther() throws {
        let event = Event(
            .weightMoved, at: 5, deployment: DeploymentNumber(3), service: ServiceName("web"),
            release: ReleaseNumber(2), number: 25, text: "ünïcode", by: "ann")
        #expect(try Event(recorded: event.recorded(version: 1), known: 1) == event)
        var writer = RecordWriter(version: 1)
        writer.put(1, 250)
        writer.put(2, Int64(7))
        #expect(try Event(recorded: writer.bytes, known: 1).kind == .other)
    }

    @Test func unknownFieldsAreSteppedOver() throws {
        var writer = RecordWriter(version: 1)
        writer.put(40, 12)
        writer.put(41, "later")
        writer.put(42, Moment(wall: 1, boot: 2, bootID: 3))
        writer.put(1, 14)
        writer.put(2, ContentDigest.of([1]))
        #expect(try ReleaseFacts(recorded: writer.bytes, known: 1).number == ReleaseNumber(14))
    }

    @Test func laterVersionsAndDamageAreRefused() {
        let bytes = Event(.arrived, at: 1, text: "a text").recorded(version: 2)
        #expect(throws: RecordError.newer(found: 2, known: 1)) { _ = try Event(recorded: bytes, known: 1) }
        #expect(throws: RecordError.damaged) { _ = try Event(recorded: [], known: 1) }
        for length in 2..<bytes.count {
            // Cut anywhere it must end in an error or a shorter record, never in a trap.
            do { _ = try Event(recorded: Array(bytes[..<length]), known: 2) } catch { #expect(error != .missing("")) }
        }
    }

    @Test(arguments: [
        NotifyWay.webhook(WebhookSpec(address: .url("https://a.example/x"), secret: .variable("S"), format: .slack)),
        .webhook(WebhookSpec(address: .secret(.file("/url")), timeout: .seconds(3))),
        .email(
            EmailSpec(
                host: "mail.example", port: 587, tls: .starttls, from: "a@b.c", to: ["d@e.f", "g@h.i"], user: "u",
                password: .file("/p"), authorities: "/ca", timeout: .seconds(9))),
        .hook(
            HookSpec(
                name: "announce", at: .afterRevert, command: ["/x", "", "a=b"],
                env: [Variable(name: "A", value: "1=2"), Variable(name: "B", value: "")], timeout: .seconds(5),
                isAdvisory: true)),
    ])
    func channelsComeBackAsTheyWere(_ way: NotifyWay) throws {
        let channel = NotifyChannel(spec: NotifySpec(name: "ops", way: way, kinds: [.failed, .reminder]), since: 77)
        #expect(try NotifyChannel(recorded: channel.recorded(version: 1), known: 1) == channel)
    }
}
