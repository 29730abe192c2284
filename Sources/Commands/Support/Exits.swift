import ArgumentParser
import FoundationEssentials
import SupervisorAPI

/// Runs a command's body; trouble becomes `error:` and `hint:` on standard error, and an honest exit code.
func reportingErrors(_ body: () async throws -> Int32) async throws {
    let code: Int32
    do {
        code = try await body()
    } catch let error as ExitCode {
        throw error
    } catch let error as SupervisorError {
        note("error: \(error.message)")
        if !error.hint.isEmpty { note("hint: \(error.hint)") }
        throw ExitCode(1)
    } catch {
        note("error: \(error)")
        throw ExitCode(1)
    }
    if code != 0 { throw ExitCode(code) }
}

/// One JSON document on standard output.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
}

extension CommandReply {
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
                note("error: \(message)")
                if !hint.isEmpty { note("hint: \(hint)") }
            }
            return 1
        }
    }
}
