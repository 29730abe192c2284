import FoundationEssentials
import Glibc
import LoadGenerator
import Testing

extension LoadSuites {
    /// Runs against a real nginx on a free port.
    @Suite(.timeLimit(.minutes(1)), .enabled(if: access(Nginx.program, X_OK) == 0, "nginx is not installed"))
    struct NginxTests {
        @Test func countsWhatNginxAnswers() async throws {
            let nginx = try await Nginx()
            defer { nginx.stop() }
            let good = try await run(port: nginx.port, path: "/1k", .closedLoop(connections: 8), requests: 5000)
            #expect(good.counts.status2xx == 5000)
            #expect(good.all.failures == 0)
            #expect(good.counts.bytesReceived > 5000 * 1024)
            let missing = try await run(port: nginx.port, path: "/none", .closedLoop(connections: 2), requests: 100)
            #expect(missing.counts.status4xx == 100)
            let moved = try await run(port: nginx.port, path: "/moved", .closedLoop(connections: 2), requests: 100)
            #expect(moved.counts.status3xx == 100)
            let large = try await run(port: nginx.port, path: "/large", .closedLoop(connections: 2), requests: 20)
            #expect(large.counts.status2xx == 20)
            #expect(large.counts.bytesReceived > 20 * 3_000_000)
        }

        /// nginx closes a connection after ten requests and says so in the tenth answer.
        @Test func followsTheServersKeepAlive() async throws {
            let nginx = try await Nginx(keepAliveRequests: 10)
            defer { nginx.stop() }
            let report = try await run(port: nginx.port, path: "/1k", .closedLoop(connections: 2), requests: 200)
            #expect(report.counts.status2xx == 200)
            #expect(report.counts.staleConnection == 0)
            #expect((20...22).contains(report.counts.connectionsOpened), "\(report.counts.connectionsOpened)")
        }

        @Test func headHasNoBody() async throws {
            let nginx = try await Nginx()
            defer { nginx.stop() }
            let report = try await run(
                port: nginx.port, path: "/1k", .closedLoop(connections: 1), requests: 50, method: "HEAD")
            #expect(report.counts.status2xx == 50)
            #expect(report.counts.connectionsOpened == 1)
        }

        @Test func losesNothingAtAConstantRate() async throws {
            let nginx = try await Nginx()
            defer { nginx.stop() }
            let report = try await run(
                port: nginx.port, path: "/1k", .rate(perSecond: 1000, maxConnections: 64), requests: 2000)
            #expect(report.counts.status2xx == 2000)
            #expect(report.counts.dropped == 0)
            expectBalance(report)
        }

        /// nginx is killed under load: what follows is refused, and no request is lost from the counts.
        @Test func showsWhenTheServerDied() async throws {
            let nginx = try await Nginx()
            defer { nginx.stop() }
            var wanted = plan(port: nginx.port, .rate(perSecond: 200, maxConnections: 32), duration: .seconds(3))
            wanted.timeout = .seconds(2)
            let load = try LoadRun(wanted)
            let (states, continuation) = AsyncStream.makeStream(of: LoadProgress.self)
            let task = Task { try await load.run { continuation.yield($0) } }
            for await state in states where state.elapsedSeconds > 1.2 { break }
            nginx.stop()
            let report = try await task.value
            #expect(report.timeline[0].failed == 0)
            #expect(report.timeline[2].ok == 0)
            #expect(report.timeline[2].failed > 150)
            #expect(report.counts.refused > 150, "\(report.counts)")
            expectBalance(report)
        }

        private func run(
            port: Int, path: String, _ arrival: LoadPlan.Arrival, requests: Int, method: String = "GET"
        ) async throws -> LoadReport {
            try await LoadRun(
                LoadPlan(
                    target: LoadTarget(url: "http://localhost:\(port)\(path)"), request: LoadRequest(method: method),
                    arrival: arrival, requestLimit: requests)
            ).run()
        }
    }
}

/// An nginx of the test's own: its files in a scratch directory, one process, no daemon.
final class Nginx {
    static let program = "/usr/sbin/nginx"

    let port: Int
    private let directory: URL
    private var process: pid_t = 0

    init(keepAliveRequests: Int = 1_000_000) async throws {
        port = LoopbackPort.closed()
        directory = FileManager.default.temporaryDirectory.appending(path: "load-nginx-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try Data(repeating: UInt8(ascii: "x"), count: 1024).write(to: directory.appending(path: "1k"))
        try Data(repeating: UInt8(ascii: "y"), count: 3_000_000).write(to: directory.appending(path: "large"))
        try Data("home".utf8).write(to: directory.appending(path: "path"))
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        let paths = kinds.map { "\($0)_temp_path \(directory.path)/\($0);" }.joined(separator: " ")
        let configuration = """
            daemon off; master_process off; pid \(directory.path)/pid; error_log \(directory.path)/error.log;
            events { worker_connections 512; }
            http {
                access_log off; keepalive_requests \(keepAliveRequests); \(paths)
                server {
                    listen 127.0.0.1:\(port); root \(directory.path);
                    location = /moved { return 302 /1k; }
                }
            }
            """
        let file = directory.appending(path: "nginx.conf")
        try Data(configuration.utf8).write(to: file)
        process = try Self.spawn([Self.program, "-c", file.path, "-e", directory.path + "/error.log"])
        try await eventually(within: .seconds(10)) { [port] in
            try await LoadGeneratorProbe.answers(port)
        }
    }

    func stop() {
        guard process > 0 else { return }
        kill(process, SIGKILL)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        process = 0
        do {
            try FileManager.default.removeItem(at: directory)
        } catch {
            Issue.record("the scratch directory stays behind: \(error)")
        }
    }

    private static func spawn(_ arguments: [String]) throws -> pid_t {
        var process: pid_t = 0
        var strings = arguments.map { strdup($0) } + [nil]
        defer { for string in strings { free(string) } }
        let result = posix_spawn(&process, program, nil, nil, &strings, environ)
        try #require(result == 0, "nginx does not start: \(result)")
        return process
    }
}

enum LoadGeneratorProbe {
    /// Whether one request to the port is answered.
    static func answers(_ port: Int) async throws -> Bool {
        let probe = plan(port: port, .closedLoop(connections: 1), requests: 1, timeout: .milliseconds(500))
        return try await LoadRun(probe).run().counts.answered == 1
    }
}

/// Asks again until it is so, or the time is over.
func eventually(within limit: Duration, _ condition: () async throws -> Bool) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while clock.now < deadline {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record("it did not come true within \(limit)")
}
