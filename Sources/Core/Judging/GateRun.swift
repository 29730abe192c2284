package import Domain

/// One run of a gate: looks taken one at a time, counted against the gate's limits until there is an answer.
///
/// The limits follow Argo Rollouts' words: a gate fails when failed looks are *more than* `failureLimit`, or errors in
/// a row more than `errorLimit`. Other than there, a run that ends without evidence never counts as a pass. A gate with
/// `patience` looks on until it has passed, whatever number of looks was inconclusive, unless one says that it is the
/// last. A dry run ends as any other, but never with a no: its answer is told, and it goes on as if it had passed.
package struct GateRun: Hashable, Sendable {
    /// Counted from 1 within the rollout.
    package let id: Int
    package let gate: GateName
    package private(set) var started: Moment
    /// The last look that was asked for; 0: none yet.
    package private(set) var look: Int = 0
    package private(set) var lookStarted: Moment
    package private(set) var isLooking = false
    /// The fence of the supervisor that asked.
    package private(set) var askedUnder: UInt64 = 0
    /// The fence of the supervisor that noted where evidence begins; marks do not outlive it.
    package private(set) var markedUnder: UInt64 = 0
    package private(set) var passes = 0
    /// Since the last look that failed or was inconclusive.
    package private(set) var passesInRow = 0
    package private(set) var failures = 0
    package private(set) var errorsInRow = 0
    package private(set) var inconclusive = 0
    /// The last look that passed or failed: windows of evidence reach back to it.
    package private(set) var since: Int = 0
    package private(set) var lastVerdict: Verdict?
    /// What the last look said.
    package private(set) var lastSummary = ""
    /// A background gate has passed at least once; it goes on looking.
    package private(set) var hasPassed = false
    /// The answer was no, and it is final: nothing is asked any more.
    package private(set) var hasFailed = false

    package init(id: Int, gate: GateName, started: Moment) {
        self.id = id
        self.gate = gate
        self.started = started
        lookStarted = started
    }

    /// What to do now.
    package enum Move: Hashable, Sendable {
        case wait(Span)
        /// Ask, or ask again: take look number `look`.
        case ask
        /// Note what traffic was counted so far: evidence begins here.
        case mark
        case pass
        case fail(String)
        /// No answer: the gate's `onInconclusive` says what follows. `undecided` is why.
        case hold(String)
    }

    /// Looks at what came back and says what to do. Level-triggered: the same look seen twice counts once.
    /// - Parameters:
    ///   - result: of the look that is under way, when it is known.
    ///   - isKnown: somebody is taking that look, or has its result.
    ///   - fence: of the supervisor that runs now.
    package mutating func step(
        _ gate: GateSpec, result: LookResult?, isKnown: Bool, now: Moment, fence: UInt64
    ) -> Move {
        let move = next(gate, result: result, isKnown: isKnown, now: now, fence: fence)
        switch move {
        case .fail(let reason) where gate.schedule.isDryRun: return tell("would have failed: \(reason)", now: now)
        case .hold(let reason) where gate.schedule.isDryRun:
            return tell("would have asked a person: \(reason)", now: now)
        case .fail: conclude()
        case .wait, .ask, .mark, .pass, .hold: break
        }
        return move
    }

    /// What a dry run says instead of a no.
    private mutating func tell(_ words: String, now: Moment) -> Move {
        lastSummary = "dry run, \(words)"
        startOver(now: now)
        return .pass
    }

    /// Ends the run with a no.
    package mutating func conclude() { hasFailed = true }

    private mutating func next(
        _ gate: GateSpec, result: LookResult?, isKnown: Bool, now: Moment, fence: UInt64
    ) -> Move {
        if hasFailed { return .fail(lastSummary) }
        if gate.question.needsTraffic, markedUnder != fence {
            markedUnder = fence
            isLooking = false
            lookStarted = now
            return .mark
        }
        if isLooking {
            if let result {
                return count(result, gate.schedule, now: now)
            }
            if !isKnown, askedUnder != fence {
                if gate.question.isRepeatable {
                    askedUnder = fence
                    lookStarted = now
                    return .ask
                }
                let lost = "its outcome is unknown: Slipway was restarted while it ran, and it is not run again blindly"
                return count(LookResult(.error, Evidence(lost)), gate.schedule, now: now)
            }
            let limit = gate.schedule.timeout + .seconds(5)
            let spent = now.since(lookStarted)
            if spent < limit { return .wait(limit - spent) }
            let late = "no answer within \(gate.schedule.timeout)"
            return count(LookResult(.error, Evidence(late)), gate.schedule, now: now)
        }
        return nextLook(gate, now: now, fence: fence)
    }

    /// The time that a pause took does not count.
    package mutating func postpone(by span: Span) {
        started = started.advanced(by: span)
        lookStarted = lookStarted.advanced(by: span)
    }

    private mutating func nextLook(_ gate: GateSpec, now: Moment, fence: UInt64) -> Move {
        let schedule = gate.schedule
        let due: Span
        if look == 0 {
            // Traffic is judged an interval after the mark: before that there is none.
            let first = gate.question.needsTraffic ? schedule.initialDelay + schedule.interval : schedule.initialDelay
            due = first - now.since(lookStarted)
        } else {
            let interval = lastVerdict == .error ? min(schedule.interval, .seconds(10)) : schedule.interval
            due = interval - now.since(lookStarted)
        }
        if due > .zero { return .wait(due) }
        look += 1
        isLooking = true
        lookStarted = now
        askedUnder = fence
        return .ask
    }

    private mutating func count(_ result: LookResult, _ schedule: GateSchedule, now: Moment) -> Move {
        isLooking = false
        lastVerdict = result.verdict
        lastSummary = result.evidence.summary
        switch result.verdict {
        case .pass:
            passes += 1
            passesInRow += 1
            errorsInRow = 0
            since = look
        case .fail:
            failures += 1
            passesInRow = 0
            errorsInRow = 0
            since = look
            if failures > schedule.failureLimit { return .fail(lastSummary) }
        case .error:
            errorsInRow += 1
            if errorsInRow > schedule.errorLimit {
                return .fail("\(errorsInRow) errors in a row, the last: \(lastSummary)")
            }
        case .inconclusive:
            passesInRow = 0
            errorsInRow = 0
            if result.isLast { return spent(schedule) }
            if now.since(started) >= schedule.patience {
                inconclusive += 1
                if let move = undecided(schedule, now: now) { return move }
            }
        }
        if isAnswered(schedule) {
            startOver(now: now)
            return .pass
        }
        return .wait(.zero)
    }

    private func isAnswered(_ schedule: GateSchedule) -> Bool {
        if schedule.successLimit > 0 { return passesInRow >= schedule.successLimit }
        return passes + failures >= schedule.count && passes > 0
    }

    private func undecided(_ schedule: GateSchedule, now: Moment) -> Move? {
        switch schedule.onInconclusive {
        case .extend:
            guard now.since(started) > schedule.extendLimit else { return nil }
            return .fail("still inconclusive after \(schedule.extendLimit): \(lastSummary)")
        case .revert:
            guard inconclusive > schedule.inconclusiveLimit else { return nil }
            return .fail("inconclusive: \(lastSummary)")
        case .hold:
            guard inconclusive > schedule.inconclusiveLimit else { return nil }
            return .hold(lastSummary)
        }
    }

    /// No later look can say more, so that neither patience nor limits are worth waiting for.
    private func spent(_ schedule: GateSchedule) -> Move {
        switch schedule.onInconclusive {
        case .extend, .revert: .fail("inconclusive: \(lastSummary)")
        case .hold: .hold(lastSummary)
        }
    }

    /// Counts begin anew; numbers of looks do not.
    private mutating func startOver(now: Moment) {
        hasPassed = true
        started = now
        passes = 0
        passesInRow = 0
        failures = 0
        errorsInRow = 0
        inconclusive = 0
    }

    /// A person looked at an inconclusive run and let it look on.
    package mutating func lookOn(now: Moment) {
        started = now
        inconclusive = 0
    }
}

