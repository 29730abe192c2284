import Domain
import Gates
import Glibc
import MetricSourceConformance
import Ports
import Synchronization
import TestServers
import Testing

@testable import MetricSources

/// Every kind of source keeps the port's promises.
@Suite(
    "Sources keep the port's promises", .timeLimit(.minutes(2)),
    .enabled(if: access(ServerProcess.python, X_OK) == 0, "python3 is not installed"))
struct ConformanceTests {
    @Test(arguments: MetricSourceCheck.all)
    func prometheus(_ check: MetricSourceCheck) async throws { try await check.run(ServerSubject(.prometheus)) }

    @Test(arguments: MetricSourceCheck.all)
    func documents(_ check: MetricSourceCheck) async throws { try await check.run(ServerSubject(.web)) }

    @Test(arguments: MetricSourceCheck.all)
    func programs(_ check: MetricSourceCheck) async throws { try await check.run(ProgramSubject()) }

    @Test(arguments: MetricSourceCheck.all)
    func tables(_ check: MetricSourceCheck) async throws { try await check.run(TableSubject()) }

    @Test(arguments: MetricSourceCheck.all)
    func proxy(_ check: MetricSourceCheck) async throws { try await check.run(TrafficSubject()) }

    /// Whatever a source is like: conditions that every number meets do not pass, and equal series do not either.
    @Test(arguments: SourceSituation.allCases)
    func gatesPassByNumbersAlone(_ situation: SourceSituation) async throws {
        try await judge(ServerSubject(.prometheus), situation)
        try await judge(ServerSubject(.web), situation)
        try await judge(ProgramSubject(), situation)
        try await judge(TableSubject(), situation)
        try await judge(TrafficSubject(), situation)
    }

    private func judge(_ subject: some MetricSourceSubject, _ situation: SourceSituation) async throws {
        let source = try await subject.make()
        if let question = try await subject.question(in: situation) {
            let result = await look(question, source, subject.range.end)
            let isGood = !situation.isBad || !situation.mattersToValues
            #expect((result.verdict == .pass) == isGood, "\(type(of: subject)): \(result)")
            if !isGood {
                #expect(result.verdict == .inconclusive || result.verdict == .error, "\(type(of: subject)): \(result)")
                #expect(!result.evidence.summary.isEmpty)
            }
        }
        try await subject.discard(source)
    }

    private func look(_ question: MetricQuestion, _ source: some MetricSourcePort, _ now: Int64) async -> LookResult {
        func release(_ number: ReleaseNumber) -> Release {
            Release(
                environment: question.subject.environment, number: number,
                digest: ContentDigest(words: (15, 0, 0, 0)),
                parts: ReleaseParts(
                    artifact: nil, spec: ServiceSpec(service: question.subject.service, command: ["./serve"])),
                createdAt: 0, createdBy: "the suite")
        }
        let spec = MetricSpec(
            source: question.source, query: question.query, pass: MetricCondition("< 1 or >= 1"),
            window: question.window)
        let gate = GateSpec(
            name: GateName("any"), question: .metric(spec), schedule: GateSchedule(timeout: .seconds(2)))
        return await MetricGate(MetricLooks(source) { now }).look(
            spec,
            LookRequest(
                key: LookKey(
                    environment: question.subject.environment, service: question.subject.service,
                    deployment: DeploymentNumber(37), run: 1, look: 1),
                gate: gate, release: release(question.subject.release), stable: release(ReleaseNumber(14)),
                instances: [], all: [], since: 0))
    }
}

/// What all subjects share.
private enum Asked {
    static let range = MetricRange(
        start: SituationServer.now - 10_000, end: SituationServer.now, step: .seconds(1))

    static func question(_ way: MetricWay, _ query: String, of service: String = "api") -> MetricQuestion {
        MetricQuestion(
            source: MetricSource(name: way == .proxy ? "proxy" : "trial", way: way), query: query,
            subject: MetricSubject(
                environment: EnvironmentID(project: "shop", name: "staging"), service: ServiceName(service),
                release: ReleaseNumber(15)), window: .seconds(5), limit: .seconds(20))
    }
}

/// Prometheus, or JSON documents.
private final class ServerSubject: MetricSourceSubject {
    enum Kind { case prometheus, web }

    private let kind: Kind
    private let server = Mutex<ServerProcess?>(nil)

    init(_ kind: Kind) { self.kind = kind }

    var range: MetricRange { Asked.range }
    var hasClock: Bool { kind == .prometheus }

    func make() async throws -> SourceDesk {
        let started = try await SituationServer.start()
        server.withLock { $0 = started }
        return .sample { SituationServer.now }
    }

    func discard(_ source: SourceDesk) async throws { server.withLock { $0?.stop() } }

    func question(in situation: SourceSituation) async throws -> MetricQuestion? {
        var port = try #require(server.withLock { $0?.port })
        // Nobody listens there: it is nobody's but root's.
        if situation == .gone { port = 1 }
        let place = "http://127.0.0.1:\(port)/"
        switch (kind, situation) {
        case (_, .reset), (.web, .partial), (.web, .clockApart), (.web, .infinite): return nil
        case (.prometheus, _):
            let spec = PrometheusSpec(url: "\(place)prom/\(situation.rawValue)")
            return Asked.question(.prometheus(spec), "sum(a)")
        case (.web, _):
            let path = situation == .wrongQuestion ? "data.nothing" : "data.value"
            return Asked.question(.web(WebSourceSpec(url: "\(place)web/\(situation.rawValue)")), path)
        }
    }
}

