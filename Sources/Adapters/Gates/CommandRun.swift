import Glibc
import Subprocess
import Synchronization

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// One run of a gate's program.
struct CommandRun: Sendable {
    enum End: Hashable, Sendable {
        case exited(Int32)
        case signalled(Int32)
        case timedOut
        case notStarted(String)
    }

    struct Outcome: Sendable {
        var end: End
        /// The last lines of what it wrote, oldest first.
        var lines: [String]
    }

    let program: String
    let arguments: [String]
    let env: [String: String]
    let directory: String
    let grace: Duration
    let limit: Duration

    func run() async -> Outcome {
        let tail = OutputTail()
        let end = await withTaskGroup(of: End?.self) { group in
            group.addTask { await self.execute(tail) }
            group.addTask {
                do {
                    try await ContinuousClock().sleep(for: limit)
                    return .timedOut
                } catch {
                    return nil
                }
            }
            let first = await group.next() ?? nil
            // Cancelling stops the program; the group waits until it is gone.
            group.cancelAll()
            return first
        }
        return Outcome(end: end ?? .notStarted("the look was cancelled"), lines: tail.lines)
    }

    private func execute(_ tail: OutputTail) async -> End {
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: grace)
        ]
        var keys: [Environment.Key: String] = [:]
        for (name, value) in env {
            guard let key = Environment.Key(rawValue: name) else { continue }
            keys[key] = value
        }
        let pid = Mutex<pid_t>(0)
        // What it leaves in the background ends with it: the session is its own, and its number is not given to others
        // as long as anything of it lives.
        defer { pid.withLock { if $0 > 1 { _ = kill(-$0, SIGKILL) } } }
        do {
            let result = try await Subprocess.run(
                .path(FilePath(program)), arguments: Arguments(Array(arguments.dropFirst())),
                environment: .custom(keys), workingDirectory: FilePath(directory), platformOptions: options,
                input: .none, output: .sequence, error: .combinedWithOutput
            ) { execution in
                pid.withLock { $0 = execution.processIdentifier.value }
                for try await part in execution.standardOutput { part.withUnsafeBytes { tail.append($0) } }
            }
            switch result.terminationStatus {
            case .exited(let code): return .exited(code)
            case .signaled(let signal): return .signalled(signal)
            }
        } catch {
            return .notStarted("\(error)".printable.bounded(to: 300))
        }
    }
}

/// The end of what a program wrote, bounded.
final class OutputTail: Sendable {
    static let lineLimit = 10
    static let byteLimit = 4096

    private let kept = Mutex<[UInt8]>([])

    func append(_ bytes: UnsafeRawBufferPointer) {
        kept.withLock { kept in
            kept += bytes.suffix(Self.byteLimit)
            // A little more than is shown, so that it is not cut anew with every part.
            if kept.count > 4 * Self.byteLimit { kept.removeFirst(kept.count - Self.byteLimit) }
        }
    }

    /// At most ten lines and 4 KiB, oldest first; without control characters.
    var lines: [String] {
        let bytes = kept.withLock { Array($0.suffix(Self.byteLimit)) }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
        return lines.suffix(Self.lineLimit).map { String(decoding: $0, as: UTF8.self).printable }
    }
}
