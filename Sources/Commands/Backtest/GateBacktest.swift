import Deployments
import Domain
import Gates
import Judging
import Planning
import Rollouts

/// One gate of the manifest, asked again about the rollouts of which the journal kept enough.
struct GateBacktest: Sendable {
    /// One rollout.
    struct Case: Sendable {
        var rollout: PastRollout
        /// Which gate's recording it rests on.
        var recorded: GateName
        /// What the gate of the same name decided then; nil: it was not asked.
        var then: GateOutcome?
        var now: GateOutcome

        /// How the gate would be wrong about it.
        var mistake: GateMistake? { now.mistake(about: rollout.release) }
    }

    /// A rollout that could not be used, and why.
    struct Unused: Hashable, Sendable {
        var rollout: String
        var why: String
    }

    var gate: GateSpec
    /// What it asked when it was asked last; nil: it is new.
    var before: GateSpec?
    var cases: [Case] = []
    var unused: [Unused] = []

    var isChanged: Bool { before != gate }

    func count(_ release: ReleaseQuality) -> Int { cases.filter { $0.rollout.release == release }.count }

    var now: BacktestTally { tally { $0.now } }
    /// Of the rollouts in which the gate was asked.
    var then: BacktestTally { tally(\.then) }

    /// More good releases are failed, or more bad ones passed, than then.
    var isWorse: Bool { tally { $0.then == nil ? nil : $0.now }.isWorse(than: then) }

    private func tally(_ outcome: (Case) -> GateOutcome?) -> BacktestTally {
        BacktestTally(cases.compactMap { item in outcome(item).map { .init(item.rollout.release, $0) } })
    }
}

extension GateBacktest {
    /// Asks a gate again about past rollouts of the services that use it, or did.
    /// - Parameters:
    ///   - rollouts: oldest first.
    ///   - services: that use it now.
    init(_ gate: GateSpec, usedBy services: [ServiceName], _ rollouts: [PastRollout], _ kept: RecordedRuns) async {
        self.gate = gate
        before = rollouts.last { $0.item.plan.gate(gate.name) != nil }?.item.plan.gate(gate.name)
        guard let replay = GateReplay(gate) else { return }
        for rollout in rollouts
        where services.contains(rollout.service) || rollout.item.plan.gate(gate.name) != nil {
            switch await Self.trial(of: rollout, replay, kept) {
            case .success(let found): cases.append(found)
            case .failure(let reason): unused.append(Unused(rollout: rollout.label, why: reason.words))
            }
        }
    }

    private static func trial(
        of rollout: PastRollout, _ replay: GateReplay, _ kept: RecordedRuns
    ) async -> Result<Case, Reason> {
        if let objection = rollout.objection { return .failure(Reason(words: objection)) }
        let found: Found
        switch recordings(of: rollout, for: replay, kept) {
        case .failure(let reason): return .failure(reason)
        case .success(let recordings): found = recordings
        }
        var runs: [ReplayedRun] = []
        for recording in found.recordings {
            let run = await replay.run(recording)
            if let obstacle = run.obstacle { return .failure(Reason(words: obstacle)) }
            runs.append(run)
        }
        guard let now = GateOutcome(runs.map(\.outcome)), now.looks > 0 else {
            let why = "its recording of gate \(found.gate) ends before this gate would have looked once"
            return .failure(Reason(words: why))
        }
        let isOwn = found.gate == replay.gate.name
        let then = isOwn ? GateOutcome(found.recordings.compactMap { $0.then?.outcome }) : nil
        return .success(Case(rollout: rollout, recorded: found.gate, then: then, now: now))
    }

    private struct Found {
        var gate: GateName
        var recordings: [TrafficRecording]
    }

    private struct Reason: Error {
        var words: String
    }

    /// Those of the gate itself, else of the gate that looked longest at what this one can judge.
    private static func recordings(
        of rollout: PastRollout, for replay: GateReplay, _ kept: RecordedRuns
    ) -> Result<Found, Reason> {
        let runs = kept.runs.filter { $0.service == rollout.service && $0.deployment == rollout.deployment }
        guard !runs.isEmpty else {
            let asked = rollout.item.plan.gates.filter(\.question.needsTraffic)
            let why =
                asked.isEmpty
                ? "no gate of it judged traffic, so nothing was kept"
                : "what its gates judged by is not kept (any more)"
            return .failure(Reason(words: why))
        }
        var read: [(gate: GateName, recordings: [TrafficRecording])] = []
        var trouble = ""
        for run in runs {
            do {
                let recordings = try run.recordings().filter {
                    $0.head.canary == rollout.item.to.number && $0.looks > 0
                }
                if !recordings.isEmpty { read.append((run.gate, recordings)) }
            } catch {
                trouble = "what gate \(run.gate) judged by cannot be read: \(error)"
            }
        }
        let own = read.filter { $0.gate == replay.gate.name }.flatMap(\.recordings)
        if !own.isEmpty { return .success(Found(gate: replay.gate.name, recordings: own)) }
        let others = read.flatMap { part in part.recordings.map { (part.gate, $0) } }
        if let longest = others.filter({ replay.objection(to: $0.1) == nil }).max(by: { $0.1.length < $1.1.length }) {
            return .success(Found(gate: longest.0, recordings: [longest.1]))
        }
        let objection = others.first.flatMap { replay.objection(to: $0.1) }
        return .failure(Reason(words: objection ?? (trouble.isEmpty ? "no look of its gates was kept" : trouble)))
    }
}

extension TrafficRecording {
    /// Milliseconds from its beginning to its last reading.
    fileprivate var length: Int64 { parts.reduce(0) { $0 + ($1.readings.last?.at ?? 0) } }
}
