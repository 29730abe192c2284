import Dispatch
import Glibc
import Testing

/// A Python program of the test's own that serves something, and prints its port on the first line of its output.
final class ScriptServer: Sendable {
    static let python = "/usr/bin/python3"

    let port: Int
    private let pid: pid_t
    private let output: Int32

    /// Starts it and waits for its port: on a thread of Dispatch's, since other tests need those of the pool.
    static func start(_ script: String, _ arguments: [String] = []) async throws -> ScriptServer {
        let result: Result<ScriptServer, any Error> = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: Result { try ScriptServer([python, "-c", script] + arguments) })
            }
        }
        return try result.get()
    }

    private init(_ words: [String]) throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addclose(&actions, ends[0])
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Threads of Dispatch's let no signal through, and a child inherits that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var strings = words.map { strdup($0) } + [nil]
        defer { for string in strings { free(string) } }
        var child: pid_t = 0
        let failure = posix_spawn(&child, words[0], &actions, &attributes, &strings, environ)
        close(ends[1])
        try #require(failure == 0, "\(words[0]) does not start: \(failure)")
        pid = child
        output = ends[0]
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(output, &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
        port = try #require(Int(String(decoding: line, as: UTF8.self)), "no port was printed")
    }

    /// Ends it; what it started itself it ends by its own means.
    func stop() {
        kill(pid, SIGTERM)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        close(output)
    }
}

/// A file with a text, in a place of the test's own.
func scratchFile(_ text: String) -> String {
    var name = Array("/tmp/slipway-metrics-XXXXXX".utf8CString)
    let descriptor = mkstemp(&name)
    _ = text.withCString { write(descriptor, $0, strlen($0)) }
    close(descriptor)
    return String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
