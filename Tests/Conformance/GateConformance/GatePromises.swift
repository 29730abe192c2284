import Domain
import Ports

extension GateCheck {
    private static let smoke = GateQuestion.smoke(SmokeSpec(requests: [SmokeRequest(path: "/", status: 200)]))
    private static let threshold = GateQuestion.threshold(ThresholdSpec(errorRate: 10_000, minRequests: 100))

    private static let load = GateQuestion.load(
        LoadSpec(
            path: "/", perSecond: 40, connections: 4, duration: .milliseconds(250),
            limits: ThresholdSpec(errorRate: 10_000, minRequests: 5)))
    private static let webhook = GateQuestion.webhook(
        WebhookGateSpec(url: "http://127.0.0.1:1/", secret: .variable("SLIPWAY_NO_SUCH_SECRET")))

    private static func command(_ script: String) -> GateQuestion {
        .command(CommandSpec(command: ["/bin/sh", "-c", script]))
    }

    static let asking: [GateCheck] = [
        GateCheck("without an instance nothing about instances passes") { trial in
            for question in [GateQuestion.health, smoke, load] {
                let result = try await trial.look(trial.gate(question))
                try trial.expect(.error, question.word, result)
            }
        },
        GateCheck("without a stable release nothing is compared") { trial in
            let gate = trial.gate(.analysis(AnalysisSpec(errors: .absolute(5_000))))
            await trial.gates.mark(trial.key(look: 0), gate, release: GateTrial.release.number, since: 0)
            try await trial.subject.count(requests: 1000, errors: 0)
            try trial.expect(.error, "analysis", try await trial.look(gate))
        },
        GateCheck("what cannot be asked is an error: a webhook without its secret, an approval") { trial in
            for question in [webhook, .approval(ApprovalSpec())] {
                try trial.expect(.error, question.word, try await trial.look(trial.gate(question)))
            }
        },
        GateCheck("load passes on good answers and fails on bad ones") { trial in
            let good = try await trial.subject.instance(InstanceID(1), .answers200)
            let bad = try await trial.subject.instance(InstanceID(2), .answers500)
            let gate = trial.gate(load)
            try trial.expect(.pass, "good answers", try await trial.look(gate, at: [good]))
            try trial.expect(.fail, "bad answers", try await trial.look(gate, look: 2, at: [good, bad]))
        },
        GateCheck("health is that all are ready and none has restarted") { trial in
            let gate = trial.gate(.health)
            var one = try await trial.subject.instance(InstanceID(1), .answers200)
            var two = try await trial.subject.instance(InstanceID(2), .answers200)
            one.restarts = 3
            try trial.expect(.pass, "two ready", try await trial.look(gate, at: [one, two]))
            try trial.expect(.pass, "still ready", try await trial.look(gate, look: 2, at: [one, two]))
            two.restarts = 1
            try trial.expect(.fail, "one restarted", try await trial.look(gate, look: 3, at: [one, two]))
            try trial.expect(.pass, "another run", try await trial.look(gate, run: 2, at: [one, two]))
            two.phase = .unready
            two.trouble = "GET /ready: status 503"
            let unready = try await trial.look(gate, run: 2, look: 2, at: [one, two])
            try trial.expect(.fail, "one not ready", unready)
            let said = unready.evidence.findings.contains { $0.got.contains("GET /ready: status 503") }
            try require(said, "the trouble is not told")
        },
        GateCheck("smoke passes on good answers and fails on bad ones, and on none") { trial in
            let good = try await trial.subject.instance(InstanceID(1), .answers200)
            let bad = try await trial.subject.instance(InstanceID(2), .answers500)
            let hung = try await trial.subject.instance(InstanceID(3), .hangs)
            let gate = trial.gate(smoke)
            try trial.expect(.pass, "200", try await trial.look(gate, at: [good]))
            let failed = try await trial.look(gate, look: 2, at: [bad])
            try trial.expect(.fail, "500", failed)
            try require(failed.evidence.summary.contains("500"), "the status is not told: \(failed.evidence.summary)")
            try trial.expect(.fail, "one of two", try await trial.look(gate, look: 3, at: [good, bad]))
            let start = ContinuousClock.now
            let short = trial.gate(smoke, timeout: .seconds(3))
            try trial.expect(.fail, "no answer", try await trial.look(short, look: 4, at: [hung]))
            try require(ContinuousClock.now - start < .seconds(15), "the look took longer than its time")
        },
    ]

