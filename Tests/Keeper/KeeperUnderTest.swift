import CLinux
import Glibc
import KeeperControl
import Synchronization
import Testing

struct TestFailure: Error, CustomStringConvertible {
    var description: String
}

/// Polls a condition until it holds; throws when it does not within the given seconds.
func eventually(
    within seconds: Double = 15, _ what: String, _ condition: () async throws -> Bool
) async throws {
    let deadline = slw_monotonic_ms() + Int64(seconds * 1000)
    while true {
        if try await condition() { return }
        guard slw_monotonic_ms() < deadline else { throw TestFailure(description: "not within \(seconds) s: \(what)") }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// The same for a value that is nil at first.
func eventually<Value>(
    within seconds: Double = 15, _ what: String, _ value: () async throws -> Value?
) async throws -> Value {
    var found: Value?
    try await eventually(within: seconds, what) {
        found = try await value()
        return found != nil
    }
    return try #require(found)
}

func contents(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&part, 1, part.count, file), count > 0 { bytes += part[..<count] }
    return String(decoding: bytes, as: UTF8.self)
}

/// The texts of a log file's lines that have the given mark.
func logged(_ path: String, _ mark: String = "o") -> [String] {
    contents(path).split(separator: "\n", omittingEmptySubsequences: false).compactMap { line in
        let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        return parts.count == 3 && parts[1] == mark ? String(parts[2]) : nil
    }
}

func identity(of pid: Int32) -> ProcessIdentity? {
    var stat = slw_process_stat()
    guard slw_process_stat(pid, &stat) == 0, stat.state != CChar(UInt8(ascii: "Z")) else { return nil }
    return ProcessIdentity(pid: pid, startTime: stat.start_time)
}

func isAlive(_ pid: Int32) -> Bool { identity(of: pid) != nil }

/// A supervisor's seat: the link that the probe handed over, and the events that came by it.
final class Seat: Sendable {
    let link: KeeperLink
    let pid: Int32
    private let inbox: Inbox

    final class Inbox: Sendable {
        let events = Mutex<[KeeperEvent]>([])
    }

    init(descriptor: Int32, pid: Int32) throws {
        let inbox = Inbox()
        self.inbox = inbox
        self.pid = pid
        link = try KeeperLink(descriptor: descriptor) { event in inbox.events.withLock { $0.append(event) } }
    }

    var events: [KeeperEvent] { inbox.events.withLock { $0 } }

    var isClosed: Bool {
        events.contains { if case .closed = $0 { true } else { false } }
    }

    func exit(of token: UInt64, within seconds: Double = 15) async throws -> ExitReport {
        try await eventually(within: seconds, "exit of \(token)") {
            for case .exited(let report) in events where report.token == token { return report }
            return nil
        }
    }

    func proxyUps() -> [Int32] {
        events.compactMap { if case .proxyUp(let pid) = $0 { pid } else { nil } }
    }
}

/// A keeper process of the probe in a directory of its own.
final class KeeperUnderTest {
    let directory: String
    private(set) var pid: Int32 = 0
    private let listener: Int32
    private let options: [String]
    private var seats: [Seat] = []
    /// Instances, to be killed at the end in case the keeper did not.
    private var started: [ProcessIdentity] = []

    private static func probePath() throws -> String {
        let own = try #require(realpath("/proc/self/exe", nil))
        defer { free(own) }
        let path = String(cString: own)
        // The runner is a program beside the probe; under `swift test` it is the toolchain's, given the bundle's path.
        let candidates = [path] + CommandLine.arguments
        for candidate in candidates where candidate.contains("/") {
            var folder = candidate
            while let slash = folder.lastIndex(of: "/") {
                folder = String(folder[..<slash])
                if access(folder + "/keeper-probe", X_OK) == 0 { return folder + "/keeper-probe" }
            }
        }
        throw TestFailure(description: "keeper-probe is not beside any of \(candidates)")
    }

    init(_ options: [String]) throws {
        var template = Array("/tmp/keeper-test-XXXXXX".utf8CString)
        directory = String(cString: try #require(mkdtemp(&template)))
        self.options = options
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = directory + "/seat"
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && listen(listener, 16) == 0)
        self.listener = listener
        try start()
    }

    var state: String { directory + "/state" }

    func log(_ name: String) -> String { directory + "/\(name).log" }

    func start() throws {
        let hasSupervisor = options.contains { $0.hasPrefix("supervisor=") }
        let seat = hasSupervisor ? [] : ["supervisor-socket=\(directory)/seat"]
        pid = try Self.launch([try Self.probePath(), "keeper", state] + seat + options, errors: directory + "/stderr")
    }

    static func launchKeeper(on state: String, errors: String) throws -> Int32 {
        try launch([try probePath(), "keeper", state], errors: errors)
    }

    static func launch(_ arguments: [String], errors: String = "/dev/null") throws -> Int32 {
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        let file = open(errors, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        defer {
            close(null)
            close(file)
        }
        let texts = arguments.map { strdup($0) } + [nil]
        let environment = [strdup("PATH=/usr/bin:/bin"), nil]
        defer { for text in texts + environment { free(text) } }
        let result = [null, null, file].withUnsafeBufferPointer { descriptors in
            texts.withUnsafeBufferPointer { texts in
                environment.withUnsafeBufferPointer { environment in
                    var plan = slw_spawn_plan()
                    plan.path = UnsafePointer(texts[0])
                    plan.argv = texts.baseAddress
                    plan.envp = environment.baseAddress
                    plan.descriptors = descriptors.baseAddress
                    plan.descriptor_count = descriptors.count
                    plan.umask = 0o022
                    return slw_spawn(&plan)
                }
            }
        }
        try #require(result.error == 0, "cannot start \(arguments): \(result.error)")
        return result.pid
    }

    /// The keeper has ended and was waited for.
    func ended() { pid = 0 }

    /// Waits for a supervisor and takes its seat.
    func seat(within seconds: Double = 15) async throws -> Seat {
        let raw = try await rawSeat(within: seconds)
        let seat = try Seat(descriptor: raw.descriptor, pid: raw.pid)
        seats.append(seat)
        return seat
    }

    /// The bare descriptor of a supervisor's link.
    func rawSeat(within seconds: Double = 15) async throws -> (descriptor: Int32, pid: Int32) {
        let client = try await eventually(within: seconds, "a supervisor asks for its seat") { () -> Int32? in
            var watched = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            guard poll(&watched, 1, 0) == 1 else { return nil }
            return slw_accept(listener)
        }
        defer { close(client) }
        var pid: Int32 = 0
        var descriptors = [Int32](repeating: -1, count: Int(SLW_MAX_DESCRIPTORS))
        var count: Int32 = 0
        try await eventually(within: seconds, "the seat's link") {
            slw_receive(client, &pid, 4, &descriptors, &count) == 4
        }
        try #require(count == 1)
        return (descriptors[0], pid)
    }

    func request(
        _ token: UInt64, _ arguments: [String], environment: [String] = ["PATH=/usr/bin:/bin"]
    ) -> SpawnRequest {
        SpawnRequest(
            token: token, program: arguments[0], arguments: arguments, environment: environment,
            directory: directory, logPath: log("\(token)"))
    }

    func spawn(_ seat: Seat, _ request: SpawnRequest) async throws -> ProcessIdentity {
        let process = try await seat.link.spawn(request)
        started.append(process)
        return process
    }

    func shell(_ seat: Seat, _ token: UInt64, _ script: String) async throws -> ProcessIdentity {
        try await spawn(seat, request(token, ["/bin/sh", "-c", script]))
    }

    /// The keeper's exit status, once it has ended.
    func waitForEnd(within seconds: Double = 20) async throws -> ProcessEnd {
        try await Self.waitForEnd(of: pid, within: seconds)
    }

    static func waitForEnd(of pid: Int32, within seconds: Double = 20) async throws -> ProcessEnd {
        var status: Int32 = 0
        try await eventually(within: seconds, "end of keeper \(pid)") { waitpid(pid, &status, WNOHANG) == pid }
        return ProcessEnd(waitStatus: status)
    }

    /// Kills the keeper as the kernel's out-of-memory killer would.
    func murder() async throws {
        kill(pid, SIGKILL)
        _ = try await waitForEnd()
        pid = 0
    }

    /// Ends everything, whatever state it is in.
    func end() async throws {
        if pid > 0 {
            kill(pid, SIGTERM)
            kill(pid, SIGTERM)
            do {
                _ = try await waitForEnd(within: 10)
            } catch {
                kill(pid, SIGKILL)
                _ = try await waitForEnd()
                Issue.record("keeper \(pid) did not end by itself: \(contents(state + "/logs/keeper.log"))")
            }
        }
        for seat in seats { seat.link.close() }
        for process in started where identity(of: process.pid) == process { kill(process.pid, SIGKILL) }
        close(listener)
        _ = try await Self.waitForEnd(of: try Self.launch(["/bin/rm", "-rf", directory]))
    }
}

/// Lets a few keepers run at a time: more would only measure how busy the machine is.
private actor Turnstile {
    static let shared = Turnstile()
    private var free = 2
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func enter() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    func leave() {
        if waiting.isEmpty {
            free += 1
        } else {
            waiting.removeFirst().resume()
        }
    }
}

/// Gives a body a keeper, and ends it whatever the body does.
func withKeeper(_ options: String..., body: (KeeperUnderTest) async throws -> Void) async throws {
    await Turnstile.shared.enter()
    do {
        let keeper = try KeeperUnderTest(options)
        do {
            try await body(keeper)
        } catch {
            let log = contents(keeper.state + "/logs/keeper.log")
            try await keeper.end()
            throw TestFailure(description: "\(error)\nkeeper.log:\n\(log)")
        }
        try await keeper.end()
    } catch {
        await Turnstile.shared.leave()
        throw error
    }
    await Turnstile.shared.leave()
}
