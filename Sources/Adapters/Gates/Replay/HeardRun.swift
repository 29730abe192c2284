import Domain
import Judging

extension TrafficRecording {
    /// How it ended then, by what the gate said; nil: what was asked is not in it. A dry run's answer is what it would
    /// have been.
    package var then: ReplayedRun? {
        guard let asked = head.asked, looks > 0 else { return nil }
        return heard(asked)
    }

    var wentOnAfterPass: Bool {
        guard let asked = head.asked else { return false }
        let heard = heard(asked)
        guard let passed = heard.passedAt else { return false }
        return lastLook > passed
    }

    /// Counts what was said against the limits of what was asked.
    private func heard(_ asked: GateSpec) -> ReplayedRun {
        var replay = ReplayedRun(recording: self, isDryRun: asked.schedule.isDryRun)
        var gate = asked
        gate.schedule.interval = .milliseconds(1)
        gate.schedule.initialDelay = .zero
        gate.schedule.isDryRun = false
        var run = GateRun(id: head.run, gate: asked.name, started: GateReplay.moment(0))
        var before: Int64 = 0
        for (fence, part) in parts.enumerated() {
            let offset = fence == 0 ? 0 : max(before, part.offset(after: head) ?? before)
            for heard in part.heard {
                // A millisecond apart, for looks of the same moment.
                before = max(before + 2, offset + heard.at)
                let fence = UInt64(fence + 1)
                let result = LookResult(heard.said, Evidence(heard.words))
                replay.looks.append(
                    ReplayedLook(
                        look: heard.look, at: Span(milliseconds: before), requests: heard.requests, said: heard.said,
                        result: result))
                var move = run.step(gate, result: nil, isKnown: false, now: GateReplay.moment(before), fence: fence)
                if case .mark = move {
                    move = run.step(
                        gate, result: nil, isKnown: false, now: GateReplay.moment(before + 1), fence: fence)
                }
                guard case .ask = move else { continue }
                let answer = run.step(
                    gate, result: result, isKnown: true, now: GateReplay.moment(before + 1), fence: fence)
                replay.note(answer, look: heard.look)
                if replay.decision.isFinal(isBackground: true) { return replay }
            }
        }
        return replay
    }
}

/// What a gate said at one look of the past.
private struct HeardLook {
    var look: Int
    /// Milliseconds since its part of the recording began.
    var at: Int64
    var said: Verdict
    var words: String
    /// Of the release on trial until then, in this part.
    var requests: Int
}

extension TrafficRecording.Part {
    /// Every look of it, those that were not kept too: whatever changed the answer was kept, so that between two looks
    /// that were the answer was that of the first. Rows of passes (`successLimit`) and `count` count them.
    fileprivate var heard: [HeardLook] {
        var looks: [HeardLook] = []
        var spent = 0
        for reading in readings {
            spent += reading.spent(by: head.canary)
            guard let look = reading.look, let said = reading.said else { continue }
            let now = HeardLook(
                look: look, at: reading.at, said: said, words: reading.failure ?? said.word, requests: spent)
            if let last = looks.last, look > last.look + 1 {
                let missing = Int64(look - last.look)
                for step in 1..<missing {
                    var between = last
                    between.look += Int(step)
                    between.at += (now.at - last.at) * step / missing
                    looks.append(between)
                }
            }
            looks.append(now)
        }
        return looks
    }
}

extension RecordedReading {
    fileprivate func spent(by release: ReleaseNumber) -> Int {
        splits.flatMap(\.releases).filter { $0.release == release }.reduce(0) { $0 + $1.requests }
    }
}