    static let commands: [GateCheck] = [
        GateCheck("a command's exit code is its verdict") { trial in
            let expected: [(String, Verdict)] = [
                ("exit 0", .pass), ("exit 1", .fail), ("exit 2", .fail), ("exit 75", .inconclusive),
                ("exit 126", .error), ("exit 127", .error), ("kill -9 $$", .error),
            ]
            for (look, (script, verdict)) in expected.enumerated() {
                let result = try await trial.look(trial.gate(command(script)), look: look + 1)
                try trial.expect(verdict, script, result)
            }
            let missing = CommandSpec(command: ["/no/such/program"])
            try trial.expect(.error, "no program", try await trial.look(trial.gate(.command(missing)), look: 20))
            try trial.expect(
                .error, "nothing to run", try await trial.look(trial.gate(.command(CommandSpec(command: []))), look: 21)
            )
        },
        GateCheck("a command's last words are told, and no more than a screenful") { trial in
            let script = "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; echo the cause >&2; exit 3"
            let result = try await trial.look(trial.gate(command(script)))
            try trial.expect(.fail, "exit 3", result)
            let told = result.evidence.findings.map(\.got).joined(separator: "\n")
            try require(told.contains("the cause"), "the last line is not told")
            try require(!told.contains("line 5\n"), "everything is told")
        },
        GateCheck("a command does not outlive its time") { trial in
            let start = ContinuousClock.now
            let gate = trial.gate(command("trap '' TERM; sleep 60 & sleep 60; exit 0"), timeout: .milliseconds(300))
            try trial.expect(.error, "too slow", try await trial.look(gate))
            try require(ContinuousClock.now - start < .seconds(15), "the look took longer than its time")
        },
        GateCheck("looks at the same time do not disturb each other") { trial in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<12 {
                    group.addTask {
                        let gate = trial.gate(command("exit $((\(number) % 2))"))
                        let verdict: Verdict = number.isMultiple(of: 2) ? .pass : .fail
                        try trial.expect(verdict, "command \(number)", try await trial.look(gate, run: number))
                    }
                }
                try await group.waitForAll()
            }
        },
    ]

    static let measuring: [GateCheck] = [
        GateCheck("no evidence is never a pass") { trial in
            let gate = trial.gate(threshold)
            try trial.expect(.inconclusive, "no mark", try await trial.look(gate))
            try trial.expect(.inconclusive, "no requests", try await trial.look(gate, look: 2))
            try await trial.subject.count(requests: 99, errors: 0)
            try trial.expect(.inconclusive, "99 of 100 requests", try await trial.look(gate, look: 3))
            try await trial.subject.count(requests: 1, errors: 0)
            try trial.expect(.pass, "100 requests", try await trial.look(gate, look: 4))
        },
        GateCheck("limits are held against what came since the mark") { trial in
            let gate = trial.gate(threshold)
            try await trial.subject.count(requests: 1000, errors: 900)
            await trial.gates.mark(trial.key(), gate, release: GateTrial.release.number, since: 0)
            try await trial.subject.count(requests: 100, errors: 1)
            // Saying it again moves nothing.
            await trial.gates.mark(trial.key(), gate, release: GateTrial.release.number, since: 0)
            try trial.expect(.pass, "1 of 100", try await trial.look(gate))
            try await trial.subject.count(requests: 100, errors: 2)
            try trial.expect(.fail, "2 of 100", try await trial.look(gate, look: 2, since: 1))
            try await trial.subject.count(requests: 200, errors: 0)
            try trial.expect(.pass, "0 of 200", try await trial.look(gate, look: 3, since: 2))
        },
        GateCheck("a window reaches back to the last look that counted") { trial in
            let gate = trial.gate(threshold)
            await trial.gates.mark(trial.key(), gate, release: GateTrial.release.number, since: 0)
            try await trial.subject.count(requests: 100, errors: 50)
            try trial.expect(.fail, "50 of 100", try await trial.look(gate))
            try await trial.subject.count(requests: 100, errors: 0)
            // The answer to look 1 came too late to count: its requests are still to be judged.
            try trial.expect(.fail, "50 of 200", try await trial.look(gate, look: 2, since: 0))
            try await trial.subject.count(requests: 60, errors: 0)
            try trial.expect(.inconclusive, "60", try await trial.look(gate, look: 3, since: 2))
            try await trial.subject.count(requests: 60, errors: 0)
            try trial.expect(.pass, "120", try await trial.look(gate, look: 4, since: 2))
        },
        GateCheck("when the router's counts begin anew, the window does") { trial in
            let gate = trial.gate(threshold)
            await trial.gates.mark(trial.key(), gate, release: GateTrial.release.number, since: 0)
            try await trial.subject.count(requests: 500, errors: 0)
            try await trial.subject.restartCounts()
            try await trial.subject.count(requests: 500, errors: 0)
            try trial.expect(.inconclusive, "a restart", try await trial.look(gate))
            try await trial.subject.count(requests: 100, errors: 0)
            try trial.expect(.pass, "afterwards", try await trial.look(gate, look: 2))
        },
        GateCheck("a mark that is gone is set anew, whatever look it belonged to") { trial in
            let gate = trial.gate(threshold)
            try await trial.subject.count(requests: 500, errors: 0)
            try trial.expect(.inconclusive, "since 4", try await trial.look(gate, look: 5, since: 4))
            try await trial.subject.count(requests: 100, errors: 0)
            try trial.expect(.pass, "then", try await trial.look(gate, look: 6, since: 4))
        },
        GateCheck("runs have windows of their own") { trial in
            let gate = trial.gate(threshold)
            for run in 1...2 {
                await trial.gates.mark(trial.key(run: run), gate, release: GateTrial.release.number, since: 0)
            }
            try await trial.subject.count(requests: 100, errors: 0)
            try trial.expect(.pass, "run 1", try await trial.look(gate, run: 1))
            try trial.expect(.pass, "run 2", try await trial.look(gate, run: 2))
            try trial.expect(.inconclusive, "run 3", try await trial.look(gate, run: 3))
        },
        GateCheck("marking what measures nothing does nothing") { trial in
            for question in [GateQuestion.health, smoke, command("exit 0")] {
                await trial.gates.mark(
                    trial.key(), trial.gate(question), release: GateTrial.release.number, since: 0)
            }
        },
    ]
}
