import CLinux
import DirectoryArtifacts
import Domain
import Glibc
import Ports
import RuntimeConformance
import Testing

@testable import ProcessRuntime

/// The whole runtime with real servers under a real keeper.
@Suite(.serialized, .timeLimit(.minutes(3))) struct LiveRuntimeTests {
    private let scratch: ScratchDirectory
    private static let ports = 21_000...21_999

    init() throws { scratch = try ScratchDirectory() }

    /// A Python server that answers 503 on /ready until `SLOW` seconds have passed.
    private static let server = """
        import http.server, os, time, sys
        began = time.time()
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                late = self.path == "/ready" and time.time() - began < float(os.environ.get("SLOW", "0"))
                never = self.path == "/never" or (self.path == "/live" and os.path.exists("/tmp/none") )
                if self.path == "/moved":
                    self.send_response(302); self.send_header("Location", "/ready"); self.end_headers(); return
                self.send_response(503 if late or never else 200)
                self.end_headers()
                self.wfile.write(b"warming up" if late or never else os.environ.get("WORDS", "ok").encode())
            def log_message(self, *a): print("asked", self.path, flush=True)
        print("starting on", os.environ["PORT"], flush=True)
        http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
        """

    private func live(_ body: (LocalProcesses, ArtifactDirectory, LiveKeeper) async throws -> Void) async throws {
        let keeper = try await LiveKeeper.start()
        do {
            let artifacts = ArtifactDirectory(directory: scratch.path + "/state")
            let runtime = try RuntimeFixture.make(scratch, keeper.host, artifacts: artifacts, ports: Self.ports)
            try await RuntimeFixture.with(runtime) { try await body($0, artifacts, keeper) }
        } catch {
            try await keeper.stop()
            throw error
        }
        try await keeper.stop()
    }

    private func release(
        _ number: Int = 1, _ artifact: Artifact? = nil, change: (inout ServiceSpec) -> Void
    ) throws -> Release {
        try Sample.release(number, artifact: artifact) { spec in
            spec.command = ["python3", "server.py"]
            spec.stop.timeout = .seconds(5)
            change(&spec)
        }
    }

    private func packed(_ artifacts: ArtifactDirectory) async throws -> Artifact {
        try scratch.write("source/server.py", Self.server)
        return try await artifacts.pack(scratch.path + "/source", ignore: [], origin: "source")
    }

    private func ready(_ runtime: LocalProcesses, _ count: Int, of release: Int = 1) async throws {
        try await eventually("\(count) ready instances of \(release)") {
            try await runtime.view().instances.count { $0.phase == .ready && $0.release.value == release } == count
        }
    }

    private func failed(_ runtime: LocalProcesses) async throws -> String {
        try await eventually("a failed instance") { try await runtime.view().instances.first?.phase == .failed }
        return try await runtime.view().instances[0].trouble
    }

    @Test func keepsToThePort() async throws {
        try await live { runtime, artifacts, _ in
            let subject = LiveSubject(runtime: runtime, artifact: try await packed(artifacts))
            try await RuntimeConformance(subject).all()
        }
    }

    @Test func servesAndIsProbedOverHTTP() async throws {
        try await live { runtime, artifacts, _ in
            let release = try release(1, try await packed(artifacts)) {
                $0.probes.startup = Probe(check: .http(path: "/moved"))
                $0.probes.readiness = Probe(check: .http(path: "/ready"), every: .seconds(2))
                $0.env = [Variable(name: "SLOW", value: "0.5")]
            }
            try await runtime.apply(Sample.wish(1, (1, 2)), releases: [release])
            try await eventually("says what it hears") {
                try await runtime.view().instances.contains {
                    $0.trouble.contains("answered 503 Service Unavailable: warming up")
                }
            }
            try await ready(runtime, 2)
            try await eventually("both logs") {
                let lines = try await runtime.tail(LogQuery(environment: Sample.environment, lines: 1000))
                return Set(lines.filter { $0.text.hasPrefix("starting on") }.map(\.instance)).count == 2
            }
        }
    }

    @Test func aServerThatNeverGetsReadyIsExplained() async throws {
        try await live { runtime, artifacts, _ in
            let release = try release(1, try await packed(artifacts)) {
                $0.probes.startup = Probe(check: .http(path: "/never"), deadline: .seconds(1))
            }
            try await runtime.apply(Sample.wish(1, (1, 1)), releases: [release])
            let trouble = try await failed(runtime)
            #expect(trouble.contains("not ready within 1.0s: GET /never on port"))
            #expect(trouble.contains("answered 503 Service Unavailable: warming up"))
            #expect(trouble.contains("| asked /never"))
        }
    }

    @Test func aServerThatDiesInItsStartIsExplained() async throws {
        try await live { runtime, _, _ in
            let release = try release {
                $0.command = []
                $0.shell = "echo no database here >&2; exit 3"
            }
            try await runtime.apply(Sample.wish(1, (1, 1)), releases: [release])
            let trouble = try await failed(runtime)
            #expect(trouble.contains("exited with code 3"))
            #expect(trouble.contains("| no database here"))
            #expect(try await runtime.view().instances[0].restarts >= 1)
        }
    }

    @Test func aServerThatIgnoresTheSignalIsKilled() async throws {
        try await live { runtime, _, keeper in
            let release = try release {
                $0.port = nil
                $0.command = [
                    "python3", "-c", "import signal,time; signal.signal(15, signal.SIG_IGN); time.sleep(600)",
                ]
                $0.stop.timeout = .milliseconds(300)
            }
            try await runtime.apply(Sample.wish(1, (1, 1)), releases: [release])
            try await ready(runtime, 1)
            try await runtime.apply(Sample.wish(2), releases: [])
            try await eventually("gone") { try await runtime.view().instances.isEmpty }
            #expect(try await keeper.host.list().allSatisfy { $0.exit != nil })
        }
    }

    @Test func aServerThatForksAndLeavesIsExplainedAndEnded() async throws {
        try await live { runtime, _, _ in
            let release = try release {
                $0.command = []
                $0.shell = "setsid sleep 987 & sleep 0.2; exit 0"
            }
            try await runtime.apply(Sample.wish(1, (1, 1)), releases: [release])
            let trouble = try await failed(runtime)
            #expect(trouble.contains("1 process it left behind was ended too"), "\(trouble)")
            #expect(trouble.contains("let it stay in the foreground"))
        }
    }

    @Test func aStolenPortIsNoticed() async throws {
        try await live { runtime, _, _ in
            // It takes the port of the instance and gives it to a process that is not the instance's.
            let thief = LockedPort()
            let release = try release {
                $0.command = ["python3", "-c", "import time; time.sleep(600)"]
                $0.probes.readiness = Probe(check: .tcp, deadline: .seconds(30))
            }
            try await runtime.apply(Sample.wish(1, (1, 1)), releases: [release])
            try await eventually("a port to steal") {
                guard case .address(_, let port)? = try await runtime.view().instances.first?.backend else {
                    return false
                }
                return try thief.steal(port)
            }
            let trouble = try await failed(runtime)
            #expect(trouble.contains("was given to this instance, but process \(getpid()) listens there"), "\(trouble)")
        }
    }

    @Test func preparesOnceInTheFinalPlace() async throws {
        try await live { runtime, artifacts, _ in
            try scratch.write(
                "source/install",
                "#!/bin/sh\necho ran >> \(scratch.path)/runs\npwd > place\necho $GREETING > greeting\n", mode: 0o755)
            let artifact = try await packed(artifacts)
            let release = try release(1, artifact) {
                $0.artifact = ArtifactSource(path: "source", prepare: ["./install"])
                $0.env = [Variable(name: "GREETING", value: "hello")]
            }
            let place = scratch.path + "/state/releases/shop/dev/api@1"
            // Half done by a supervisor that was killed.
            try Tree.make(place + "/root/junk")
            try await runtime.apply(Sample.wish(1, (1, 2)), releases: [release])
            try await ready(runtime, 2)
            #expect(SmallFile.read(place + "/root/place") == place + "/root\n")
            #expect(SmallFile.read(place + "/root/greeting") == "hello\n")
            #expect(access(place + "/root/junk", F_OK) != 0)
            #expect(SmallFile.read(scratch.path + "/runs") == "ran\n")
            // Its baseline is the very same.
            let baseline = release.known(as: release.number.baseline)
            try await runtime.apply(Sample.wish(2, (1, 2), (-1, 1)), releases: [release, baseline])
            try await ready(runtime, 3)
            #expect(SmallFile.read(scratch.path + "/runs") == "ran\n")
            try await runtime.apply(Sample.wish(3), releases: [])
            try await runtime.apply(Sample.wish(4, (1, 1)), releases: [release])
            try await ready(runtime, 1)
            #expect(SmallFile.read(scratch.path + "/runs") == "ran\n")
        }
    }

    @Test func aFailingPrepareIsExplained() async throws {
        try await live { runtime, artifacts, _ in
            try scratch.write("source/install", "#!/bin/sh\necho no such package >&2\nexit 9\n", mode: 0o755)
            let artifact = try await packed(artifacts)
            for (number, command, words) in [
                (1, ["./install"], "prepare failed: `./install` exited with code 9"),
                (2, ["sleep", "60"], "prepare failed: `sleep 60` did not end within 300ms"),
                (3, ["./nothing"], "the program ./nothing does not exist"),
            ] {
                let release = try release(number, artifact) {
                    $0.artifact = ArtifactSource(
                        path: "source", prepare: command,
                        prepareTimeout: number == 2 ? .milliseconds(300) : .seconds(20))
                }
                try await runtime.apply(Sample.wish(UInt64(number), (number, 1)), releases: [release])
                try await eventually("a failed set") {
                    guard case .failed(let text)? = try await runtime.view().sets.first?.state else { return false }
                    #expect(text.contains(words), "\(text)")
                    if number == 1 { #expect(text.contains("| no such package")) }
                    return true
                }
                #expect(try await runtime.view().instances.isEmpty)
            }
        }
    }

    @Test func isAdoptedWhenTheRuntimeIsMadeAnew() async throws {
        let keeper = try await LiveKeeper.start()
        do {
            let artifacts = ArtifactDirectory(directory: scratch.path + "/state")
            let release = try release(1, try await packed(artifacts)) {
                $0.probes.readiness = Probe(check: .http(path: "/ready"))
            }
            var before: [InstanceView] = []
            try await RuntimeFixture.with(
                try RuntimeFixture.make(scratch, keeper.host, artifacts: artifacts, ports: Self.ports)
            ) { runtime in
                let beside = release.known(as: release.number.baseline)
                try await runtime.apply(Sample.wish(1, (1, 1), (-1, 1)), releases: [release, beside])
                try await ready(runtime, 2)
                before = try await runtime.view().instances
            }
            let processes = try await keeper.host.list().map(\.process)
            // The stream of exits has one consumer in its life; a supervisor's successor has a link of its own.
            let successor = SuccessorHost(keeper.host)
            try await RuntimeFixture.with(
                try RuntimeFixture.make(scratch, successor, artifacts: artifacts, ports: Self.ports)
            ) { runtime in
                try await eventually("adopted") { try await runtime.adoptedCount() == 2 }
                let view = try await runtime.view()
                #expect(view.instances.map(\.id) == before.map(\.id))
                #expect(view.instances.map(\.backend) == before.map(\.backend))
                #expect(Set(view.instances.map(\.release)) == [release.number, release.number.baseline])
                #expect(view.instances.map(\.release) == before.map(\.release))
                #expect(view.instances.allSatisfy { $0.phase == .ready })
                let beside = release.known(as: release.number.baseline)
                try await runtime.apply(Sample.wish(1, (1, 1), (-1, 1), fence: 2), releases: [release, beside])
                // That nothing happens cannot be waited for.
                try await Task.sleep(for: .milliseconds(300))
                #expect(try await keeper.host.list().map(\.process) == processes, "nothing was started or stopped")
                kill(processes[0].pid, SIGKILL)
                try await eventually("started again") {
                    try await runtime.view().instances.contains { $0.restarts == 1 && $0.phase == .ready }
                }
            }
        } catch {
            try await keeper.stop()
            throw error
        }
        try await keeper.stop()
    }

    @Test func commandsProbeToo() async throws {
        try await live { runtime, _, _ in
            let flag = scratch.path + "/flag"
            let release = try release {
                $0.port = nil
                $0.command = ["sleep", "600"]
                $0.probes.readiness = Probe(
                    check: .command(["/bin/sh", "-c", "echo no flag yet; test -e \(flag)"]), every: .milliseconds(200))
            }
            try await runtime.apply(Sample.wish(1, (1, 1)), releases: [release])
            try await eventually("says what the command said") {
                try await runtime.view().instances.first?.trouble.contains("exited with code 1: no flag yet") == true
            }
            try scratch.write("flag", "")
            try await ready(runtime, 1)
        }
    }

    @Test func logsAreFollowedAcrossInstances() async throws {
        try await live { runtime, _, _ in
            let release = try release {
                $0.port = nil
                $0.command = []
                $0.shell = "for i in 1 2 3; do echo line $i; echo bad $i >&2; sleep 0.1; done; sleep 600"
            }
            let lines = runtime.follow(LogQuery(environment: Sample.environment))
            try await runtime.apply(Sample.wish(1, (1, 2)), releases: [release])
            var seen: [LogLine] = []
            for try await line in lines {
                seen.append(line)
                if seen.count == 12 { break }
            }
            #expect(Set(seen.map(\.instance)).count == 2)
            #expect(seen.count { $0.isError } == 6)
            for instance in Set(seen.map(\.instance)) {
                let mine = seen.filter { $0.instance == instance && !$0.isError }
                #expect(mine.map(\.text) == ["line 1", "line 2", "line 3"])
            }
            let tail = try await runtime.tail(
                LogQuery(environment: Sample.environment, service: Sample.service, lines: 4))
            #expect(tail.count == 4)
            #expect(tail.map(\.at) == tail.map(\.at).sorted())
        }
    }

    @Test(arguments: ["nginx", "gunicorn"])
    func thirdPartyServersRun(_ name: String) async throws {
        let program = ["nginx": "/usr/sbin/nginx", "gunicorn": "/usr/bin/gunicorn"][name] ?? ""
        guard access(program, X_OK) == 0 else {
            if getenv("SLIPWAY_REQUIRE_PEERS") != nil { Issue.record("\(name) is not installed") }
            print("skipped: \(name) is not installed")
            return
        }
        try await live { runtime, artifacts, _ in
            try scratch.write(
                "source/app.py",
                "def app(environ, start):\n    start('200 OK', [('Content-Length', '2')])\n    return [b'ok']\n")
            let artifact = try await packed(artifacts)
            let release = try release(1, artifact) {
                $0.probes.readiness = Probe(check: .http(path: "/"))
                if name == "nginx" {
                    $0.command = ["nginx", "-e", "stderr", "-c", "${instance.files}/nginx.conf"]
                    $0.stop.signal = "QUIT"
                    $0.files = [FileTemplate(name: "nginx.conf", template: Self.nginx)]
                } else {
                    $0.command = [program, "app:app", "--workers", "2", "--bind", "127.0.0.1:${instance.port}"]
                }
            }
            try await runtime.apply(Sample.wish(1, (1, 2)), releases: [release])
            try await ready(runtime, 2)
            try await runtime.apply(Sample.wish(2), releases: [])
            try await runtime.letGo(
                try await runtime.view().instances.map(\.id), of: Sample.service, in: Sample.environment)
            try await eventually("gone") { try await runtime.view().instances.isEmpty }
        }
    }

    private static let nginx = """
        daemon off;
        pid ${instance.files}/nginx.pid;
        worker_processes 1;
        events { worker_connections 64; }
        http {
            access_log off;
            client_body_temp_path ${instance.files}/body; proxy_temp_path ${instance.files}/proxy;
            fastcgi_temp_path ${instance.files}/fastcgi; uwsgi_temp_path ${instance.files}/uwsgi;
            scgi_temp_path ${instance.files}/scgi;
            server { listen 127.0.0.1:${instance.port}; location / { return 200 "hello $host"; } }
        }
        """
}

/// A listener of the test's own on an instance's port.
private final class LockedPort {
    private var descriptor: Int32 = -1
    private var stolen = -1

    deinit { if descriptor >= 0 { close(descriptor) } }

    func steal(_ port: Int) throws -> Bool {
        if descriptor >= 0 { return true }
        descriptor = slw_listen_tcp("127.0.0.1", UInt16(port), 16)
        return descriptor >= 0
    }
}

/// The same keeper, with exits of its own: as the link of a supervisor's successor.
private struct SuccessorHost: InstanceHost {
    let host: KeeperHost
    let exits: AsyncStream<HostExit>
    private let continuation: AsyncStream<HostExit>.Continuation

    init(_ host: KeeperHost) {
        self.host = host
        (exits, continuation) = AsyncStream.makeStream(of: HostExit.self)
    }

    func spawn(_ request: HostSpawn) async throws -> HostProcess { try await host.spawn(request) }
    func signal(_ process: HostProcess, _ signal: Int32, toGroup: Bool) async throws {
        try await host.signal(process, signal, toGroup: toGroup)
    }
    func list() async throws -> [HostEntry] { try await host.list() }
    func acknowledge(_ token: UInt64) async throws { try await host.acknowledge(token) }
}

/// Real processes as the conformance suite sees them.
private struct LiveSubject: RuntimeUnderTest {
    let local: LocalProcesses
    let artifact: Artifact
    var runtime: any RuntimePort { local }
    var measures: Bool { true }

    init(runtime: LocalProcesses, artifact: Artifact) {
        local = runtime
        self.artifact = artifact
    }

    func release(
        _ behaviour: InstanceBehaviour, _ number: Int, of service: ServiceName, in environment: EnvironmentID
    ) throws -> Release {
        var spec = ServiceSpec(service: service, command: ["python3", "server.py"], port: 80, drain: .minutes(1))
        switch behaviour {
        case .serves: break
        case .servesAndDrainsQuickly: spec.drain = .milliseconds(300)
        case .works:
            spec.port = nil
            spec.command = ["sleep", "600"]
        case .neverReady:
            spec.command = ["sleep", "600"]
            spec.probes.startup = Probe(check: .tcp, deadline: .seconds(1))
        case .diesAtOnce: spec.command = ["false"]
        case .cannotStart: spec.command = ["./nowhere"]
        case .burns:
            spec.port = nil
            spec.command = ["python3", "-c", "while True: pass"]
            spec.scale = ScaleSpec(min: 1, max: 2, targets: [ScaleTarget(metric: .cpu, perInstance: 700, share: 70)])
        case .hogs:
            spec.port = nil
            spec.command = ["python3", "-c", "import time; a = bytearray(96 << 20); time.sleep(600)"]
            spec.resources.memoryLimit = 32 << 20
        }
        let parts = ReleaseParts(artifact: artifact, spec: spec)
        return Release(
            environment: environment, number: ReleaseNumber(number), digest: try parts.digest(), parts: parts,
            createdAt: 0, createdBy: "test")
    }

    // The suite polls by it.
    func pass(_ span: Span) async throws { try await Task.sleep(for: .milliseconds(span.milliseconds)) }
}
