import ArgumentParser
import FoundationEssentials
import Glibc
import Ports
import SecureShell
import SupervisorAPI

/// Runs a command's body; trouble becomes `error:` and `hint:` on standard error, and an honest exit code.
/// - Parameter output: with `json` the trouble is also the one document on standard output.
func reportingErrors(_ output: OutputFormat = .text, _ body: () async throws -> Int32) async throws {
    let code: Int32
    do { code = try await body() } catch { throw try reported(error, output) }
    if code != 0 { throw ExitCode(code) }
}

/// Says what went wrong.
/// - Returns: the exit code that goes with it.
func reported(_ error: any Error, _ output: OutputFormat = .text) throws -> ExitCode {
    if let code = error as? ExitCode { return code }
    let trouble = told(error)
    tell(trouble.message, hint: trouble.hint)
    if output == .json {
        try printJSONLine(
            CommandReply(outcome: "failed", message: trouble.message, hint: trouble.hint, code: trouble.code))
    }
    return ExitCode(trouble.isUsage ? 2 : 1)
}

/// Any error in the words of one.
private func told(_ error: any Error) -> SupervisorError {
    switch error {
    case let error as SupervisorError: error
    case let error as PortError:
        SupervisorError(code: "\(error.code)", message: error.message, hint: error.hint)
    case let error as SecureShellError: SupervisorError(code: "ssh", message: error.message, hint: error.hint)
    case let error as ManifestFileError: SupervisorError(code: "manifest", message: error.message, hint: error.hint)
    case _: SupervisorError(code: "error", message: "\(error)")
    }
}

private func tell(_ message: String, hint: String) {
    // A cause may bring lines of a log.
    let lines = message.split(separator: "\n", omittingEmptySubsequences: false).map { harmless(String($0)) }
    note("error: \(lines.joined(separator: "\n"))")
    if !hint.isEmpty { note("hint: \(hint)") }
}

/// Something that was asked for and makes no sense: exit code 2.
func usageError(_ message: String, hint: String = "") -> SupervisorError {
    SupervisorError(code: "usage", message: message, hint: hint)
}

extension SupervisorError {
    fileprivate var isUsage: Bool { code == "usage" || code == "manifest" || code == "diagnostics" }
}

/// One line of JSON on standard output, of a stream of them.
func printJSONLine(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
    fflush(nil)
}

/// One JSON document on standard output.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
}

extension CommandReply {
    /// What is worth knowing of a deployment that was accepted.
    func tellNotes(_ output: OutputFormat) {
        guard output == .text, !message.isEmpty else { return }
        for line in message.split(separator: "\n") { note("note: \(harmless(String(line)))") }
    }

    /// Says what came of a request that starts nothing to follow.
    func conclude(_ output: OutputFormat, done: String) throws -> Int32 {
        if output == .json { try printJSON(self) }
        switch outcome {
        case "accepted":
            if output == .text { print(done) }
            return 0
        case "nothing":
            if output == .text { print(message) }
            return 0
        case _:
            if output == .text {
                tell(message, hint: hint)
            }
            return 1
        }
    }
}
