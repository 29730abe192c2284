import Domain
import Glibc
import Ports
import Synchronization
import Testing

@testable import Gates

/// Load that an analysis sends by itself: to a real nginx behind the service's route, while the counts are a script's.
@Suite(
    "An analysis sends load of its own", .timeLimit(.minutes(1)),
    .enabled(if: access(NginxServer.program, X_OK) == 0, "nginx is not installed"))
struct EvidenceSenderTests {
    /// Counts that grow with each reading, by so many requests of each release.
    private final class Router: Sendable {
        private let readings = Mutex(0)
        private let step: Int
        private let canaryErrors: Int

        init(step: Int, canaryErrors: Int) {
            self.step = step
            self.canaryErrors = canaryErrors
        }

        func read() -> TrafficCounts {
            let count = readings.withLock {
                $0 += 1
                return $0 - 1
            }
            let epoch = EpochTraffic(
                epoch: 1, isSticky: false,
                releases: [
                    EpochRelease(
                        release: ReleaseNumber(14), weight: Weight(clamping: 50), requests: count * step,
                        errors: count * step / 100),
                    EpochRelease(
                        release: ReleaseNumber(15), weight: Weight(clamping: 50), requests: count * step,
                        errors: count * step * canaryErrors / 100),
                ])
            return TrafficCounts(source: "a", releases: [], epochs: [epoch])
        }
    }

    private func sender(step: Int = 50, canaryErrors: Int = 1, recorder: TrafficRecorder? = nil) -> EvidenceSender {
        let router = Router(step: step, canaryErrors: canaryErrors)
        return EvidenceSender(AnalysisGate(recorder: recorder) { _, _ in router.read() })
    }

    /// Within a look there are several glances; a recording has one reading for each look.
    @Test func aLookIsKeptOnce() async throws {
        let server = try await NginxServer.start()
        defer { server.stop() }
        let kept = Mutex("")
        let recorder = TrafficRecorder(wall: { 1_700_000_000_000 }) { _, _, lines in kept.withLock { $0 += lines } }
        let sender = sender(step: 3, recorder: recorder)
        var said: [Verdict] = []
        for number in 1...3 {
            said.append(await look(sender, load(), port: server.port, number: number, interval: .seconds(1)).verdict)
        }
        let recordings = try TrafficRecording.read(kept.withLock { $0 })
        let readings = try #require(recordings.first?.parts.first?.readings)
        #expect(readings.compactMap(\.look) == [1, 2, 3])
        #expect(readings.compactMap(\.said) == said)
    }

    private func look(
        _ sender: EvidenceSender, _ load: EvidenceLoad?, port: Int?, number: Int = 1, interval: Span = .seconds(2)
    ) async -> LookResult {
        let spec = AnalysisSpec(errors: .absolute(50_000), load: load)
        let release = release(routes: port.map { [RouteSpec(listen: "127.0.0.1:\($0)")] } ?? [])
        var stable = release
        stable.number = ReleaseNumber(14)
        var request = request(.analysis(spec), look: number, timeout: .seconds(20), release: release, stable: stable)
        request.gate.schedule.interval = interval
        return await sender.look(spec, request)
    }

    private func load(_ path: String = "/health", perSecond: Int = 100, requests: Int = 1000) -> EvidenceLoad {
        EvidenceLoad(
            perSecond: perSecond * 1000, requests: requests,
            flows: [FlowSpec(name: "get-1", steps: [FlowStep(name: "get-1", path: path)])])
    }

    private func own(_ result: LookResult) -> String {
        result.evidence.findings.first { $0.asked == "own load" }?.got ?? ""
    }

    @Test func itEndsWithTheAnswerAndTellsWhatWasItsOwn() async throws {
        let server = try await NginxServer.start()
        defer { server.stop() }
        let clock = ContinuousClock()
        let began = clock.now
        // The counts jump so far with each reading that the first one within the piece is enough.
        let result = await look(
            sender(step: 5_000), load(), port: server.port, interval: .seconds(20))
        #expect(result.verdict == .pass, "\(result.evidence)")
        #expect(clock.now - began < .seconds(4.5), "it was sent on although there was an answer")
        #expect(own(result).contains(" of 1000 requests sent; users sent "), "\(own(result))")
        #expect(result.evidence.summary.contains("were the gate's own load"))
    }

    @Test func aWorseCanaryIsCaughtWithin() async throws {
        let server = try await NginxServer.start()
        defer { server.stop() }
        let result = await look(sender(step: 500, canaryErrors: 40), load(), port: server.port)
        #expect(result.verdict == .fail, "\(result.evidence)")
    }

    @Test func theBudgetHolds() async throws {
        let server = try await NginxServer.start()
        defer { server.stop() }
        let sender = sender(step: 1)
        for number in 1...3 {
            let result = await look(
                sender, load(perSecond: 200, requests: 60), port: server.port, number: number, interval: .seconds(1))
            #expect(result.verdict == .inconclusive)
            #expect(own(result).hasPrefix("60 of 60 requests sent"), "\(number): \(own(result))")
        }
    }

    @Test func withoutTheWordNothingIsSent() async throws {
        let result = await look(sender(step: 1), nil, port: nil)
        #expect(own(result).isEmpty)
        #expect(!result.evidence.summary.contains("own load"))
    }

    @Test func whatIsNotThereShowsNothing() async throws {
        let server = try await NginxServer.start()
        defer { server.stop() }
        // The counts alone would be a pass: 4xx are no failures of a release.
        let sender = sender(step: 500)
        for number in 1...2 {
            // A piece of it is well above what is too little to say anything.
            let many = load("/no-such-page", perSecond: 200, requests: 400)
            let missing = await look(sender, many, port: server.port, number: number)
            #expect(missing.verdict == .error, "\(missing.evidence)")
            #expect(missing.evidence.summary.contains("it asks for what is not there"))
        }
        let closed = await look(self.sender(step: 3), load(), port: 1)
        #expect(closed.verdict == .error, "\(closed.evidence)")
        #expect(closed.evidence.summary.contains("gets no answer"))
        let nowhere = await look(self.sender(step: 3), load(), port: nil)
        #expect(nowhere.verdict == .error)
        #expect(nowhere.evidence.summary.contains("has no route"))
    }

    @Test func aCancelledLookSendsNoMore() async throws {
        let server = try await NginxServer.start()
        defer { server.stop() }
        let clock = ContinuousClock()
        let began = clock.now
        let looking = Task { await look(sender(step: 1), load(), port: server.port, interval: .seconds(20)) }
        looking.cancel()
        _ = await looking.value
        #expect(clock.now - began < .seconds(4))
    }

    @Test func piecesFitTheLookAndTheBudget() {
        let load = EvidenceLoad(requests: 100, span: .seconds(10), flows: [])
        let sent = SentLoad(beganAt: 1_000)
        #expect(sent.next(load, GateSchedule(interval: .seconds(2)), at: 1_000) == .seconds(2))
        #expect(sent.next(load, GateSchedule(interval: .minutes(2)), at: 1_000) == .seconds(5))
        #expect(sent.next(load, GateSchedule(interval: .seconds(9), timeout: .seconds(8)), at: 1_000) == .seconds(2))
        #expect(sent.next(load, GateSchedule(interval: .seconds(5)), at: 8_000) == .seconds(3))
        #expect(sent.next(load, GateSchedule(), at: 20_000) == .zero)
    }
}
