import Deployments
import Domain
import Gates
import Planning
import Rollouts

/// One gate of the manifest, asked again about the rollouts of which the journal kept enough.
struct GateBacktest: Sendable {
    /// How a gate decided about one rollout.
    struct Answer: Hashable, Sendable {
        /// `pass`, `fail`, `hold`, `undecided`.
        var decision: String
        var reason: String
        var looks: Int
        /// Of the canary.
        var requests: Int
        var took: Span

        /// The runs of one gate in one rollout, one after the other: the first that does not pass decides.
        init?(_ runs: [ReplayedRun]) {
            guard !runs.isEmpty else { return nil }
            decision = "pass"
            reason = ""
            looks = 0
            requests = 0
            took = .zero
            for run in runs {
                let last = run.deciding ?? run.looks.last
                looks += last.map { look in run.looks.filter { $0.look <= look.look }.count } ?? 0
                requests += last?.requests ?? 0
                took = took + (last?.at ?? .zero)
                guard run.decision.word != "pass" else { continue }
                decision = run.decision.word
                reason = run.decision.reason
                return
            }
        }
    }

    /// One rollout.
    struct Case: Sendable {
        var rollout: PastRollout
        /// Which gate's recording it rests on.
        var recorded: GateName
        /// What the gate of the same name decided then; nil: it was not asked.
        var then: Answer?
        var now: Answer

        /// A good release is failed, or a bad one passed.
        func isAlarm(_ answer: Answer) -> Bool { rollout.nature == .good && answer.decision == "fail" }
        func isMiss(_ answer: Answer) -> Bool { rollout.nature == .bad && answer.decision == "pass" }
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

    func alarms(_ answer: (Case) -> Answer?) -> Int {
        cases.filter { item in answer(item).map(item.isAlarm) ?? false }.count
    }
    func misses(_ answer: (Case) -> Answer?) -> Int {
        cases.filter { item in answer(item).map(item.isMiss) ?? false }.count
    }
    func count(_ nature: PastRollout.Nature) -> Int { cases.filter { $0.rollout.nature == nature }.count }

    /// Of those that came to an answer; nil: none did.
    func median<Value: Comparable>(_ answer: (Case) -> Answer?, _ value: (Answer) -> Value) -> Value? {
        let values = cases.compactMap(answer).filter { $0.decision == "pass" || $0.decision == "fail" }.map(value)
            .sorted()
        return values.isEmpty ? nil : values[(values.count - 1) / 2]
    }

    /// More good releases are failed, or more bad ones passed, than then.
    var isWorse: Bool {
        let known = cases.filter { $0.then != nil }
        func count(_ answer: (Case) -> Answer?, _ isWrong: (Case, Answer) -> Bool) -> Int {
            known.filter { item in answer(item).map { isWrong(item, $0) } ?? false }.count
        }
        return count({ $0.now }, { $0.isAlarm($1) }) > count({ $0.then }, { $0.isAlarm($1) })
            || count({ $0.now }, { $0.isMiss($1) }) > count({ $0.then }, { $0.isMiss($1) })
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
            if let objection = rollout.objection {
                unused.append(Unused(rollout: rollout.label, why: objection))
                continue
            }
            switch Self.recordings(of: rollout, for: gate.name, kept) {
            case .failure(let reason): unused.append(Unused(rollout: rollout.label, why: reason.words))
            case .success(let found):
                var runs: [ReplayedRun] = []
                for recording in found.recordings { runs.append(await replay.run(recording)) }
                guard let now = Answer(runs) else { continue }
                guard now.looks > 0 else {
                    let why = "its recording of gate \(found.gate) ends before this gate would have looked once"
                    unused.append(Unused(rollout: rollout.label, why: why))
                    continue
                }
                let then = found.gate == gate.name ? Answer(found.recordings.compactMap(\.then)) : nil
                cases.append(Case(rollout: rollout, recorded: found.gate, then: then, now: now))
            }
        }
    }

    private struct Found {
        var gate: GateName
        var recordings: [TrafficRecording]
    }

    private struct Reason: Error {
        var words: String
    }

    /// Those of the gate itself, else of the gate that looked longest.
    private static func recordings(
        of rollout: PastRollout, for name: GateName, _ kept: RecordedRuns
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
        let own = read.filter { $0.gate == name }.flatMap(\.recordings)
        if !own.isEmpty { return .success(Found(gate: name, recordings: own)) }
        let longest = read.flatMap { part in part.recordings.map { (part.gate, $0) } }.max { $0.1.length < $1.1.length }
        guard let longest else {
            return .failure(Reason(words: trouble.isEmpty ? "no look of its gates was kept" : trouble))
        }
        return .success(Found(gate: longest.0, recordings: [longest.1]))
    }
}

extension TrafficRecording {
    /// Milliseconds from its beginning to its last reading.
    fileprivate var length: Int64 { parts.reduce(0) { $0 + ($1.readings.last?.at ?? 0) } }
}
