import Domain
import Judging
import Testing

@Suite struct GateRunTests {
    static let start = Moment(wall: 1_000_000, boot: 1_000, bootID: 1)

    /// Plays verdicts one after the other and says what came of the last.
    private func play(_ verdicts: [Verdict], _ gate: GateSpec) -> GateRun.Move {
        var run = GateRun(id: 1, gate: gate.name, started: Self.start)
        var now = Self.start
        var move = GateRun.Move.wait(.zero)
        for verdict in verdicts {
            repeat {
                now = now.advanced(by: .seconds(10))
                move = run.step(gate, result: nil, isKnown: true, now: now, fence: 1)
            } while move != .ask
            move = run.step(gate, result: LookResult(verdict, Evidence("e")), isKnown: true, now: now, fence: 1)
        }
        return move
    }

    private func gate(_ schedule: GateSchedule, _ question: GateQuestion = .health) -> GateSpec {
        GateSpec(name: GateName("g"), question: question, schedule: schedule)
    }

    @Test func onePassIsEnoughForOne() { #expect(play([.pass], gate(GateSchedule())) == .pass) }

    @Test func looksAsOftenAsAskedFor() {
        let three = gate(GateSchedule(count: 3))
        #expect(play([.pass, .pass], three) == .wait(.zero))
        #expect(play([.pass, .pass, .pass], three) == .pass)
    }

    @Test func moreFailuresThanTheLimitFail() {
        let one = gate(GateSchedule(count: 2, failureLimit: 1))
        #expect(play([.fail, .pass], one) == .pass)
        #expect(play([.fail, .fail], one) == .fail("e"))
    }

    @Test func onlyErrorsInARowFail() {
        let two = gate(GateSchedule(errorLimit: 1))
        let extending = gate(GateSchedule(errorLimit: 1, onInconclusive: .extend))
        #expect(play([.error, .inconclusive], extending) == .wait(.zero))
        guard case .fail = play([.error, .error], two) else {
            Issue.record("two errors in a row must fail")
            return
        }
    }

    @Test func neverPassesWithoutAPass() {
        #expect(play([.inconclusive], gate(GateSchedule(inconclusiveLimit: 5))) == .wait(.zero))
        #expect(play([.fail], gate(GateSchedule(failureLimit: 3))) == .wait(.zero))
        #expect(play([.error], gate(GateSchedule())) == .wait(.zero))
    }

    @Test func inconclusiveRevertsHoldsOrExtends() {
        #expect(play([.inconclusive], gate(GateSchedule(onInconclusive: .revert))) == .fail("inconclusive: e"))
        #expect(play([.inconclusive], gate(GateSchedule(onInconclusive: .hold))) == .hold("e"))
        let extending = gate(GateSchedule(onInconclusive: .extend, extendLimit: .seconds(15)))
        #expect(play([.inconclusive], extending) == .wait(.zero))
        guard case .fail = play([.inconclusive, .inconclusive], extending) else {
            Issue.record("extending has an end")
            return
        }
    }

    /// Inconclusive looks every ten seconds: which of them ends the run, and how.
    private func looks(until gate: GateSpec, _ result: LookResult, most: Int) -> (look: Int, move: GateRun.Move)? {
        var run = GateRun(id: 1, gate: gate.name, started: Self.start)
        var now = Self.start
        for look in 1...most {
            var move = GateRun.Move.wait(.zero)
            while move != .ask {
                if case .wait(let span) = move { now = now.advanced(by: span) }
                move = run.step(gate, result: nil, isKnown: true, now: now, fence: 1)
            }
            move = run.step(gate, result: result, isKnown: true, now: now, fence: 1)
            if move != .wait(.zero) { return (look, move) }
        }
        return nil
    }

    @Test func aPatientGateCountsInconclusiveLooksOnceItsPatienceIsOver() {
        let undecided = LookResult(.inconclusive, Evidence("e"))
        func end(_ schedule: GateSchedule) -> (look: Int, move: GateRun.Move)? {
            looks(until: gate(schedule), undecided, most: 30)
        }
        let minute = Span.seconds(60)
        // Looks are at 0s, 10s, 20s …: the one at 60s is the first that counts.
        let reverting = end(GateSchedule(onInconclusive: .revert, patience: minute))
        #expect(reverting?.look == 7 && reverting?.move == .fail("inconclusive: e"))
        let holding = end(GateSchedule(inconclusiveLimit: 2, onInconclusive: .hold, patience: minute))
        #expect(holding?.look == 9 && holding?.move == .hold("e"))
        let extending = end(GateSchedule(onInconclusive: .extend, extendLimit: .seconds(100), patience: minute))
        #expect(extending?.look == 12)
        // An end that is nearer than the patience waits for it.
        let short = end(GateSchedule(onInconclusive: .extend, extendLimit: .seconds(20), patience: minute))
        #expect(short?.look == 7)
    }

    @Test func afterTheLastLookNothingIsWaitedFor() {
        let last = LookResult(.inconclusive, Evidence("spent"), isLast: true)
        let patience = Span.minutes(10)
        for (answer, expected) in [
            (OnInconclusive.revert, GateRun.Move.fail("inconclusive: spent")), (.hold, .hold("spent")),
            (.extend, .fail("inconclusive: spent")),
        ] {
            let schedule = GateSchedule(inconclusiveLimit: 5, onInconclusive: answer, patience: patience)
            let end = looks(until: gate(schedule), last, most: 3)
            #expect(end?.look == 1 && end?.move == expected)
        }
        // A verdict is a verdict, the last or not.
        let passing = LookResult(.pass, Evidence("fine"), isLast: true)
        #expect(looks(until: gate(GateSchedule(patience: patience)), passing, most: 3)?.move == .pass)
    }

    @Test func patienceIsAboutNoAnswerNotAboutABadOne() {
        let patient = gate(GateSchedule(errorLimit: 1, patience: .hours(1)))
        #expect(play([.inconclusive, .inconclusive, .fail], patient) == .fail("e"))
        guard case .fail = play([.inconclusive, .error, .error], patient) else {
            Issue.record("errors in a row fail a patient gate as any other")
            return
        }
        #expect(play([.inconclusive, .error, .inconclusive, .pass], patient) == .pass)
    }

    @Test func patienceBeginsAnewForAPersonWhoLetsItLookOn() {
        let patient = gate(GateSchedule(onInconclusive: .hold, patience: .seconds(30)))
        var run = GateRun(id: 1, gate: patient.name, started: Self.start)
        let undecided = LookResult(.inconclusive, Evidence("e"))
        func look(at seconds: Int64) -> GateRun.Move {
            let now = Self.start.advanced(by: .seconds(seconds))
            #expect(run.step(patient, result: nil, isKnown: true, now: now, fence: 1) == .ask)
            return run.step(patient, result: undecided, isKnown: true, now: now, fence: 1)
        }
        #expect(look(at: 0) == .wait(.zero))
        #expect(look(at: 30) == .hold("e"))
        run.lookOn(now: Self.start.advanced(by: .seconds(60)))
        #expect(look(at: 61) == .wait(.zero))
        #expect(look(at: 90) == .hold("e"))
    }

    @Test func aRowOfPassesIsBrokenByAnythingButAnError() {
        let three = gate(
            GateSchedule(failureLimit: 3, inconclusiveLimit: 3, successLimit: 3))
        #expect(play([.pass, .pass], three) == .wait(.zero))
        #expect(play([.pass, .pass, .pass], three) == .pass)
        #expect(play([.pass, .pass, .fail, .pass, .pass], three) == .wait(.zero))
        #expect(play([.pass, .pass, .fail, .pass, .pass, .pass], three) == .pass)
        #expect(play([.pass, .pass, .inconclusive, .pass], three) == .wait(.zero))
        #expect(play([.pass, .error, .pass, .error, .pass], three) == .pass)
        // The other limits hold.
        #expect(play([.pass, .fail, .pass, .fail, .fail, .fail], three) == .fail("e"))
        #expect(play([.pass, .fail], gate(GateSchedule(successLimit: 3))) == .fail("e"))
    }

    @Test func aDryRunIsToldAndStopsNothing() {
        func end(_ verdict: Verdict, _ schedule: GateSchedule) -> (GateRun.Move, String, Bool) {
            var run = GateRun(id: 1, gate: GateName("g"), started: Self.start)
            let dry = gate(schedule)
            #expect(run.step(dry, result: nil, isKnown: true, now: Self.start, fence: 1) == .ask)
            let result = LookResult(verdict, Evidence("e"))
            let move = run.step(dry, result: result, isKnown: true, now: Self.start, fence: 1)
            // It looks on as a gate that has passed does.
            if move == .pass { #expect(!run.hasFailed && run.failures == 0) }
            return (move, run.lastSummary, run.hasPassed)
        }
        let dry = GateSchedule(errorLimit: 0, isDryRun: true)
        #expect(end(.fail, dry) == (.pass, "dry run, would have failed: e", true))
        #expect(end(.error, dry) == (.pass, "dry run, would have failed: 1 errors in a row, the last: e", true))
        #expect(end(.inconclusive, dry) == (.pass, "dry run, would have failed: inconclusive: e", true))
        let holding = GateSchedule(onInconclusive: .hold, isDryRun: true)
        #expect(end(.inconclusive, holding) == (.pass, "dry run, would have asked a person: e", true))
        #expect(end(.pass, dry) == (.pass, "e", true))
        // Its limits are those of any other gate.
        #expect(end(.fail, GateSchedule(failureLimit: 1, isDryRun: true)).0 == .wait(.zero))
    }

    @Test func aCommandIsNotRunAgainBlindly() {
        let command = gate(GateSchedule(errorLimit: 0), .command(CommandSpec(command: ["true"])))
        var run = GateRun(id: 1, gate: command.name, started: Self.start)
        #expect(run.step(command, result: nil, isKnown: false, now: Self.start, fence: 1) == .ask)
        guard case .fail = run.step(command, result: nil, isKnown: false, now: Self.start, fence: 2) else {
            Issue.record("an unknown outcome is an error")
            return
        }
    }

    @Test func aRepeatableLookIsAskedAgainUnderANewFence() {
        let health = gate(GateSchedule())
        var run = GateRun(id: 1, gate: health.name, started: Self.start)
        #expect(run.step(health, result: nil, isKnown: false, now: Self.start, fence: 1) == .ask)
        #expect(run.step(health, result: nil, isKnown: false, now: Self.start, fence: 2) == .ask)
        #expect(run.look == 1)
    }

    @Test func aLookThatIsNeverAnsweredIsAnError() {
        let health = gate(GateSchedule(timeout: .seconds(3), errorLimit: 0))
        var run = GateRun(id: 1, gate: health.name, started: Self.start)
        #expect(run.step(health, result: nil, isKnown: true, now: Self.start, fence: 1) == .ask)
        let later = Self.start.advanced(by: .seconds(8))
        guard case .fail = run.step(health, result: nil, isKnown: true, now: later, fence: 1) else {
            Issue.record("it has a deadline")
            return
        }
    }

    @Test func comesBackFromItsRecord() throws {
        let health = gate(GateSchedule(count: 3))
        var run = GateRun(id: 4, gate: health.name, started: Self.start)
        _ = run.step(health, result: nil, isKnown: true, now: Self.start, fence: 9)
        _ = run.step(health, result: LookResult(.pass, Evidence("fine")), isKnown: true, now: Self.start, fence: 9)
        let bytes = run.recorded(version: 1)
        #expect(try GateRun(recorded: bytes, known: 1) == run)
    }
}
