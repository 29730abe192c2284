import Asking
package import Domain
import Glibc
package import Ports

/// A program that judges: 0 passes, 75 (EX_TEMPFAIL) is inconclusive, 126 and 127, a signal and a time-out are errors,
/// and anything else fails.
///
/// It gets an argument list, no shell, and exactly the environment that is documented in `docs/reference/gates.md`; a
/// session of its own, so that at the end of its time all of it can be stopped.
package struct CommandGate: Sendable {
    private let directory: @Sendable (LookRequest) async throws -> String
    private let searchPath: String
    /// From TERM to KILL, when its time is over.
    private let grace: Duration

    /// - Parameters:
    ///   - searchPath: `PATH`, unless the gate declares one.
    ///   - directory: Where the program runs, absolute; a program with a slash is looked for from there.
    package init(
        searchPath: String? = nil, grace: Duration = .seconds(1),
        directory: @escaping @Sendable (LookRequest) async throws -> String
    ) {
        self.searchPath = searchPath ?? ProgramRun.standardSearchPath
        self.grace = grace
        self.directory = directory
    }

    package func look(_ spec: CommandSpec, _ request: LookRequest) async -> LookResult {
        let asked = spec.command.joined(separator: " ").printable.bounded(to: 200)
        guard let name = spec.command.first, !name.isEmpty else {
            return LookResult(.error, Evidence("the gate \(request.gate.name) names no program"))
        }
        let place: String
        do {
            place = try await directory(request)
        } catch {
            return Self.error(asked, "its directory is not there: \(error)".printable.bounded(to: 500))
        }
        let env = environment(spec, request)
        let program: String
        switch ProgramSearch(directory: place, path: env["PATH"] ?? searchPath).find(name) {
        case .found(let path): program = path
        case .missing(let words): return Self.error(asked, words)
        }
        let run = ProgramRun(
            program: program, arguments: spec.command, env: env, directory: place,
            limit: .milliseconds(request.gate.schedule.timeout.milliseconds), grace: grace)
        return Self.result(asked, await run.run(), request)
    }

    private func environment(_ spec: CommandSpec, _ request: LookRequest) -> [String: String] {
        var env = ["PATH": searchPath]
        for variable in spec.env { env[variable.name] = variable.value }
        env["SLIPWAY_SERVICE"] = request.release.service.text
        env["SLIPWAY_RELEASE"] = request.release.number.description
        env["SLIPWAY_ENVIRONMENT"] = request.release.environment.name
        if let stable = request.stable { env["SLIPWAY_STABLE"] = stable.number.description }
        let urls = request.instances.sorted { $0.id < $1.id }.compactMap { instance -> String? in
            guard case .address(let host, let port) = instance.backend else { return nil }
            return "http://\(host.contains(":") ? "[\(host)]" : host):\(port)"
        }
        env["SLIPWAY_INSTANCE_URLS"] = urls.joined(separator: ",")
        return env
    }

    private static func result(_ asked: String, _ outcome: ProgramRun.Outcome, _ request: LookRequest) -> LookResult {
        let lines = outcome.lines
        let verdict: Verdict
        var got: String
        switch outcome.end {
        case .exited(0): (verdict, got) = (.pass, "exit code 0")
        case .exited(75): (verdict, got) = (.inconclusive, "exit code 75 (inconclusive)")
        case .exited(126): (verdict, got) = (.error, "exit code 126 (a program could not be run)")
        case .exited(127): (verdict, got) = (.error, "exit code 127 (a program was not found)")
        case .exited(let code): (verdict, got) = (.fail, "exit code \(code)")
        case .signalled(let signal): (verdict, got) = (.error, "ended by \(signalName(signal))")
        case .timedOut: (verdict, got) = (.error, "not done in \(request.gate.schedule.timeout), stopped")
        // Both outputs end in their last lines, however much comes.
        case .tooMuch: (verdict, got) = (.error, "it printed too much")
        case .notStarted(let words): (verdict, got) = (.error, "could not be started: \(words)")
        }
        let summary = lines.last.map { "\(asked): \(got): \($0.bounded(to: 300))" } ?? "\(asked): \(got)"
        if !lines.isEmpty { got += "\n" + lines.joined(separator: "\n") }
        let finding = Finding(asked: asked, got: got, wanted: "exit code 0", verdict: verdict)
        return LookResult(verdict, Evidence(summary, findings: [finding]))
    }

    private static func error(_ asked: String, _ words: String) -> LookResult {
        let finding = Finding(asked: asked, got: words, wanted: "exit code 0", verdict: .error)
        return LookResult(.error, Evidence("\(asked): \(words)", findings: [finding]))
    }

    private static func signalName(_ number: Int32) -> String {
        let names: [Int32: String] = [
            SIGHUP: "HUP", SIGINT: "INT", SIGQUIT: "QUIT", SIGILL: "ILL", SIGABRT: "ABRT", SIGFPE: "FPE",
            SIGKILL: "KILL", SIGSEGV: "SEGV", SIGPIPE: "PIPE", SIGALRM: "ALRM", SIGTERM: "TERM", SIGBUS: "BUS",
            SIGXCPU: "XCPU", SIGXFSZ: "XFSZ",
        ]
        return names[number].map { "SIG\($0)" } ?? "signal \(number)"
    }
}
