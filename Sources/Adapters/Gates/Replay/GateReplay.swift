package import Domain
import Judging

/// Asks a gate again about what was recorded: the very gate, with the times, counts and answers of then.
package struct GateReplay: Sendable {
    package let gate: GateSpec
    /// What it judges by.
    private let food: Food

    private enum Food: Hashable, Sendable {
        /// What the router counted.
        case counts
        /// What sources of metrics said.
        case answers
    }

    /// Nil for a gate of which nothing is recorded.
    package init?(_ gate: GateSpec) {
        switch gate.question {
        case .analysis, .threshold: food = .counts
        case .metric, .comparison: food = .answers
        case .health, .smoke, .command, .approval, .webhook, .load: return nil
        }
        self.gate = gate
    }

    /// Why it cannot judge by a recording at all; nil: it may try.
    package func objection(to recording: TrafficRecording) -> String? {
        switch (food, recording.holdsAnswers) {
        case (.counts, false), (.answers, true): nil
        case (.counts, true):
            "what was recorded are answers of sources of metrics, and \(gate.question.article) judges by requests"
        case (.answers, false):
            "what was recorded are the router's counts, and \(gate.question.article) judges by what sources say"
        }
    }

    /// What it would have said, look by look, and how that would have ended.
    ///
    /// It looks where a reading was kept, no more often than its `interval` says. It ends with its first answer; a gate
    /// that was asked in the background looks on after a pass. A dry run's answer is what it would have been.
    package func run(_ recording: TrafficRecording) async -> ReplayedRun {
        var replay = ReplayedRun(recording: recording, isDryRun: gate.schedule.isDryRun)
        if let objection = objection(to: recording) {
            replay.obstacle = objection
            return replay
        }
        await run(recording, isBackground: recording.wentOnAfterPass, into: &replay)
        return replay
    }

    private func run(_ recording: TrafficRecording, isBackground: Bool, into replay: inout ReplayedRun) async {
        var run = GateRun(id: recording.head.run, gate: gate.name, started: Self.moment(0))
        var schedule = gate
        schedule.schedule.isDryRun = false
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
                    if let unknown = stage.unknown {
                        replay.obstacle = unknown
                        return
                    }
                    replay.looks.append(stage.replayed(result, look: run.look, at: before, reading))
                    let answer = run.step(
                        schedule, result: result, isKnown: true, now: now, fence: UInt64(fence + 1))
                    replay.note(answer, look: run.look)
                    if replay.decision.isFinal(isBackground: isBackground) { return }
                    break
                }
            }
        }
    }

    static func moment(_ milliseconds: Int64) -> Moment {
        Moment(wall: milliseconds, boot: milliseconds, bootID: 1)
    }
}

extension GateQuestion {
    /// `an analysis`, `a threshold`
    fileprivate var article: String { "\("aeiou".contains(word.first ?? "x") ? "an" : "a") \(word)" }
}

extension TrafficRecording.Part {
    /// Milliseconds from the run's beginning to where this part begins; nil: not known.
    func offset(after first: RecordingHead) -> Int64? {
        guard let began = head.began, let start = first.began else { return nil }
        return max(0, began - start)
    }
}
