import CLinux
import Glibc

/// A process of ours in a session of its own, so that Ctrl-C on the terminal does not reach it.
struct ChildProcess: Sendable {
    let pid: pid_t

    /// - Parameters:
    ///   - program: its path.
    ///   - descriptors: become 0, 1 and 2; nothing else is inherited. They stay open here.
    static func start(
        _ program: String, _ arguments: [String], descriptors: [Int32]
    ) throws(SecureShellError) -> ChildProcess {
        let result = withStrings([program] + arguments) { argv in
            program.withCString { path in
                descriptors.withUnsafeBufferPointer { descriptors in
                    var plan = slw_spawn_plan()
                    plan.path = path
                    plan.argv = argv
                    plan.envp = UnsafePointer(environ)
                    plan.descriptors = descriptors.baseAddress
                    plan.descriptor_count = descriptors.count
                    plan.umask = 0o077
                    return slw_spawn(&plan)
                }
            }
        }
        guard result.error == 0 else {
            throw SecureShellError(
                trouble: .other, message: "cannot start \(program): \(String(cString: strerror(result.error)))",
                hint: "check the limits on processes and open files")
        }
        return ChildProcess(pid: result.pid)
    }

    /// Its exit code (128 and more: a signal ended it); nil while it runs. Once told, it must not be asked again.
    func exitCode() -> Int32? {
        var status: Int32 = 0
        let answer = waitpid(pid, &status, WNOHANG)
        if answer == 0 || (answer < 0 && errno == EINTR) { return nil }
        guard answer == pid else { return 255 }
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }

    /// Ends it, and waits for that: nothing survives KILL.
    func kill() {
        _ = Glibc.kill(pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    }

    /// The path of a program along `PATH`.
    static func find(_ name: String) -> String? {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        return path.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    private static func withStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else {
                preconditionFailure("an array with a terminator is never empty")
            }
            return body(base)
        }
    }
}
