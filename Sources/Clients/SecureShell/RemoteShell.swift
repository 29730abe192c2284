import Glibc

/// Commands on another machine, by the system's `ssh`. Its connection is kept for a minute, so that the next command
/// does not have to make one.
package struct RemoteShell: Sendable {
    package let address: RemoteAddress
    /// Private to this process; the outputs of commands lie here while they are read.
    let scratch: ScratchDirectory
    let program: String
    let arguments: SSHArguments

    /// What a command on the other side left.
    package struct Outcome: Hashable, Sendable {
        /// Of the command; 255 is ssh's own.
        package var code: Int32
        package var output: String
        package var errors: String
    }

    /// - Throws: `SecureShellError` when there is no `ssh` here.
    package init(_ address: RemoteAddress) throws(SecureShellError) {
        guard let program = ChildProcess.find("ssh") else {
            throw SecureShellError(
                trouble: .configuration, message: "there is no `ssh` on this machine",
                hint: "install it (Debian and Ubuntu: apt-get install openssh-client)")
        }
        self.address = address
        self.program = program
        scratch = try ScratchDirectory()
        arguments = SSHArguments(address: address, controlDirectory: ScratchDirectory.shared())
    }

    /// Runs a command and waits for its end.
    /// - Parameters:
    ///   - command: the words; no shell changes them.
    ///   - input: a file that becomes its standard input; nil: nothing.
    ///   - timeout: after that ssh is ended, and the command with it as soon as it writes or reads.
    /// - Throws: `SecureShellError` when ssh itself failed or the time is over. What the command's own exit code means
    ///   is for the caller.
    package func run(
        _ command: [String], input: String? = nil, timeout: Duration = .seconds(30)
    ) async throws -> Outcome {
        let place = scratch.next()
        let input = open(input ?? "/dev/null", O_RDONLY | O_CLOEXEC)
        let output = open(place + ".out", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        let errors = open(place + ".err", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        defer {
            for descriptor in [input, output, errors] where descriptor >= 0 { Glibc.close(descriptor) }
            unlink(place + ".out")
            unlink(place + ".err")
        }
        guard input >= 0, output >= 0, errors >= 0 else {
            throw SecureShellError(
                trouble: .other, message: "cannot open files for ssh: \(String(cString: strerror(errno)))",
                hint: "is \(scratch.path) writable, and is there room?")
        }
        let child = try ChildProcess.start(
            program, arguments.run(command), descriptors: [input, output, errors])
        let deadline = ContinuousClock.now + timeout
        var code = child.exitCode()
        while code == nil {
            do { try await Task.sleep(for: .milliseconds(5)) } catch {
                child.kill()
                throw error
            }
            code = child.exitCode()
            if code == nil, ContinuousClock.now > deadline {
                child.kill()
                throw SecureShellError(address, said: "no answer within \(timeout): timed out")
            }
        }
        let outcome = Outcome(code: code ?? 255, output: Self.text(output), errors: Self.text(errors))
        guard outcome.code != 255 else { throw SecureShellError(address, said: outcome.errors) }
        return outcome
    }

    /// Lets go of the connection that is kept. That there is none is no error.
    package func leave() throws {
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard null >= 0 else { return }
        defer { Glibc.close(null) }
        let child = try ChildProcess.start(program, arguments.leave, descriptors: [null, null, null])
        var status: Int32 = 0
        while waitpid(child.pid, &status, 0) < 0, errno == EINTR {}
    }

    /// Removes what lies on the disk.
    package func close() { scratch.remove() }

    /// The start of what was written, at most 4 MiB.
    private static func text(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        var all: [UInt8] = []
        lseek(descriptor, 0, SEEK_SET)
        while all.count < 4 << 20 {
            let count = read(descriptor, &bytes, bytes.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            all += bytes[..<count]
        }
        return String(decoding: all, as: UTF8.self)
    }
}
