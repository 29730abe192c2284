import Glibc

/// A server of a test's own, in a process of its own: it prints its port on the first line of its output, and perhaps
/// what it received on the others.
package final class ServerProcess: Sendable {
    /// What scripts are run by.
    package static let python = "/usr/bin/python3"

    package let port: Int
    private let pid: pid_t
    private let output: Int32

    /// Why a server is not there.
    package struct Trouble: Error, CustomStringConvertible {
        package var description: String
    }

    /// Clients that go away in the middle are what many tests are about: a server's trace of that says nothing.
    private static let quiet = """
        import socketserver as _servers, sys as _sys
        _told = _servers.BaseServer.handle_error
        def _handle_error(server, request, address):
            if not isinstance(_sys.exc_info()[1], ConnectionError): _told(server, request, address)
        _servers.BaseServer.handle_error = _handle_error

        """

    /// Starts a program in Python and waits for its port.
    package static func start(script: String, _ arguments: [String] = []) async throws -> ServerProcess {
        try await start([python, "-c", quiet + script] + arguments)
    }

    /// Starts a program and waits for its port, on a thread of its own: those of Dispatch are the pool that all tests
    /// run on, and a few servers that start slowly would hold all of them.
    /// - Parameter words: the program, absolute, and its arguments.
    package static func start(_ words: [String]) async throws -> ServerProcess {
        let result: Result<ServerProcess, any Error> = await withCheckedContinuation { continuation in
            OwnThread.run { continuation.resume(returning: Result { try ServerProcess(words) }) }
        }
        return try result.get()
    }

    private init(_ words: [String]) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Trouble(description: "no pipe: \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // A thread may let no signal through, and a child inherits that.
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
        guard failure == 0 else {
            close(ends[0])
            throw Trouble(description: "\(words[0]) does not start: \(failure)")
        }
        guard let port = Int(Self.line(ends[0])) else {
            Self.end(child, ends[0])
            throw Trouble(description: "\(words[0]) printed no port")
        }
        pid = child
        output = ends[0]
        self.port = port
    }

    /// The next line that it prints; waits for it.
    package func next() async -> String {
        await withCheckedContinuation { continuation in
            OwnThread.run { [output] in continuation.resume(returning: Self.line(output)) }
        }
    }

    private static func line(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while read(descriptor, &byte, 1) == 1, byte != UInt8(ascii: "\n") { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Ends it; what it started itself it ends by its own means, when it gets TERM.
    package func stop() { Self.end(pid, output) }

    private static func end(_ pid: pid_t, _ output: Int32) {
        kill(pid, SIGTERM)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        close(output)
    }
}
