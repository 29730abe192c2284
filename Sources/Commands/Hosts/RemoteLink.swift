import Domain
import FoundationEssentials
import Glibc
import SecureShell
import SupervisorAPI
import Synchronization

/// The way to the supervisor of another machine, for the time of one command.
final class RemoteLink: Sendable {
    let host: RemoteHost
    private let shell: RemoteShell
    private let tunnel: SSHTunnel
    private let pushes = Mutex<PushDirectory?>(nil)

    /// What slipway over there says of itself.
    struct Greeting: Codable, Hashable, Sendable {
        /// Of the executable that answered.
        var version: String
        /// Of the supervisor that runs.
        var supervisor: VersionReport
    }

    init(_ host: RemoteHost) throws {
        self.host = host
        shell = try RemoteShell(host.address)
        do { tunnel = try SSHTunnel(shell, host.command(["connect"])) } catch {
            shell.close()
            throw error
        }
    }

    /// A Unix socket here that leads to the supervisor there.
    var socket: String { tunnel.path }

    /// A directory for packs that are to be sent; removed at the end.
    func packs() throws -> String {
        try pushes.withLock { pushes in
            let directory = try pushes ?? PushDirectory()
            pushes = directory
            return directory.path
        }
    }

    func close() {
        pushes.withLock { $0?.remove() }
        tunnel.close()
        shell.close()
    }

    /// Asks who is there; the first connection, and the one that says what is wrong.
    /// - Parameter start: starts Slipway there when it does not run.
    /// - Returns: nil when it does not run.
    func greet(start: Bool) async throws -> Greeting? {
        let outcome = try await shell.run(
            host.command(["connect", "--hello"] + (start ? ["--start"] : [])), timeout: .seconds(45))
        switch outcome.code {
        case 0: break
        case ConnectCommand.notRunning: return nil
        case 126, 127:
            throw SupervisorError(
                code: "host", message: "slipway is not at \(host.program) on \(host.name) (\(host.address))",
                hint: "slipway host upgrade \(host.name) puts it there")
        case _:
            throw SupervisorError(
                code: "host", message: "slipway on \(host.name) says:\n\(outcome.errors)",
                hint: "slipway host check \(host.name) looks at that machine")
        }
        // What start files of a shell print stands before it.
        guard let line = outcome.output.split(separator: "\n").last(where: { $0.hasPrefix("{") }) else {
            throw SupervisorError(
                code: "host", message: "slipway on \(host.name) did not say who it is: \(outcome.output)",
                hint: "slipway host upgrade \(host.name) puts this version there")
        }
        do { return try JSONDecoder().decode(Greeting.self, from: Data(line.utf8)) } catch {
            throw SupervisorError(
                code: "version", message: "slipway on \(host.name) is of another version: \(error)",
                hint: "slipway host upgrade \(host.name) puts this version there")
        }
    }

    /// What differs between here and there; nil when nothing does.
    static func difference(_ greeting: Greeting, on host: String, own: String = Slipway.version) -> String? {
        let (there, runs) = (greeting.version, greeting.supervisor.version)
        if runs == own, there == own { return nil }
        let what = runs == there ? "slipway \(runs)" : "supervisor \(runs) and executable \(there)"
        let advice =
            VersionGap(greeting.supervisor, own: own).isOlder == false
            ? "use the newer one here too: `slipway host upgrade \(host)` would go back to \(own)"
            : "`slipway host upgrade \(host)` brings it up to date"
        return "warning: \(host) has \(what), this is \(own); \(advice)"
    }

    /// Why nothing can be asked of the supervisor there; nil: both sides mean the same.
    static func misunderstanding(_ greeting: Greeting, on host: String) -> SupervisorError? {
        let gap = VersionGap(greeting.supervisor)
        guard var error = gap.error else { return nil }
        error.message = "on \(host) \(error.message)"
        error.hint =
            gap.isOlder == false
            ? "use the newer slipway here too"
            : "slipway host upgrade \(host) puts this one there; services keep serving"
        return error
    }
}

/// Where what is sent to other machines is packed: a directory of this process in the user's cache.
struct PushDirectory: Sendable {
    let path: String

    /// Removes what processes left that were killed.
    init() throws {
        let environment = ProcessInfo.processInfo.environment
        let base = environment["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        let cache = (base ?? (environment["HOME"] ?? "/tmp") + "/.cache") + "/slipway"
        path = "\(cache)/push-\(getpid())"
        do {
            try FileManager.default.createDirectory(
                atPath: cache, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            for name in try FileManager.default.contentsOfDirectory(atPath: cache) where name.hasPrefix("push-") {
                guard let pid = Int32(name.dropFirst(5)), pid == getpid() || kill(pid, 0) != 0 && errno == ESRCH else {
                    continue
                }
                try FileManager.default.removeItem(atPath: "\(cache)/\(name)")
            }
        } catch {
            throw SupervisorError(
                code: "cache", message: "cannot use \(cache) for what is sent to another machine: \(error)",
                hint: "make it writable, or set XDG_CACHE_HOME")
        }
    }

    func remove() {
        guard FileManager.default.fileExists(atPath: path) else { return }
        do { try FileManager.default.removeItem(atPath: path) } catch { note("warning: \(path) is left: \(error)") }
    }
}
