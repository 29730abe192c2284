import Asking
import Testing

@Suite("Runs of programs that answer", .timeLimit(.minutes(1)))
struct ProgramRunTests {
    private func run(_ script: String, limit: Duration = .seconds(20)) -> ProgramRun {
        ProgramRun(
            program: "/bin/sh", arguments: ["sh", "-c", script],
            env: ["PATH": ProgramRun.standardSearchPath, "A": "1"],
            directory: "/tmp", limit: limit, grace: .milliseconds(200))
    }

    @Test func outputsEndInTheirLastLines() async {
        let outcome = await run("echo $A; echo two >&2; pwd; exit 3").run()
        #expect(outcome.end == .exited(3))
        #expect(Set(outcome.lines) == ["1", "two", "/tmp"])
        #expect(outcome.output.isEmpty)
    }

    @Test func standardOutputIsReadApart() async {
        let outcome = await run("echo one; echo two >&2").run(reading: 100)
        #expect(outcome.end == .exited(0))
        #expect(String(decoding: outcome.output, as: UTF8.self) == "one\n")
        #expect(outcome.lines == ["two"])
    }

    @Test func itReadsWhatItIsGiven() async {
        func reading(_ input: [UInt8], _ script: String = "cat") -> ProgramRun {
            ProgramRun(
                program: "/bin/sh", arguments: ["sh", "-c", script], env: ["PATH": ProgramRun.standardSearchPath],
                directory: "/", limit: .seconds(20), input: input)
        }
        let whole = [UInt8](repeating: UInt8(ascii: "x"), count: ProgramRun.inputLimit)
        #expect(await reading(whole).run(reading: 1 << 16).output == whole)
        #expect(await reading([]).run(reading: 10).end == .exited(0), "nothing is the end at once")
        #expect(await reading(whole, "exit 4").run().end == .exited(4), "it need not read")
        guard case .notStarted = await reading(whole + [0]).run().end else {
            Issue.record("more than a pipe holds was taken")
            return
        }
    }

    @Test func aFloodIsStopped() async {
        let flood = await run("while :; do echo 0123456789; done").run(reading: 1000)
        #expect(flood.end == .tooMuch)
    }

    @Test func itEndsWithItsTime() async {
        for outcome in [
            await run("trap '' TERM; sleep 50", limit: .milliseconds(200)).run(),
            await run("trap '' TERM; sleep 50", limit: .milliseconds(200)).run(reading: 10),
        ] {
            #expect(outcome.end == .timedOut)
        }
    }

    @Test func aSignalIsTold() async {
        #expect(await run("kill -9 $$").run().end == .signalled(9))
        let none = ProgramRun(
            program: "/no/such/program", arguments: ["it"], env: [:], directory: "/", limit: .seconds(5))
        guard case .notStarted = await none.run().end else {
            Issue.record("a program that is not there was run")
            return
        }
    }

    @Test func theTailOfAnOutputIsItsLastLines() {
        let tail = OutputTail()
        for number in 0..<5000 { Array("line \(number)\n".utf8).withUnsafeBytes { tail.append($0) } }
        #expect(tail.lines.count == 10)
        #expect(tail.lines.last == "line 4999")
        let long = OutputTail()
        Array(repeating: UInt8(ascii: "x"), count: 100_000).withUnsafeBytes { long.append($0) }
        #expect(long.lines.joined().utf8.count == OutputTail.byteLimit)
    }
}

@Suite("Limits of time", .timeLimit(.minutes(1)))
struct TimeLimitTests {
    private func told(_ ending: TimeLimit.Ending<String>) -> String {
        ending.answer(orLate: "late", orCancelled: "cancelled")
    }

    @Test func anAnswerInTimeCounts() async {
        #expect(told(await TimeLimit(.seconds(20)).race { "here" }) == "here")
    }

    /// What is late is cancelled, so that nobody waits for an hour.
    @Test func aLateAnswerDoesNot() async {
        let start = ContinuousClock.now
        let ending = await TimeLimit(.milliseconds(50)).race { await untilCancelled() }
        #expect(told(ending) == "late")
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(told(await TimeLimit(until: .now - .seconds(1)).race { await untilCancelled() }) == "late")
    }

    @Test func whoeverAsksMayCeaseToWait() async {
        let asking = Task { told(await TimeLimit(.seconds(3600)).race { await untilCancelled() }) }
        asking.cancel()
        #expect(await asking.value != "late")
    }
}

/// Ends when it is cancelled.
private func untilCancelled() async -> String {
    do {
        try await ContinuousClock().sleep(for: .seconds(3600))
        return "slept"
    } catch {
        return "stopped"
    }
}
