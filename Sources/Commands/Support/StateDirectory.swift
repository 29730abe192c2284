import Domain
import FoundationEssentials
import Glibc
import SupervisorAPI

/// Where Slipway keeps everything of one user on this machine. Private to that user.
package struct StateDirectory: Hashable, Sendable {
    /// Absolute.
    package let path: String

    /// - Parameter given: from `--state`; nil: `SLIPWAY_STATE`, `XDG_STATE_HOME/slipway`, or `~/.local/state/slipway`.
    package init(_ given: String?) {
        let environment = ProcessInfo.processInfo.environment
        var chosen = given ?? environment["SLIPWAY_STATE"] ?? ""
        if chosen.isEmpty, let base = environment["XDG_STATE_HOME"], base.hasPrefix("/") { chosen = base + "/slipway" }
        if chosen.isEmpty { chosen = (environment["HOME"] ?? "/tmp") + "/.local/state/slipway" }
        if !chosen.hasPrefix("/") { chosen = FileManager.default.currentDirectoryPath + "/" + chosen }
        while chosen.count > 1, chosen.hasSuffix("/") { chosen.removeLast() }
        path = chosen
    }

    package var keeper: String { path + "/keeper" }
    package var run: String { path + "/run" }
    package var supervisorSocket: String { run + "/supervisor.sock" }
    package var proxySocket: String { run + "/proxy.sock" }
    package var routeTable: String { path + "/proxy/routes.json" }
    package var journal: String { path + "/journal" }
    package var artifacts: String { path + "/artifacts" }
    package var ports: String { path + "/ports.json" }
    /// What the keeper said while it started.
    package var startLog: String { path + "/start.log" }

    /// Makes the directories.
    /// - Throws: `SupervisorError` that says what is wrong with the place, and what to do.
    package func prepare() throws {
        // A Unix socket's path has 107 characters at most.
        guard proxySocket.utf8.count <= 107 else {
            throw SupervisorError(
                code: "state", message: "the state directory's path is too long for Unix sockets: \(path)",
                hint: "choose a shorter one: --state /var/lib/slipway or SLIPWAY_STATE")
        }
        for directory in [path, run, path + "/proxy", artifacts] {
            do {
                try FileManager.default.createDirectory(
                    atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch {
                throw SupervisorError(
                    code: "state", message: "cannot make the state directory \(directory): \(reason(error))",
                    hint: "choose another place with --state or SLIPWAY_STATE, or make this one writable")
            }
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_uid == getuid() else {
            throw SupervisorError(
                code: "state", message: "the state directory \(path) belongs to another user",
                hint: "choose another place with --state or SLIPWAY_STATE")
        }
        guard access(path, W_OK | X_OK) == 0 else {
            throw SupervisorError(
                code: "state",
                message: "the state directory \(path) cannot be written: \(String(cString: strerror(errno)))",
                hint: "choose another place with --state or SLIPWAY_STATE, or make this one writable")
        }
        if status.st_mode & 0o077 != 0, chmod(path, 0o700) != 0 {
            throw SupervisorError(
                code: "state", message: "the state directory \(path) can be read by others, and that cannot be changed",
                hint: "chmod 700 \(path)")
        }
    }

    /// The system's own words: `Permission denied`.
    private func reason(_ error: any Error) -> String {
        guard let cause = (error as? CocoaError)?.underlying else { return "\(error)" }
        return (cause as? POSIXError).map { String(cString: strerror($0.code.rawValue)) } ?? "\(cause)"
    }
}
