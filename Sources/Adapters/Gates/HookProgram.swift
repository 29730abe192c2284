import Asking
package import Domain

/// Runs the program of a hook.
package struct HookProgram: Sendable {
    private let searchPath: String

    package init(searchPath: String? = nil) { self.searchPath = searchPath ?? ProgramRun.standardSearchPath }

    /// How a run ended.
    package struct End: Hashable, Sendable {
        /// -1: it has none.
        package var code: Int
        /// `exit code 3`, `not done in 30s, stopped`
        package var words: String
        /// The last lines of what it wrote, oldest first.
        package var lines: [String]
    }

    /// - Parameters:
    ///   - env: beside the hook's own; what it says here counts.
    ///   - directory: absolute.
    package func run(_ hook: HookSpec, env given: [String: String], directory: String) async -> End {
        var env = ["PATH": searchPath]
        for variable in hook.env { env[variable.name] = variable.value }
        env.merge(given) { $1 }
        let program: String
        switch ProgramSearch(directory: directory, path: env["PATH"] ?? searchPath).find(hook.command.first ?? "") {
        case .found(let path): program = path
        case .missing(let words): return End(code: -1, words: words, lines: [])
        }
        let outcome = await ProgramRun(
            program: program, arguments: hook.command, env: env, directory: directory,
            limit: .milliseconds(hook.timeout.milliseconds)
        ).run()
        switch outcome.end {
        case .exited(let code): return End(code: Int(code), words: "exit code \(code)", lines: outcome.lines)
        case .signalled(let signal): return End(code: -1, words: "ended by signal \(signal)", lines: outcome.lines)
        case .timedOut: return End(code: -1, words: "not done in \(hook.timeout), stopped", lines: outcome.lines)
        case .tooMuch: return End(code: -1, words: "it printed too much", lines: outcome.lines)
        case .notStarted(let words): return End(code: -1, words: "could not be started: \(words)", lines: [])
        }
    }
}
