package import Domain
import Judging
import Ports
import Synchronization

/// Asks a gate again about recorded traffic: the very gate, with the times and counts of then.
package struct GateReplay: Sendable {
    package let gate: GateSpec

    /// Nil for a gate that does not judge traffic: nothing of what it asks was recorded.
    package init?(_ gate: GateSpec) {
        switch gate.question {
        case .analysis, .threshold: self.gate = gate
        case .health, .smoke, .command, .approval, .webhook, .load, .metric, .comparison: return nil
        }
    }

    /// What it would have said, look by look, and how that would have ended.
    ///
    /// It looks where a reading was kept, no more often than its `interval` says. It ends with its first answer; a gate
    /// that was asked in the background looks on after a pass.
    package func run(_ recording: TrafficRecording) async -> ReplayedRun {
        await run(recording, isBackground: recording.wentOnAfterPass)
    }

    private func run(_ recording: TrafficRecording, isBackground: Bool) async -> ReplayedRun {
        var replay = ReplayedRun(recording: recording)
        var run = GateRun(id: recording.head.run, gate: gate.name, started: Self.moment(0))
        var schedule = gate
        // Looks came when they came: a little sooner than the interval is still on time.
        let interval = gate.schedule.interval
        schedule.schedule.interval = interval - min(.seconds(1), Span(milliseconds: interval.milliseconds / 5))
        var before: Int64 = 0
        for (fence, part) in recording.parts.enumerated() {
            let stage = ReplayStage(gate: gate, head: part.head)
            let offset = fence == 0 ? 0 : max(before, part.offset(after: recording.head) ?? before)
            for reading in part.readings where !reading.isCut {
                stage.play(reading)
                let now = Self.moment(offset + reading.at)
                before = offset + reading.at
                while true {
                    let move = run.step(schedule, result: nil, isKnown: false, now: now, fence: UInt64(fence + 1))
                    if case .mark = move {
                        await stage.mark(run)
                        continue
                    }
                    guard case .ask = move else { break }
                    let result = await stage.look(run)
                    replay.looks.append(stage.replayed(result, look: run.look, at: before, reading))
                    let answer = run.step(
                        schedule, result: result, isKnown: true, now: now, fence: UInt64(fence + 1))
                    replay.note(answer, look: run.look)
                    if replay.decision.isFinal(isBackground: isBackground) { return replay }
                    break
                }
            }
        }
        return replay
    }

    fileprivate static func moment(_ milliseconds: Int64) -> Moment {
        Moment(wall: milliseconds, boot: milliseconds, bootID: 1)
    }
}

extension TrafficRecording {
    /// How it ended then, by what the gate said at the looks that were kept; nil: what was asked is not in it.
    package var then: ReplayedRun? {
        guard let asked = head.asked, looks > 0 else { return nil }
        return heard(asked)
    }

    fileprivate var wentOnAfterPass: Bool {
        guard let asked = head.asked else { return false }
        let heard = heard(asked)
        guard let passed = heard.passedAt else { return false }
        return lastLook > passed
    }

    /// Counts what was said against the limits of what was asked.
    private func heard(_ asked: GateSpec) -> ReplayedRun {
        var replay = ReplayedRun(recording: self)
        var gate = asked
        gate.schedule.interval = .milliseconds(1)
        gate.schedule.initialDelay = .zero
        var run = GateRun(id: head.run, gate: asked.name, started: GateReplay.moment(0))
        var before: Int64 = 0
        for (fence, part) in parts.enumerated() {
            let offset = fence == 0 ? 0 : max(before, part.offset(after: head) ?? before)
            var spent = 0
            for reading in part.readings {
                spent += reading.spent(by: head.canary)
                guard let look = reading.look, let said = reading.said else { continue }
                // A millisecond apart, for looks of the same moment.
                before = max(before + 2, offset + reading.at)
                let fence = UInt64(fence + 1)
                let result = LookResult(said, Evidence(reading.failure ?? said.word))
                replay.looks.append(
                    ReplayedLook(
                        look: look, at: Span(milliseconds: before), requests: spent, said: said, result: result))
                var move = run.step(gate, result: nil, isKnown: false, now: GateReplay.moment(before), fence: fence)
                if case .mark = move {
                    move = run.step(
                        gate, result: nil, isKnown: false, now: GateReplay.moment(before + 1), fence: fence)
                }
                guard case .ask = move else { continue }
                let answer = run.step(
                    gate, result: result, isKnown: true, now: GateReplay.moment(before + 1), fence: fence)
                replay.note(answer, look: look)
                if replay.decision.isFinal(isBackground: true) { return replay }
            }
        }
        return replay
    }
}

extension RecordedReading {
    fileprivate func spent(by release: ReleaseNumber) -> Int {
        splits.flatMap(\.releases).filter { $0.release == release }.reduce(0) { $0 + $1.requests }
    }
}

extension TrafficRecording.Part {
    /// Milliseconds from the run's beginning to where this part begins; nil: not known.
    fileprivate func offset(after first: RecordingHead) -> Int64? {
        guard let began = head.began, let start = first.began else { return nil }
        return max(0, began - start)
    }
}

/// Gates that know nothing yet, before a router that counts what one part of a recording says.
private struct ReplayStage {
    let gate: GateSpec
    let head: RecordingHead
    let playback = Playback()
    let analysis: AnalysisGate
    let threshold: ThresholdGate
    private let standing = Standing()

    /// Instances of the release on trial, as the last reading that named them has them.
    private final class Standing: Sendable {
        let instances = Mutex<[InstanceID]>([])
    }

    init(gate: GateSpec, head: RecordingHead) {
        self.gate = gate
        self.head = head
        let playback = playback
        analysis = AnalysisGate(now: { playback.now }, counter: { _, _ in try playback.counts() })
        threshold = ThresholdGate(now: { playback.now }, counter: { _, _ in try playback.counts() })
    }

    func play(_ reading: RecordedReading) {
        playback.play(reading)
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
        case .health, .smoke, .command, .approval, .webhook, .load, .metric, .comparison:
            LookResult(.error, Evidence("nothing of what this gate asks is recorded"))
        }
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
