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
    /// Where other users may approve, and do nothing else; nil: nowhere.
    package var approvals: String? {
        let path = ProcessInfo.processInfo.environment["SLIPWAY_APPROVALS"] ?? ""
        return path.isEmpty ? nil : path
    }
    package var proxySocket: String { run + "/proxy.sock" }
    package var routeTable: String { path + "/proxy/routes.json" }
    package var journal: String { path + "/journal" }
    package var artifacts: String { path + "/artifacts" }
    package var ports: String { path + "/ports.json" }
    /// Which cluster an environment is on.
    package var clusters: String { path + "/clusters.json" }
    /// What the keeper said while it started.
    package var startLog: String { path + "/start.log" }

    /// Whether this user may speak to the supervisor itself.
    var isReachable: Bool { access(supervisorSocket, W_OK) == 0 }

    /// Why this user cannot look into the directory; nil: it can, or there is none yet. What belongs to another user is
    /// told apart from what does not run.
    var foreignTrouble: SupervisorError? {
        guard access(run, F_OK) != 0, errno == EACCES else { return nil }
        var status = stat()
        var owner = ""
        if stat(path, &status) == 0, let entry = getpwuid(status.st_uid), let name = entry.pointee.pw_name {
            owner = " and belongs to \(String(cString: name))"
        }
        return SupervisorError(
            code: "state", message: "the state directory \(path) is private\(owner): you may not look into it",
            hint: "every user has a Slipway of their own; --state or SLIPWAY_STATE says where. To approve what another "
                + "user deploys there is SLIPWAY_APPROVALS: slipway help approve")
    }

    /// Makes the directories.
    /// - Throws: `SupervisorError` that says what is wrong with the place, and what to do.
    package func prepare() throws {
        // A Unix socket's path has 107 characters at most.
        guard proxySocket.utf8.count <= 107 else {
            throw SupervisorError(
                code: "state", message: "the state directory's path is too long for Unix sockets: \(path)",
                hint: "choose a shorter one: --state /var/lib/slipway or SLIPWAY_STATE")
        }
        if let trouble = foreignTrouble { throw trouble }
        for directory in [path, run, path + "/proxy", artifacts] {
            if let failed = Self.make(directory) {
                throw SupervisorError(
                    code: "state", message: "cannot make the state directory \(directory): \(failed)",
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

    /// Makes a directory and those above it.
    /// - Returns: why not, in the system's words; nil: it is there.
    private static func make(_ path: String) -> String? {
        var status = stat()
        if stat(path, &status) == 0 {
            return status.st_mode & S_IFMT == S_IFDIR ? nil : "\(path) is not a directory"
        }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex, let failed = make(String(path[..<slash])) {
            return failed
        }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            let number = errno
            return strerror(number).map { String(cString: $0) } ?? "error \(number)"
        }
        return nil
    }
}
