import ArgumentParser
import AsyncHTTPClient
import CLinux
package import Domain
import FoundationEssentials
import Glibc
package import SupervisorAPI

/// A conversation with a supervisor: the one of this user here, or one on another machine.
package struct Session: Sendable {
    package let client: SupervisorClient
    /// Of this machine; nothing of an environment that is on another one lies in it.
    package let state: StateDirectory
    /// Who asks.
    package let user: String
    /// The other machine; nil: it is this one, or a cluster.
    let remote: RemoteLink?
    /// The server in a cluster that is spoken with; nil: a machine's supervisor is.
    let cluster: ClusterSeat?

    /// Opens a conversation for the time of `body`, with the machine that the environment is on, or the server of its
    /// cluster.
    /// - Parameters:
    ///   - environment: nil: the one that the options name.
    ///   - door: another socket of this machine than the supervisor's own; none of it on another machine.
    ///   - startIfNeeded: starts Slipway when it does not run; otherwise that is an error with code `not-running`.
    package static func open<Result: Sendable>(
        _ options: CommonOptions, in environment: EnvironmentID? = nil, door: String? = nil, startIfNeeded: Bool,
        _ body: (Session) async throws -> Result
    ) async throws -> Result {
        switch try Seat(options, environment) {
        case .here:
            return try await converse(
                StateDirectory(options.state), nil, door, startIfNeeded: startIfNeeded, anyInterface: false, body)
        case .machine(let host):
            if let state = options.state {
                throw usageError(
                    "--state \(state) is a directory here, and the environment is on \(host.name)",
                    hint: "slipway host add has --state for the directory there")
            }
            let link = try RemoteLink(host)
            defer { link.close() }
            return try await converse(
                StateDirectory(nil), link, nil, startIfNeeded: startIfNeeded, anyInterface: false, body)
        case .cluster(let seat):
            return try await converse(with: seat, StateDirectory(options.state), body)
        }
    }

    private static func converse<Result: Sendable>(
        with seat: ClusterSeat, _ state: StateDirectory, _ body: (Session) async throws -> Result
    ) async throws -> Result {
        let way = try ServiceProxyWay(seat)
        do {
            let session = Session(
                client: SupervisorClient(way, version: Slipway.version), state: state, user: userName(), remote: nil,
                cluster: seat)
            let gap = VersionGap(try await session.client.version())
            if var error = gap.error {
                error.hint = way.updateHint
                throw error
            }
            if let text = gap.text { note("warning: \(text)\nhint: \(way.updateHint)") }
            let result = try await body(session)
            try await way.close()
            return result
        } catch {
            try await way.close()
            throw error
        }
    }

    /// Opens a conversation with the supervisor of this machine, also with one whose interface is another: for commands
    /// that look at it, end it or replace it.
    /// - Parameter state: as `--state` says.
    package static func openHere<Result: Sendable>(
        _ state: String?, startIfNeeded: Bool, _ body: (Session) async throws -> Result
    ) async throws -> Result {
        try await converse(StateDirectory(state), nil, nil, startIfNeeded: startIfNeeded, anyInterface: true, body)
    }

    private static func converse<Result: Sendable>(
        _ state: StateDirectory, _ link: RemoteLink?, _ door: String?, startIfNeeded: Bool,
        anyInterface: Bool, _ body: (Session) async throws -> Result
    ) async throws -> Result {
        var settings = HTTPClient.Configuration()
        // A supervisor that is not there is no reason to try again and again for half a minute.
        settings.connectionPool.retryConnectionEstablishment = false
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        do {
            let client = SupervisorClient(
                SocketWay(
                    http: http, socket: link?.socket ?? door ?? state.supervisorSocket, host: link?.host.name),
                version: Slipway.version)
            let session = Session(client: client, state: state, user: userName(), remote: link, cluster: nil)
            try await session.ensureRunning(startIfNeeded, door, anyInterface: anyInterface)
            let result = try await body(session)
            try await http.shutdown()
            return result
        } catch {
            try await http.shutdown()
            throw error
        }
    }

    private func ensureRunning(_ startIfNeeded: Bool, _ door: String?, anyInterface: Bool) async throws {
        if let remote {
            guard let greeting = try await remote.greet(start: startIfNeeded) else { throw notRunning() }
            if !anyInterface, let error = RemoteLink.misunderstanding(greeting, on: remote.host.name) { throw error }
            if let difference = RemoteLink.difference(greeting, on: remote.host.name) { note(difference) }
        } else if let version = try await runningVersion() {
            let gap = VersionGap(version)
            if !anyInterface, let error = gap.error { throw error }
            if let warning = gap.warning { note(warning) }
        } else {
            if let door { throw unanswered(door) }
            if let trouble = state.foreignTrouble { throw trouble }
            guard startIfNeeded else { throw notRunning() }
            try await start()
        }
    }

    private func unanswered(_ door: String) -> SupervisorError {
        let reason = access(door, W_OK) == 0 ? "nobody listens there" : String(cString: strerror(errno))
        return SupervisorError(
            code: "unreachable", message: "the socket for approvals \(door) does not answer: \(reason)",
            hint: "ask who runs Slipway there: it is started with SLIPWAY_APPROVALS, for who may enter that directory"
        )
    }

    private func notRunning() -> SupervisorError {
        let place = remote.map { "on \($0.host.name) (\($0.host.address))" } ?? "here (\(state.path))"
        return SupervisorError(
            code: "not-running", message: "Slipway does not run \(place)",
            hint: "slipway up starts it with the project's services")
    }

    /// Whether a supervisor answers.
    package func isRunning() async throws -> Bool {
        if let remote { return try await remote.greet(start: false) != nil }
        if cluster != nil { return try await answersAgain() }
        return try await runningVersion() != nil
    }

    /// In a cluster another server may have to lead first. One that does not answer is an error with its own words.
    private func answersAgain() async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(40)
        while true {
            do {
                _ = try await client.version()
                return true
            } catch let error as SupervisorError where error.code == "unreachable" {
                guard ContinuousClock.now < deadline else { throw error }
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    /// What the supervisor of this machine says of itself; nil: it does not run. One that is being started again by its
    /// keeper is waited for.
    private func runningVersion() async throws -> VersionReport? {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            do {
                return try await client.version()
            } catch let error as SupervisorError where error.code == "unreachable" {
                guard keeperRuns(), ContinuousClock.now < deadline else {
                    if keeperRuns() { throw error }
                    return nil
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// The keeper holds a lock as long as it lives.
    func keeperRuns() -> Bool {
        let descriptor = Glibc.open(state.keeper + "/keeper.lock", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { Glibc.close(descriptor) }
        guard flock(descriptor, LOCK_SH | LOCK_NB) == 0 else { return true }
        flock(descriptor, LOCK_UN)
        return false
    }

    /// Starts the keeper, which starts the rest, and waits until the supervisor answers. Where another command starts
    /// one at the same moment, that one is waited for.
    package func start() async throws {
        try state.prepare()
        let began = SystemMoment.now().wall
        var own: Int32? = try spawnKeeper()
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
            do {
                _ = try await client.version()
                return
            } catch let error as SupervisorError where error.code == "unreachable" {
                if let pid = own, let code = exitCode(of: pid) {
                    own = nil
                    guard code == EX_TEMPFAIL else { throw try startError(since: began) }
                }
                if try startMessages(since: began).contains("the supervisor cannot run") {
                    // What cannot start is not left behind trying.
                    if let own { kill(own, SIGTERM) }
                    throw try startError(since: began)
                }
                // The other one may have been about to end.
                if own == nil, !keeperRuns() { own = try spawnKeeper() }
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        if let own { kill(own, SIGTERM) }
        throw SupervisorError(
            code: "start", message: "the supervisor did not answer within 20s:\n\(try startMessages(since: began))",
            hint: "its log is \(state.keeper)/logs/supervisor.log; slipway doctor looks at this machine")
    }

    private func startError(since began: Int64) throws -> SupervisorError {
        SupervisorError(
            code: "start", message: "Slipway does not start:\n\(try startMessages(since: began))",
            hint: "slipway doctor looks at this machine")
    }

    /// Of a child that has ended; nil: it runs.
    private func exitCode(of pid: Int32) -> Int32? {
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + status & 0x7f
    }

    private func spawnKeeper() throws -> Int32 {
        let program = try ownProgram()
        let log = Glibc.open(state.startLog, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        let null = Glibc.open("/dev/null", O_RDWR | O_CLOEXEC)
        guard log >= 0, null >= 0 else {
            throw SupervisorError(
                code: "state", message: "cannot write \(state.startLog): \(String(cString: strerror(errno)))",
                hint: "is the disk full, or the directory read-only?")
        }
        defer {
            Glibc.close(log)
            Glibc.close(null)
        }
        let arguments = [program, "keeper", "--state", state.path]
        let environment = ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
        let result = withStrings(arguments) { argv in
            withStrings(environment) { envp in
                program.withCString { path in
                    "/".withCString { directory in
                        [null, log, log].withUnsafeBufferPointer { descriptors in
                            var plan = slw_spawn_plan()
                            plan.path = path
                            plan.argv = argv
                            plan.envp = envp
                            plan.directory = directory
                            plan.descriptors = descriptors.baseAddress
                            plan.descriptor_count = 3
                            plan.umask = 0o077
                            return slw_spawn(&plan)
                        }
                    }
                }
            }
        }
        guard result.error == 0 else {
            throw SupervisorError(
                code: "start", message: "cannot start \(program): \(String(cString: strerror(result.error)))")
        }
        return result.pid
    }

    private func startMessages(since began: Int64) throws -> String {
        var text = ""
        for file in [state.startLog, state.keeper + "/logs/supervisor.log"] {
            guard FileManager.default.fileExists(atPath: file) else { continue }
            let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").filter {
                // Role logs begin each line with milliseconds since 1970.
                (Int64($0.prefix(13)) ?? .max) >= began
            }.suffix(8)
            text += lines.map { "  \($0)" }.joined(separator: "\n") + (lines.isEmpty ? "" : "\n")
        }
        return text
    }
}

/// The path of this executable.
func ownProgram() throws -> String {
    var path: String
    do { path = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") } catch {
        throw SupervisorError(code: "start", message: "cannot find this executable's path: \(error)")
    }
    // After an upgrade in place the running file has no name any more; the new one has it.
    if path.hasSuffix(" (deleted)") { path.removeLast(10) }
    return path
}

/// The name of the user who runs this.
func userName() -> String {
    guard let entry = getpwuid(getuid()), let name = entry.pointee.pw_name else { return "uid \(getuid())" }
    return String(cString: name)
}

/// A line for people, beside the output proper.
func note(_ text: String) {
    var line = Array(text.utf8) + [10]
    line.withUnsafeMutableBytes { bytes in
        _ = write(2, bytes.baseAddress, bytes.count)
    }
}

/// A null-terminated array of C strings for the time of a call.
private func withStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("an array with a terminator is never empty") }
        return body(base)
    }
}
