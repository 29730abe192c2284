import Domain
import Gates
import Judging
import Ports
import ProxyRoutes
import Synchronization

/// One rollout from the proxy's counters to the gate's word: requests are counted by the counters of the proxy's event
/// loops, summed up as its snapshots are, and judged by the gate that a manifest's `analysis:` asks.
final class CountedRollout: Sendable {
    /// What the router would answer, and the time.
    private let traffic = Mutex(TrafficCounts(source: "", releases: []))
    private let time = Mutex<Int64>(0)

    /// Milliseconds from one look to the next.
    private static let interval: Int64 = 10_000

    /// - Parameter asksRivals: what other tools say is asked too.
    static func run(
        _ scenario: Scenario, _ spec: AnalysisSpec, seed: UInt64, stream: UInt64, rivals asksRivals: Bool = false
    ) async -> Trial {
        await CountedRollout().run(scenario, spec, TrafficSource(scenario, seed: seed, stream: stream), asksRivals)
    }

    private func run(
        _ scenario: Scenario, _ spec: AnalysisSpec, _ drawn: TrafficSource, _ asksRivals: Bool
    ) async -> Trial {
        var source = drawn
        var counters = ProxyCounters(isSticky: scenario.kind == .sticky)
        var ledger = CountLedger()
        var rivals = Rivals(scenario)
        var trial = Trial()
        // Stable alone, as long as a look: what is slow is known from it.
        for _ in 0..<scenario.perLook { counters.add(source.next(0)) }
        publish(&ledger, counters)
        let gate = AnalysisGate(now: { [self] in time.withLock { $0 } }) { [self] _, _ in traffic.withLock { $0 } }
        await gate.mark(Self.key(0), release: ReleaseNumber(ProxyCounters.canary))
        var weight = 0
        for look in 0..<scenario.looks where trial.verdict == .inconclusive || asksRivals {
            let share = scenario.weight(atLook: look)
            let next = Int((share * 100).rounded())
            if next != weight { counters.begin(next) }
            weight = next
            var draw = Draw(isTimed: asksRivals && scenario.kind == .latency)
            for _ in 0..<scenario.perLook {
                let request = source.next(share)
                counters.add(request)
                draw.add(request)
            }
            if asksRivals { rivals.look(draw.summary) }
            guard trial.verdict == .inconclusive else { continue }
            trial.canaryRequests += draw.counts.canaryRequests
            trial.requests += scenario.perLook
            trial.look += 1
            publish(&ledger, counters)
            time.withLock { $0 += Self.interval }
            trial.verdict = await gate.look(spec, Self.request(look + 1, spec, scenario)).verdict
        }
        trial.thresholdAt = rivals.thresholdAt
        trial.seriesAt = rivals.seriesAt
        return trial
    }

    private func publish(_ ledger: inout CountLedger, _ counters: ProxyCounters) {
        ledger.absorb(counters.snapshot)
        let counts = ledger.counts(ServiceKey(Self.service, in: Self.environment))
        traffic.withLock { $0 = counts }
    }

    private static let environment = EnvironmentID(project: "shop", name: "production")
    private static let service = ServiceName("api")

    private static func key(_ look: Int) -> LookKey {
        LookKey(environment: environment, service: service, deployment: DeploymentNumber(37), run: 1, look: look)
    }

    private static func request(_ look: Int, _ spec: AnalysisSpec, _ scenario: Scenario) -> LookRequest {
        let gate = GateSpec(
            name: GateName("better"), question: .analysis(spec),
            schedule: GateSchedule(patience: .milliseconds(Int64(scenario.looks) * interval)))
        return LookRequest(
            key: key(look), gate: gate, release: release(ProxyCounters.canary), stable: release(ProxyCounters.stable),
            instances: [], all: [], since: 0)
    }

    private static func release(_ number: Int) -> Release {
        Release(
            environment: environment, number: ReleaseNumber(number),
            digest: ContentDigest(words: (UInt64(number), 0, 0, 0)),
            parts: ReleaseParts(artifact: nil, spec: ServiceSpec(service: service, command: ["./serve"], port: 8080)),
            createdAt: 0, createdBy: "study")
    }
}
