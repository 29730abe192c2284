import Domain
import Glibc
import Ports
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// A program that prints a number, or JSON; then a question is a JSON path to a number in it, or to a list of numbers.
///
/// It gets an argument list, no shell, `PATH` and the variables that its source declares, and a session of its own, so
/// that at the end of its time all of it can be stopped.
struct ProgramSource: Sendable {
    private static let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    /// What is read of its output, in bytes.
    private static let outputLimit = 1 << 20
    private static let grace = Duration.seconds(1)

    func answer(_ spec: CommandSpec, _ question: MetricQuestion) async -> MetricAnswer {
        let limit = question.limit
        let answer = await withTaskGroup(of: MetricAnswer?.self) { group in
            group.addTask { await Self.run(spec, question.query) }
            group.addTask {
                do {
                    try await ContinuousClock().sleep(for: .milliseconds(limit.milliseconds))
                } catch {
                    // The answer came first.
                    return nil
                }
                return .trouble("not done in \(limit), stopped")
            }
            let first = await group.next() ?? nil
            // Cancelling stops the program; the group waits until it is gone.
            group.cancelAll()
            return first
        }
        return answer ?? .trouble("the look was cancelled")
    }

    private static func run(_ spec: CommandSpec, _ path: String) async -> MetricAnswer {
        guard let program = spec.command.first, !program.isEmpty else { return .trouble("it names no program") }
        var env: [Environment.Key: String] = ["PATH": searchPath]
        for variable in spec.env {
            guard let key = Environment.Key(rawValue: variable.name) else { continue }
            env[key] = variable.value
        }
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: grace)
        ]
        do {
            let result = try await Subprocess.run(
                program.contains("/") ? .path(FilePath(program)) : .name(program),
                arguments: Arguments(Array(spec.command.dropFirst())), environment: .custom(env),
                workingDirectory: FilePath("/"), platformOptions: options, input: .none,
                output: .bytes(limit: outputLimit), error: .string(limit: outputLimit))
            switch result.terminationStatus {
            case .exited(0): return read(result.standardOutput, path)
            case .exited(let code):
                let last = result.standardError.split(separator: "\n").last.map { ": \($0)" } ?? ""
                return .trouble("exit code \(code)\(last)")
            case .signaled(let signal): return .trouble("ended by signal \(signal)")
            }
        } catch {
            return .trouble("could not be run: \(error)")
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