extension GateRun: RecordCodable {
    package func encode(into writer: inout RecordWriter) {
        writer.put(1, id)
        writer.put(2, gate.text)
        writer.put(3, started)
        writer.put(4, look)
        writer.put(5, lookStarted)
        writer.put(6, isLooking)
        writer.put(7, askedUnder)
        writer.put(8, passes)
        writer.put(9, failures)
        writer.put(10, errorsInRow)
        writer.put(11, inconclusive)
        writer.put(12, since)
        if let lastVerdict { writer.put(13, Int(lastVerdict.rawValue)) }
        writer.put(14, lastSummary)
        writer.put(15, hasPassed)
        writer.put(16, markedUnder)
        if hasFailed { writer.put(17, true) }
        if passesInRow > 0 { writer.put(18, passesInRow) }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var id: Int?
        var gate = ""
        var started: Moment?
        var run = GateRun(id: 0, gate: GateName(""), started: Moment(wall: 0, boot: 0, bootID: 0))
        while let tag = try reader.next() {
            switch tag {
            case 1: id = try reader.int()
            case 2: gate = try reader.text()
            case 3: started = try reader.moment()
            case 4: run.look = try reader.int()
            case 5: run.lookStarted = try reader.moment()
            case 6: run.isLooking = try reader.bool()
            case 7: run.askedUnder = try reader.uint64()
            case 8: run.passes = try reader.int()
            case 9: run.failures = try reader.int()
            case 10: run.errorsInRow = try reader.int()
            case 11: run.inconclusive = try reader.int()
            case 12: run.since = try reader.int()
            case 13: run.lastVerdict = Verdict(rawValue: try reader.byte())
            case 14: run.lastSummary = try reader.text()
            case 15: run.hasPassed = try reader.bool()
            case 16: run.markedUnder = try reader.uint64()
            case 17: run.hasFailed = try reader.bool()
            case 18: run.passesInRow = try reader.int()
            case _: try reader.skip()
            }
        }
        guard let id, let started else { throw .missing("gate run") }
        self.init(id: id, gate: GateName(gate), started: started)
        look = run.look
        lookStarted = run.lookStarted
        isLooking = run.isLooking
        askedUnder = run.askedUnder
        passes = run.passes
        failures = run.failures
        errorsInRow = run.errorsInRow
        inconclusive = run.inconclusive
        since = run.since
        lastVerdict = run.lastVerdict
        lastSummary = run.lastSummary
        hasPassed = run.hasPassed
        markedUnder = run.markedUnder
        hasFailed = run.hasFailed
        passesInRow = run.passesInRow
    }
}
