import Domain
import Glibc
import Subprocess
import Synchronization

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// One run of a program that answers a question: no shell, an environment of its own, and a session of its own, so that
/// at the end of its time all of it can be stopped.
package struct ProgramRun: Sendable {
    /// Absolute.
    package let program: String
    /// The first is the program as it was named.
    package let arguments: [String]
    /// All that it gets.
    package let env: [String: String]
    /// Absolute.
    package let directory: String
    package let limit: Duration
    /// From TERM to KILL, when its time is over.
    package let grace: Duration
    /// What it reads from standard input; at most `inputLimit` bytes.
    package let input: [UInt8]

    /// What a pipe holds without anybody who reads.
    package static let inputLimit = 4096

    /// Where programs without a slash are looked for, unless somebody says otherwise.
    package static let standardSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    package init(
        program: String, arguments: [String], env: [String: String], directory: String, limit: Duration,
        grace: Duration = .seconds(1), input: [UInt8] = []
    ) {
        self.program = program
        self.arguments = arguments
        self.env = env
        self.directory = directory
        self.limit = limit
        self.grace = grace
        self.input = input
    }

    /// How a run ended.
    package enum End: Hashable, Sendable {
        case exited(Int32)
        case signalled(Int32)
        case timedOut
        /// It printed more than was to be read, and was stopped.
        case tooMuch
        case notStarted(String)
    }

    /// What became of a run.
    package struct Outcome: Sendable {
        package var end: End
        /// The last lines of what it wrote, oldest first; of standard error alone where its output is read apart.
        package var lines: [String]
        /// Standard output, where it is read apart.
        package var output: [UInt8]
    }

    /// Runs it; what it prints to both its outputs ends in `lines`.
    package func run() async -> Outcome {
        let tail = OutputTail()
        let end = await ended { await self.execute(tail) }
        return Outcome(end: end, lines: tail.lines, output: [])
    }

    /// Runs it, and keeps what it prints to standard output.
    /// - Parameter limit: in bytes; more is not read.
    package func run(reading limit: Int) async -> Outcome {
        let tail = OutputTail()
        let kept = Mutex<[UInt8]>([])
        let end = await ended { [self] in
            await execute(tail) { part in
                kept.withLock { kept in
                    kept += part
                    return kept.count <= limit
                }
            }
        }
        return Outcome(end: end, lines: tail.lines, output: kept.withLock { $0 })
    }

    private func ended(_ body: @escaping @Sendable () async -> End) async -> End {
        // Cancelling stops the program; the race waits until it is gone.
        await TimeLimit(limit).race(body)
            .answer(orLate: .timedOut, orCancelled: .notStarted("nobody waits for it any more"))
    }

    // MARK: The process

    private func execute(_ tail: OutputTail) async -> End {
        await watched { pid, input in
            let result = try await Subprocess.run(
                .path(FilePath(program)), arguments: Arguments(Array(arguments.dropFirst())),
                environment: .custom(keys), workingDirectory: FilePath(directory), platformOptions: options,
                input: .fileDescriptor(input, closeAfterSpawningProcess: false), output: .sequence,
                error: .combinedWithOutput
            ) { execution in
                pid.note(execution.processIdentifier.value)
                for try await part in execution.standardOutput { part.withUnsafeBytes { tail.append($0) } }
            }
            return result.terminationStatus
        }
    }

    /// - Parameter take: what was printed; false: that is enough.
    private func execute(
        _ tail: OutputTail, _ take: @escaping @Sendable (UnsafeRawBufferPointer) -> Bool
    ) async -> End {
        await watched { pid, input in
            let result = try await Subprocess.run(
                .path(FilePath(program)), arguments: Arguments(Array(arguments.dropFirst())),
                environment: .custom(keys), workingDirectory: FilePath(directory), platformOptions: options,
                input: .fileDescriptor(input, closeAfterSpawningProcess: false), output: .sequence, error: .sequence
            ) { execution in
                pid.note(execution.processIdentifier.value)
                let (output, errors) = (execution.standardOutput, execution.standardError)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for try await part in output where !part.withUnsafeBytes(take) {
                            pid.stop()
                            return
                        }
                    }
                    group.addTask {
                        for try await part in errors { part.withUnsafeBytes { tail.append($0) } }
                    }
                    try await group.waitForAll()
                }
            }
            return result.terminationStatus
        }
    }

    private func watched(_ body: (RunningSession, FileDescriptor) async throws -> TerminationStatus) async -> End {
        let standardInput: FileDescriptor
        do { standardInput = try openInput() } catch { return .notStarted("no standard input: \(error)") }
        defer { _ = Glibc.close(standardInput.rawValue) }
        let session = RunningSession()
        // What it leaves in the background ends with it: the session is its own, and its number is not given to others
        // as long as anything of it lives.
        defer { session.kill() }
        do {
            switch try await body(session, standardInput) {
            case .exited(let code): return session.isStopped ? .tooMuch : .exited(code)
            case .signaled(let signal): return session.isStopped ? .tooMuch : .signalled(signal)
            }
        } catch {
            return .notStarted("\(error)".printable.bounded(to: 300))
        }
    }

    /// What it reads, in a pipe before it begins: a program that does not read it does no harm.
    private func openInput() throws -> FileDescriptor {
        guard !input.isEmpty else { return try FileDescriptor.open("/dev/null", .readOnly, options: .closeOnExec) }
        guard input.count <= Self.inputLimit else { throw Errno.messageTooLong }
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Errno(rawValue: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let written = Glibc.write(ends[1], input, input.count)
        let cause = errno
        Glibc.close(ends[1])
        guard written == input.count else {
            Glibc.close(ends[0])
            throw Errno(rawValue: cause)
        }
        return FileDescriptor(rawValue: ends[0])
    }

    private var options: PlatformOptions {
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: grace)
        ]
        return options
    }

    private var keys: [Environment.Key: String] {
        var keys: [Environment.Key: String] = [:]
        for (name, value) in env {
            guard let key = Environment.Key(rawValue: name) else { continue }
            keys[key] = value
        }
        return keys
    }
}

/// The session that a program leads.
private final class RunningSession: Sendable {
    private let leader = Mutex<pid_t>(0)
    private let stopped = Mutex(false)

    /// It was stopped since it said more than was to be read.
    var isStopped: Bool { stopped.withLock { $0 } }

    func note(_ pid: pid_t) { leader.withLock { $0 = pid } }

    func stop() {
        stopped.withLock { $0 = true }
        kill()
    }

    func kill() { leader.withLock { if $0 > 1 { _ = Glibc.kill(-$0, SIGKILL) } } }
}
