import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// A text trace: what one environment sees and is asked for, and what the engine writes and does about it. Lines with
/// `>` are the script; `#` lines explain; indented lines are what came of it and are made anew by every replay.
///
///     > deploy web canary(25% gate:smoke) x2
///     > runtime web @1 ready ready
///     > router web
///     > look pass
///     > migration web running | exited 0 | lost | unseen
///     > done | failed | again
///     > after 30s
///     > approve approval by bob | reject approval by bob
///     > deploy web rolling x1 - api
///     > unknown web
///     > promote | abort | accept | pause | resume | retry | down | restart
package struct Trace {
    /// A line of a script that makes no sense.
    package struct Fault: Error, CustomStringConvertible {
        package var description: String
    }

    private let id = EnvironmentID(project: "shop", name: "dev")
    private var loop: EngineLoop
    private var journal = SimulatedJournal()
    private var fence: UInt64 = 1
    private var now = Moment(wall: 1_750_000_000_000, boot: 1_000, bootID: 7)
    private var known: [ServiceName: ServiceSnapshot] = [:]
    private var wishes: [ServiceName: RuntimeWish] = [:]
    private var tables: [ServiceName: RouteWish] = [:]
    private var asked: [LookEffect] = []
    private var migrating: MigrationKey?
    private var built: UInt64 = 0
    private var output: [String] = []

    private init() throws { loop = try EngineLoop(restoring: [], fence: 1) }

    /// Replays a script; gives back the whole text with what came of every line.
    package static func replay(_ text: String) throws -> String {
        var trace = try Trace()
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("    ") { continue }
            trace.output.append(String(line))
            if line.hasPrefix("> ") { try trace.carryOut(String(line.dropFirst(2))) }
        }
        return trace.output.joined(separator: "\n")
    }

    private mutating func carryOut(_ line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        switch words[0] {
        case "deploy", "rollback": turn(try order(words, line))
        case "promote": turn(.promote(nil, skipGate: words.count > 1 ? words.dropFirst().joined(separator: " ") : nil))
        case "approve", "reject":
            let isApproved = words[0] == "approve"
            let gate = words.count > 1 && words[1] != "by" ? GateName(words[1]) : nil
            let by = words.firstIndex(of: "by").flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
            turn(.approve(nil, gate, isApproved: isApproved, reason: "I read it"), by: by ?? "ann")
        case "abort": turn(.abort(reason: words.dropFirst().joined(separator: " ")))
        case "accept": turn(.abort(reason: "", accept: true))
        case "migration": try seeMigration(words, line)
        case "done": turn(.migrated(nil, .done, reason: "as seen"))
        case "failed": turn(.migrated(nil, .failed, reason: "as seen"))
        case "again": turn(.migrated(nil, .again, reason: "as seen"))
        case "pause": turn(.pause(nil))
        case "resume": turn(.resume(nil))
        case "retry": turn(.retry)
        case "down": turn(.down)
        case "runtime": try seeRuntime(words, line)
        case "router": try seeRouter(words, line)
        case "unknown": try seeUnknown(words, line)
        case "look": try answer(words, line)
        case "after":
            guard words.count == 2, let span = Span(parsing: words[1]) else { throw Fault(description: line) }
            now = now.advanced(by: span)
            turn(nil)
        case "restart":
            fence += 1
            loop = try EngineLoop(restoring: journal.latest, fence: fence)
            known = [:]
            turn(nil)
        case _: throw Fault(description: "what is \(words[0])?")
        }
    }

    // MARK: What is seen

    /// `runtime web @1 ready ready @2 starting`: the wish is taken over, and this is what stands.
    private mutating func seeRuntime(_ words: [String], _ line: String) throws {
        guard words.count > 1, let wish = wishes[ServiceName(words[1])] else { throw Fault(description: line) }
        var view = RuntimeView(version: UInt64(output.count), fence: wish.fence, generation: wish.generation)
        view.sets = wish.sets.map { SetView(release: $0.release, state: .prepared) }
        var release = ReleaseNumber(0)
        var place: UInt64 = 0
        for word in words.dropFirst(2) {
            if word.hasPrefix("@") {
                guard let named = ReleaseNumber(String(word.dropFirst())) else { throw Fault(description: line) }
                release = named
                place = named.isBaseline ? 5 : 0
                continue
            }
            guard let phase = Self.phases[word] else { throw Fault(description: "\(line): \(word)") }
            place += 1
            view.instances.append(
                InstanceView(
                    id: InstanceID(UInt64(release.value) * 10 + place), release: release, phase: phase,
                    readyFor: phase == .ready ? .minutes(1) : .zero, trouble: phase == .failed ? "exit code 1" : "",
                    backend: .address(host: "127.0.0.1", port: 20_000 + Int(place))))
        }
        known[wish.service, default: ServiceSnapshot(service: wish.service)].runtime = view
        turn(nil)
    }

    private static let phases: [String: InstancePhase] = [
        "starting": .starting, "ready": .ready, "unready": .unready, "leaving": .leaving, "failed": .failed,
    ]

    /// `router web`: every request follows the last table; `router web busy=11` has one in flight there, and
    /// `router web rate=350` counts so many requests a second.
    private mutating func seeRouter(_ words: [String], _ line: String) throws {
        guard words.count > 1, let table = tables[ServiceName(words[1])] else { throw Fault(description: line) }
        var view = RouterView(
            version: UInt64(output.count), fence: table.fence, generation: table.generation,
            isHolding: table.hold != nil)
        view.targets = table.targets.map { target in
            TargetView(
                release: target.release, weight: target.weight, instances: target.backends.map(\.instance))
        }
        for word in words.dropFirst(2) where word.hasPrefix("busy=") {
            view.busy.append(InstanceTraffic(instance: InstanceID(UInt64(word.dropFirst(5)) ?? 0), inFlight: 1))
        }
        for word in words.dropFirst(2) where word.hasPrefix("rate=") {
            view.rate = Int(word.dropFirst(5)).map { $0 * 1000 }
        }
        known[table.service, default: ServiceSnapshot(service: table.service)].router = view
        known[table.service]?.isUnknownToRouter = false
        turn(nil)
    }

    /// `unknown web`: the router was asked and knows nothing of it.
    private mutating func seeUnknown(_ words: [String], _ line: String) throws {
        guard words.count == 2 else { throw Fault(description: line) }
        let name = ServiceName(words[1])
        known[name, default: ServiceSnapshot(service: name)].router = nil
        known[name]?.isUnknownToRouter = true
        turn(nil)
    }

    /// `look pass`: the oldest look that is under way gets its answer; `last`: inconclusive, and no later one can say
    /// more.
    private mutating func answer(_ words: [String], _ line: String) throws {
        let verdicts: [String: Verdict] = [
            "pass": .pass, "fail": .fail, "inconclusive": .inconclusive, "error": .error, "last": .inconclusive,
        ]
        guard words.count > 1, let verdict = verdicts[words[1]], !asked.isEmpty else { throw Fault(description: line) }
        let look = asked.removeFirst()
        let text = words.count > 2 ? words.dropFirst(2).joined(separator: " ") : "as asked"
        let service = look.key.service
        known[service, default: ServiceSnapshot(service: service)].looks = [
            LookView(
                run: look.key.run, look: look.key.look,
                result: LookResult(verdict, Evidence(text), isLast: words[1] == "last"))
        ]
        turn(nil)
    }

    /// `migration web running`: what is known of the last one that was started; `unseen`: nothing.
    private mutating func seeMigration(_ words: [String], _ line: String) throws {
        guard words.count > 2, let key = migrating else { throw Fault(description: line) }
        let name = ServiceName(words[1])
        let states: [String: MigrationState] = [
            "starting": .starting, "running": .running, "lost": .lost("nobody saw how it ended"),
        ]
        var views: [MigrationView] = []
        if words[2] == "exited", words.count > 3, let code = Int32(words[3]) {
            views.append(
                MigrationView(
                    deployment: key.deployment, attempt: key.attempt, state: .exited(code),
                    lines: code == 0 ? [] : ["column exists"]))
        } else if let state = states[words[2]] {
            views.append(MigrationView(deployment: key.deployment, attempt: key.attempt, state: state))
        } else if words[2] != "unseen" {
            throw Fault(description: line)
        }
        known[name, default: ServiceSnapshot(service: name)].migrations = views
        turn(nil)
    }

    // MARK: What comes of it

    private mutating func turn(_ command: EnvironmentCommand?, by: String = "ann") {
        var commands: [AddressedCommand] = []
        if let command {
            commands.append(
                AddressedCommand(environment: id, envelope: CommandEnvelope(id: 1, by: by, command: command)))
        }
        // As long as something is due at once, the loop turns again.
        for _ in 0..<20 {
            let services = known.values.sorted { $0.service < $1.service }
            let turn = loop.turn([EnvironmentSnapshot(id: id, services: services)], commands, now: now)
            commands = []
            journal.append(turn.entries)
            tell(turn)
            guard turn.wake == .zero else { break }
        }
        state()
    }

    private mutating func tell(_ turn: Turn) {
        for answer in turn.answers {
            switch answer.outcome {
            case .accepted(let number): say("answer: accepted\(number.map { " \($0)" } ?? "")")
            case .nothingToDo(let text): say("answer: nothing to do, \(text)")
            case .refused(let refusal): say("answer: refused (\(refusal.code.rawValue)), \(refusal.message)")
            }
        }
        for entry in turn.entries {
            guard entry.kind == .event else { continue }
            do {
                say("event: " + text(try Event(recorded: entry.body, known: Event.version)))
            } catch { say("event that cannot be read: \(error)") }
        }
        let kinds = turn.entries.filter { $0.kind != .event }.map { "\($0.kind)\($0.key.isEmpty ? "" : " \($0.key)")" }
        if !kinds.isEmpty { say("written: " + kinds.joined(separator: ", ")) }
        for effect in turn.effects { tell(effect) }
    }

    private mutating func tell(_ effect: Effect) {
        switch effect {
        case .run(let wish):
            wishes[wish.service] = wish
            let sets = wish.sets.map { "@\($0.release)×\($0.count)" }.joined(separator: " ")
            say("run \(wish.service): \(sets.isEmpty ? "nothing" : sets)")
        case .route(let wish):
            tables[wish.service] = wish
            let targets = wish.targets.map { target -> String in
                let instances = target.backends.map { "\($0.instance.value)" }.joined(separator: ",")
                return "@\(target.release) \(target.weight) on \(instances)"
            }
            let parts = targets + (wish.hold == nil ? [] : ["hold"])
            say("route \(wish.service): \(parts.isEmpty ? "nothing" : parts.joined(separator: ", "))")
        case .forget(let wish): say("forget \(wish.service)")
        case .letGo(_, let service, let ids):
            say("let go \(service): \(ids.map { "\($0.value)" }.joined(separator: ","))")
        case .look(let look):
            asked.append(look)
            say("look \(look.key.look) of gate \(look.gate.name) at \(look.key.service)@\(look.release)")
        case .mark(let look): say("mark evidence of gate \(look.gate.name)")
        case .migrate(let order):
            migrating = order.key
            say("migration \(order.key.attempt) of \(order.key.service)@\(order.release): \(order.action)")
        }
    }

    private mutating func state() {
        for environment in loop.environments {
            for state in environment.services {
                guard let rollout = state.rollout else {
                    let stable = state.stable.map { "@\($0.number)" } ?? "nothing"
                    let watch = state.watch.map { ", \($0.phase.word)" } ?? ""
                    say("= \(state.service) \(state.isDown ? "is down" : "stands at \(stable)")\(watch)")
                    continue
                }
                let stage = rollout.currentStage.map { ", \($0.text)" } ?? ""
                say(
                    "= \(state.service)@\(rollout.to.number) \(rollout.phase.word)\(rollout.phase == .advancing ? stage : "")"
                )
            }
        }
    }

    private mutating func say(_ text: String) { output.append("    " + text.replacing("\n", with: " / ")) }

    private func text(_ event: Event) -> String {
        var words = ["\(event.kind)"]
        if let deployment = event.deployment { words.append("\(deployment)") }
        if let service = event.service { words.append("\(service)\(event.release.map { "@\($0)" } ?? "")") }
        if event.number != 0 { words.append("\(event.number)") }
        if !event.text.isEmpty { words.append("“\(event.text)”") }
        return words.joined(separator: " ")
    }

    // MARK: Orders

    /// `deploy web canary(25% gate:smoke 50% hold:10s hold) x2 + api rolling x1`: services after a `+` are in a later
    /// wave; those after a `-` are taken down for good. `kept` behind a strategy: a failure is held for inspection;
    /// `watches:smoke`: a gate in the background. `watch:10m,health,hold` looks after it once it is promoted.
    /// `schema:7` and `schema:7,compatible` are marks, `accept` goes across them. `x2..6` scales by requests, 100/s an
    /// instance.
    private mutating func order(_ words: [String], _ line: String) throws -> EnvironmentCommand {
        var items: [OrderItem] = []
        let isBack = words[0] == "rollback"
        let rest = line.dropFirst(words[0].count)
        // A dash between spaces, since names may have dashes of their own.
        let removals = words.firstIndex(of: "-").map { words[($0 + 1)...].map { ServiceName($0) } } ?? []
        let asked = removals.isEmpty ? rest : rest.prefix(upTo: rest.lastIndex(of: "-") ?? rest.endIndex)
        for (wave, part) in asked.split(separator: "+").enumerated() where !part.allSatisfy({ $0 == " " }) {
            items.append(try item(String(part), wave, isBack))
        }
        return .deploy(
            DeployOrder(
                kind: isBack ? .rollback : .deploy, reason: "", items: items, removals: removals,
                accept: words.contains("accept")))
    }

    private mutating func item(_ text: String, _ wave: Int, _ isBack: Bool) throws -> OrderItem {
        var rest = text
        while rest.hasPrefix(" ") { rest.removeFirst() }
        guard let space = rest.firstIndex(of: " ") else { throw Fault(description: text) }
        let name = ServiceName(String(rest[..<space]))
        rest = String(rest[rest.index(after: space)...])
        let counts = rest.split(separator: " ").last { $0.hasPrefix("x") }?.dropFirst().split(separator: ".") ?? []
        let count = counts.first.flatMap { Int($0) } ?? 1
        let scale = counts.count < 2 ? nil : counts.last.flatMap { Int($0) }.map { Self.scale(count, $0) }
        let number = rest.split(separator: " ").last { $0.hasPrefix("@") }.flatMap { Int($0.dropFirst()) } ?? 0
        var gates: [GateSpec] = []
        let strategy = try Self.strategy(rest, &gates)
        if !isBack { built += 1 }
        let digest = isBack ? UInt64(number) : built
        let facts = ReleaseFacts(
            number: ReleaseNumber(number), digest: ContentDigest(words: (digest, 0, 0, 0)), replicas: count,
            isRouted: true, drain: .seconds(10), scale: scale, migration: Self.migration(rest, &gates))
        return OrderItem(
            service: name, wave: wave, release: isBack ? .existing(facts) : .new(facts: facts, parts: []),
            strategy: strategy, gates: gates)
    }

    private static func migration(_ text: String, _ gates: inout [GateSpec]) -> MigrationFacts? {
        guard let word = text.split(separator: " ").first(where: { $0.hasPrefix("schema:") }) else { return nil }
        let parts = word.dropFirst(7).split(separator: ",")
        var facts = MigrationFacts(schema: String(parts[0]), isCompatible: parts.contains("compatible"))
        facts.timeout = .minutes(1)
        if parts.contains("gated") {
            facts.gate = GateName("alive")
            gates.append(GateSpec(name: GateName("alive"), question: .health, schedule: GateSchedule(errorLimit: 0)))
        }
        return facts
    }

    private static func scale(_ least: Int, _ most: Int) -> ScaleSpec {
        ScaleSpec(min: least, max: most, targets: [ScaleTarget(metric: .requests, perInstance: 100_000)])
    }

    private static func add(_ name: GateName, to gates: inout [GateSpec]) {
        guard !gates.contains(where: { $0.name == name }) else { return }
        let question: GateQuestion =
            switch name.text {
            case "command": .command(CommandSpec(command: ["./check"]))
            case "approval": .approval(ApprovalSpec(by: .other, within: .hours(4)))
            case "errors": .threshold(ThresholdSpec(errorRate: 10_000))
            case "better": .analysis(AnalysisSpec(errors: .absolute(5_000)))
            case "fresh": .analysis(AnalysisSpec(errors: .absolute(5_000), baseline: .fresh))
            case _: .health
            }
        var schedule = GateSchedule(errorLimit: 0)
        if name.text == "dry" { schedule.isDryRun = true }
        if name.text == "thrice" { schedule = GateSchedule(failureLimit: 2, errorLimit: 0, successLimit: 3) }
        if question.needsSplit {
            schedule.interval = AnalysisSpec.standardInterval
            schedule.patience = .minutes(1)
        }
        gates.append(GateSpec(name: name, question: question, schedule: schedule))
    }

    private static func watch(_ text: String, _ gates: inout [GateSpec]) -> WatchSpec? {
        guard let word = text.split(separator: " ").first(where: { $0.hasPrefix("watch:") }) else { return nil }
        let parts = word.dropFirst(6).split(separator: ",").map(String.init)
        guard let first = parts.first, let span = Span(parsing: first) else { return nil }
        let names = parts.dropFirst().filter { $0 != "hold" }.map { GateName($0) }
        for name in names { add(name, to: &gates) }
        return WatchSpec(span: span, gates: names, onFailure: parts.contains("hold") ? .hold : .revert)
    }

    private static func strategy(_ text: String, _ gates: inout [GateSpec]) throws -> StrategySpec {
        var steps: [String] = []
        if let open = text.firstIndex(of: "("), let close = text.firstIndex(of: ")") {
            steps = text[text.index(after: open)..<close].split(separator: " ").map(String.init)
        }
        let watched = text.split(separator: " ").filter { $0.hasPrefix("watches:") }
            .map { GateName(String($0.dropFirst(8))) }
        let inLine = steps.filter { $0.hasPrefix("gate:") }.map { GateName(String($0.dropFirst(5))) }
        for name in inLine + watched { add(name, to: &gates) }
        let kind: StrategyKind
        switch text.prefix(while: { $0 != " " && $0 != "(" }) {
        case "rolling": kind = .rolling(RollingSpec(gates: inLine))
        case "blueGreen":
            kind = .blueGreen(BlueGreenSpec(before: inLine, autoPromote: !steps.contains("hold")))
        case "canary": kind = .canary(CanarySpec(steps: steps.compactMap(Self.step)))
        case "recreate": kind = .recreate(RecreateSpec(gates: inLine))
        case _: throw Fault(description: "which strategy? \(text)")
        }
        let keeps = text.split(separator: " ").contains("kept")
        return StrategySpec(
            kind: kind, background: watched, progressDeadline: .minutes(5), scaleDownDelay: .seconds(30),
            onFailure: keeps ? .hold : .revert, watch: watch(text, &gates))
    }

    private static func step(_ word: String) -> CanaryStep? {
        if word == "hold" { return .holdUntilPromoted }
        if word.hasPrefix("hold:") { return Span(parsing: String(word.dropFirst(5))).map(CanaryStep.hold) }
        if word.hasPrefix("gate:") { return .gate(GateName(String(word.dropFirst(5)))) }
        guard word.hasSuffix("%"), let percent = Int(word.dropLast()) else { return nil }
        return .weight(Weight(clamping: percent))
    }
}
