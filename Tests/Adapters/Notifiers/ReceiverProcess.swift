import Dispatch
import Glibc
import Testing

/// A server of the test's own, in Python, that prints its port on its first line and what it received on the others.
final class ReceiverProcess: Sendable {
    static let program = "/usr/bin/python3"

    let port: Int
    private let pid: pid_t
    private let output: Int32

    static func start(_ source: String, _ arguments: [String] = []) async throws -> ReceiverProcess {
        let result: Result<ReceiverProcess, any Error> = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: Result { try ReceiverProcess([program, "-c", source] + arguments) })
            }
        }
        return try result.get()
    }

    private init(_ arguments: [String]) throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var strings = arguments.map { strdup($0) } + [nil]
        defer { for string in strings { free(string) } }
        var child: pid_t = 0
        let failure = posix_spawn(&child, arguments[0], &actions, nil, &strings, environ)
        close(ends[1])
        try #require(failure == 0, "\(arguments[0]) does not start: \(failure)")
        pid = child
        output = ends[0]
        port = try #require(Int(Self.line(output)), "no port was printed")
    }

    /// The next line that it prints; waits for it.
    func next() async -> String {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { [output] in continuation.resume(returning: Self.line(output)) }
        }
    }

    private static func line(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while read(descriptor, &byte, 1) == 1, byte != 10 { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }

    func stop() {
        kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        close(output)
    }
}