/// Programs.
private struct ProgramSubject: MetricSourceSubject {
    var range: MetricRange { Asked.range }
    var hasClock: Bool { false }

    func make() async throws -> SourceDesk { .sample { SituationServer.now } }
    func discard(_ source: SourceDesk) async throws {}

    func question(in situation: SourceSituation) async throws -> MetricQuestion? {
        let script: String
        var path = ""
        switch situation {
        case .number: script = "echo 0.25"
        case .nothing: script = "true"
        case .several: (script, path) = ("echo '{\"a\": {\"b\": 1}}'", "a")
        case .notANumber: script = "echo NaN"
        case .infinite: script = "echo inf"
        case .late: script = "sleep 60; echo 0.25"
        case .trickling: script = "while sleep 0.1; do printf 0; done"
        case .gone: return Asked.question(.command(CommandSpec(command: ["/no/such/program"])), "")
        case .dropped: script = "printf 0.2; kill -9 $$"
        case .failing: script = "echo 0.25; echo no database >&2; exit 1"
        case .malformed: script = "echo about a quarter"
        case .endless: script = "while :; do echo 0.25; done"
        case .wrongQuestion: (script, path) = ("echo '{\"a\": 1}'", "b")
        case .partial, .clockApart, .reset: return nil
        }
        return Asked.question(.command(CommandSpec(command: ["/bin/sh", "-c", script])), path)
    }
}

/// Files.
private final class TableSubject: MetricSourceSubject {
    private let files = Mutex<[String]>([])

    var range: MetricRange { Asked.range }
    var hasClock: Bool { false }

    func make() async throws -> SourceDesk { .sample { SituationServer.now } }

    func discard(_ source: SourceDesk) async throws { for file in files.withLock({ $0 }) { unlink(file) } }

    func question(in situation: SourceSituation) async throws -> MetricQuestion? {
        let text: String
        switch situation {
        case .number, .wrongQuestion: text = "a,b\n0.2,1\n0.25,2\n"
        case .nothing: text = "a,b\n"
        case .notANumber: text = "a,b\n0.2,1\n,2\n"
        case .infinite: text = "a,b\n0.2,1\ninf,2\n"
        case .gone: return Asked.question(.csv(path: "/no/such/file.csv"), "a")
        case .malformed: text = "a,b\n0.2,1\nmany,2\n"
        case .failing: return Asked.question(.csv(path: "/tmp"), "a")
        case .several, .partial, .late, .trickling, .dropped, .endless, .clockApart, .reset: return nil
        }
        let file = scratchFile(text)
        files.withLock { $0.append(file) }
        return Asked.question(.csv(path: file), situation == .wrongQuestion ? "c" : "a")
    }
}

/// The proxy's own counts, on a clock of the test's: a second passes with every reading, and every service is in a
/// situation of its own.
private final class TrafficSubject: MetricSourceSubject {
    private let time = Mutex<Int64>(0)

    var range: MetricRange { Asked.range }
    var hasClock: Bool { true }

    struct Trouble: Error, CustomStringConvertible { var description: String }

    func make() async throws -> SourceDesk {
        let traffic = TrafficHistory(
            clock: { [self] in time.withLock { $0 } }, now: { SituationServer.now },
            counter: { [self] service, _ in try await counts(service.text) })
        let desk = SourceDesk(traffic: traffic) { SituationServer.now }
        // Every service has a past when the suite asks about it.
        for situation in SourceSituation.allCases where situation != .late && situation != .trickling {
            await traffic.begin(ServiceName(situation.rawValue), in: EnvironmentID(project: "shop", name: "staging"))
        }
        for second in 1...20 {
            time.withLock { $0 = Int64(second) * 1000 }
            await traffic.sample()
        }
        return desk
    }

    func discard(_ source: SourceDesk) async throws {}

    func question(in situation: SourceSituation) async throws -> MetricQuestion? {
        switch situation {
        case .several, .partial, .infinite, .trickling, .endless, .clockApart: nil
        case .wrongQuestion: Asked.question(.proxy, "happiness", of: "number")
        case .number, .nothing, .notANumber, .late, .gone, .dropped, .failing, .malformed, .reset:
            Asked.question(.proxy, "errorRate", of: situation.rawValue)
        }
    }

    /// Four requests a second, one of which fails.
    private func counts(_ service: String) async throws -> TrafficCounts? {
        let second = Int(time.withLock { $0 }) / 1000
        let release = ReleaseTraffic(
            release: ReleaseNumber(15), requests: second * 4, errors: second, inFlight: 0,
            latency: [LatencyBucket(microseconds: 10_000, count: second * 4)])
        var counts = TrafficCounts(source: "a", releases: [release])
        switch SourceSituation(rawValue: service) {
        case .nothing: counts.releases = []
        case .notANumber:
            counts.releases[0] = ReleaseTraffic(
                release: ReleaseNumber(15), requests: 7, errors: 1, inFlight: 0, latency: [])
        case .late: try await untilCancelled()
        case .gone: throw Trouble(description: "no proxy")
        case .dropped where second == 20: throw Trouble(description: "the proxy went away")
        case .failing: return nil
        // Counts that fell are no counts.
        case .malformed where second >= 18: counts.releases[0].requests = 3
        case .reset where second >= 18: counts.source = "b"
        case _: break
        }
        return counts
    }

    /// A router that does not answer.
    private func untilCancelled() async throws { try await ContinuousClock().sleep(for: .seconds(60)) }
}
