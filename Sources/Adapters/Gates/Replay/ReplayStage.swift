import Domain
import Judging
import Ports
import Synchronization

/// Gates that know nothing yet, before a router that counts, and sources that say, what one part of a recording holds.
struct ReplayStage {
    let gate: GateSpec
    let head: RecordingHead
    private let playback = Playback()
    private let said = SaidAgain()
    private let analysis: AnalysisGate
    private let threshold: ThresholdGate
    private let metric: MetricGate
    private let comparison: ComparisonGate
    private let standing = Standing()

    /// Instances of the release on trial, as the last reading that named them has them.
    private final class Standing: Sendable {
        let instances = Mutex<[InstanceID]>([])
    }

    init(gate: GateSpec, head: RecordingHead) {
        self.gate = gate
        self.head = head
        let (playback, said) = (playback, said)
        analysis = AnalysisGate(now: { playback.now }, counter: { _, _ in try playback.counts() })
        threshold = ThresholdGate(now: { playback.now }, counter: { _, _ in try playback.counts() })
        let looks = MetricLooks(said, clock: { playback.now }, now: { said.time })
        metric = MetricGate(looks)
        comparison = ComparisonGate(looks)
    }

    func play(_ reading: RecordedReading) {
        playback.play(reading)
        said.play(reading)
        if let instances = reading.instances { standing.instances.withLock { $0 = instances } }
    }

    func mark(_ run: GateRun) async {
        switch gate.question {
        case .analysis: await analysis.mark(key(run), release: head.canary)
        case .threshold: await threshold.mark(key(run), release: head.canary, since: run.since)
        case .health, .smoke, .command, .approval, .webhook, .load, .metric, .comparison: return
        }
    }

    func look(_ run: GateRun) async -> LookResult {
        let request = LookRequest(
            key: key(run), gate: gate, release: release(head.canary), stable: release(head.stable), instances: [],
            all: standing.instances.withLock { $0 }.map {
                InstanceView(id: $0, release: head.canary, phase: .ready, backend: .name("recorded"))
            }, since: run.since)
        return switch gate.question {
        case .analysis(let spec): await analysis.look(spec, request)
        case .threshold(let spec): await threshold.look(spec, request)
        case .metric(let spec): await metric.look(spec, request)
        case .comparison(let spec): await comparison.look(spec, request)
        case .health, .smoke, .command, .approval, .webhook, .load:
            LookResult(.error, Evidence("nothing of what this gate asks is recorded"))
        }
    }

    /// Why the look that was just taken says nothing: what it asked was not asked then.
    var unknown: String? {
        let asked = said.takeUnknown()
        guard let first = asked.first else { return nil }
        let others = asked.count > 1 ? ", and \(asked.count - 1) more" : ""
        return "what it asks was not asked then, so that no answer is recorded: \(first)\(others)"
    }

    func replayed(_ result: LookResult, look: Int, at: Int64, _ reading: RecordedReading) -> ReplayedLook {
        let spent = playback.spent(head.canary)
        return ReplayedLook(
            look: look, at: Span(milliseconds: at), requests: spent.requests, errors: spent.errors, said: reading.said,
            result: result)
    }

    private func key(_ run: GateRun) -> LookKey {
        LookKey(
            environment: EnvironmentID(project: head.project, name: head.environment), service: head.service,
            deployment: head.deployment ?? DeploymentNumber(0), run: run.id, look: run.look)
    }

    private func release(_ number: ReleaseNumber) -> Release {
        Release(
            environment: EnvironmentID(project: head.project, name: head.environment), number: number,
            digest: ContentDigest(words: (0, 0, 0, 0)),
            parts: ReleaseParts(artifact: nil, spec: ServiceSpec(service: head.service, command: [])), createdAt: 0,
            createdBy: "")
    }
}
