import Asking
import Domain
import Ports

/// A program that prints a number, or JSON; then a question is a JSON path to a number in it, or to a list of numbers.
///
/// It gets an argument list, no shell, `PATH` and the variables that its source declares, and a session of its own, so
/// that at the end of its time all of it can be stopped.
struct ProgramSource: Sendable {
    /// What is read of its output, in bytes.
    static let outputLimit = 1 << 20

    func answer(_ spec: CommandSpec, _ question: MetricQuestion) async -> MetricAnswer {
        guard let name = spec.command.first, !name.isEmpty else { return .trouble("it names no program") }
        var env = ["PATH": ProgramRun.standardSearchPath]
        for variable in spec.env { env[variable.name] = variable.value }
        let place = "/"
        let search = ProgramSearch(directory: place, path: env["PATH"] ?? ProgramRun.standardSearchPath)
        let program: String
        switch search.find(name) {
        case .found(let path): program = path
        case .missing(let words): return .trouble("could not be run: \(words)")
        }
        let run = ProgramRun(
            program: program, arguments: spec.command, env: env, directory: place,
            limit: .milliseconds(question.limit.milliseconds))
        let outcome = await run.run(reading: Self.outputLimit)
        switch outcome.end {
        case .exited(0): return Self.read(outcome.output, question.query)
        case .exited(let code):
            return .trouble("exit code \(code)" + (outcome.lines.last.map { ": \($0)" } ?? ""))
        case .signalled(let signal): return .trouble("ended by signal \(signal)")
        case .timedOut: return .trouble("not done in \(question.limit), stopped")
        case .tooMuch: return .trouble("it printed more than \(Self.outputLimit >> 20) MiB, stopped")
        case .notStarted(let words): return .trouble("could not be run: \(words)")
        }
    }

    private static func read(_ output: [UInt8], _ path: String) -> MetricAnswer {
        let text = String(decoding: output, as: UTF8.self).split { $0.isWhitespace }.joined(separator: " ")
        if text.isEmpty { return .trouble("it printed nothing") }
        // `NaN` and `inf` are numbers, and no JSON.
        if path.isEmpty, let number = Double(text) {
            return .series([MetricSeries(labels: "its number", values: [number])])
        }
        guard let document = JSONValue(parsing: output) else {
            return .trouble("it printed neither a number nor JSON: \(text.prefix(100))")
        }
        return document.numbers(at: path)
    }
}
