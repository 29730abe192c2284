import Foundation
import Glibc
import Testing

/// A running crash probe, or any other program. Its output goes to a file, which the test polls.
final class ProbeProcess {
    private let process = Process()
    private let output: String
    private let input = Pipe()

    /// - Parameter before: a program with arguments that runs the probe: `strace`, say.
    init(_ arguments: [String], output: String, before: [String] = []) throws {
        self.output = output
        try Data().write(to: URL(fileURLWithPath: output))
        let command = before + [try Self.probe()] + arguments
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.standardInput = input
        process.standardOutput = FileHandle(forWritingAtPath: output)
        try process.run()
    }

    var pid: Int32 { process.processIdentifier }

    /// Complete lines so far.
    func lines() throws -> [String] {
        let text = try String(contentsOfFile: output, encoding: .utf8)
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    func kill() { Glibc.kill(pid, SIGKILL) }

    /// Waits for the end and gives the exit code.
    func end(within seconds: Double = 60) async throws -> Int32 {
        let ended = try await eventually(within: seconds) { !process.isRunning }
        if !ended { kill() }
        #expect(ended, "the probe did not end")
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// Lets a holding probe end.
    func closeInput() throws { try input.fileHandleForWriting.close() }

    /// The probe lies beside the test's own executable.
    private static func probe() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("journal-crash-probe")
            .path
        try #require(FileManager.default.isExecutableFile(atPath: path), "no probe at \(path)")
        return path
    }
}
