import CLinux
import Domain
import Glibc
import Ports
import RuntimeConformance
import Synchronization
import Testing

@testable import ProcessRuntime

/// The whole runtime on the simulated host.
@Suite(.serialized, .timeLimit(.minutes(2))) struct HostedRuntimeTests {
    private let scratch: ScratchDirectory
    private let host = HostTwin()

    init() throws {
        scratch = try ScratchDirectory()
        try Tree.make(scratch.path + "/tree")
    }

    private func run(_ body: (LocalProcesses) async throws -> Void) async throws {
        try await RuntimeFixture.with(
            try RuntimeFixture.make(scratch, host, ports: 20_000...20_499), body)
    }

    private func release(
        _ behaviour: String = "serves", _ number: Int = 1, change: (inout ServiceSpec) -> Void = { _ in }
    ) throws -> Release {
        try Sample.release(number) { spec in
            spec.command = ["/bin/sh", behaviour]
            change(&spec)
        }
    }

    private func ready(_ runtime: LocalProcesses, _ count: Int) async throws {
        try await eventually("\(count) ready instances") {
            try await runtime.view().instances.count { $0.phase == .ready } == count
        }
    }

    @Test func keepsToThePort() async throws {
        try await run { runtime in
            try await RuntimeConformance(TwinSubject(runtime: runtime)).all()
        }
        try await eventually("every end is acknowledged") { host.unacknowledged == 0 }
        #expect(host.running.isEmpty)
    }

    @Test func givesInstancesTheirSurroundings() async throws {
        let release = try release {
            $0.command = ["/bin/sh", "serves", "--port=${instance.port}", "$${X}", "${data.store}"]
            $0.env = [Variable(name: "GREETING", value: "hi from ${service.name}@${release}")]
            $0.files = [
                FileTemplate(
                    name: "conf/app.conf", template: "listen ${instance.port}; say ${env.GREETING}; to ${API_B_URL}")
            ]
            $0.data = [DataPath(name: "store", path: "store")]
            $0.needs = [ServiceName("api-b")]
            $0.resources.files = 512
        }
        try await run { runtime in
            try await runtime.apply(Sample.wish(1, (1, 1)), releases: [release])
            try await ready(runtime, 1)
            let spawn = try #require(host.spawns.first)
            let view = try await runtime.view()
            guard case .address(_, let port) = view.instances[0].backend else { throw TooLate() }
            let id = view.instances[0].id
            let home = scratch.path + "/state"
            #expect(spawn.program == "/bin/sh")
            #expect(spawn.arguments == ["/bin/sh", "serves", "--port=\(port)", "${X}", "\(home)/data/shop/dev/store"])
            #expect(spawn.files == 512)
            #expect(
                spawn.environment == [
                    "API_B_URL=http://127.0.0.1:7000", "GREETING=hi from api@1", "HOME=\(runtime.configuration.home)",
                    "LANG=C.UTF-8", "PATH=\(runtime.configuration.searchPath)", "PORT=\(port)",
                    "SLIPWAY_ENVIRONMENT=dev", "SLIPWAY_INSTANCE_ID=\(id)", "SLIPWAY_RELEASE=1", "SLIPWAY_SERVICE=api",
                    "TMPDIR=\(home)/instances/\(id)/tmp",
                ])
            #expect(
                SmallFile.read("\(home)/instances/\(id)/files/conf/app.conf")
                    == "listen \(port); say hi from api@1; to http://127.0.0.1:7000")
            #expect(access("\(home)/data/shop/dev/store", W_OK) == 0)
        }
    }

    @Test func unknownVariablesFailTheSetAndNameThePlace() async throws {
        let release = try release { $0.env = [Variable(name: "URL", value: "${needs.nothing.url}")] }
        try await run { runtime in
            try await runtime.apply(Sample.wish(1, (1, 1)), releases: [release])
            try await eventually("a failed set") { try await runtime.view().instances.first?.phase == .failed }
            guard case .failed(let text)? = try await runtime.view().sets.first?.state else { throw TooLate() }
            #expect(text.contains("env.URL: there is no variable ${needs.nothing.url}"))
            #expect(text.contains("${instance.port}"))
            #expect(host.spawns.isEmpty)
        }
    }

    @Test func missingProgramsAreNamedWithPathAndDirectory() async throws {
        for (command, words) in [
            ("no-such-server", "there is no program no-such-server in PATH=/usr/local/sbin"),
            ("./serve", "the program ./serve does not exist (looked for \(scratch.path)/tree/./serve)"),
            ("/etc", "the program /etc is a directory"), ("/etc/passwd", "is not executable"),
        ] {
            let service = ServiceName("s\(command.utf8.count)")
            let artifact = Artifact(digest: .of(Array("tree".utf8)), size: 1, origin: "tree")
            let release = try Sample.release(1, artifact: artifact) {
                $0.service = service
                $0.command = [command]
            }
            try await run { runtime in
                try await runtime.apply(Sample.wish(1, (1, 1), service: service), releases: [release])
                try await eventually("a failed instance") {
                    try await runtime.view(service).instances.first?.phase == .failed
                }
                guard case .failed(let text)? = try await runtime.view(service).sets.first?.state else {
                    throw TooLate()
                }
                #expect(text.contains(words), "\(text)")
                #expect(try await runtime.view(service).instances[0].trouble.contains(words))
            }
        }
    }

    @Test func aPeerWithoutAnAddressIsWaitedFor() async throws {
        let release = try release { $0.needs = [ServiceName("nobody")] }
        try await run { runtime in
            try await runtime.apply(Sample.wish(1, (1, 1)), releases: [release])
            try await eventually("says what it waits for") {
                try await runtime.view().instances.first?.trouble.contains("needs nobody, which has no address yet")
                    == true
            }
            #expect(try await runtime.view().sets.map(\.state) == [.prepared], "it may come")
        }
    }

    @Test func adoptsWhatRunsAndLearnsWhatEnded() async throws {
        let release = try release()
        let first = try RuntimeFixture.make(scratch, host, ports: 20_000...20_499)
        try await RuntimeFixture.with(first) { runtime in
            try await runtime.apply(Sample.wish(1, (1, 2)), releases: [release])
            try await ready(runtime, 2)
        }
        let before = try await first.view()
        let spawns = host.spawns.count
        // One ends while nobody watches, and its end is not heard of by event either.
        host.losesExits = true
        let victim = host.running[0]
        host.end(victim.token, .exited(7))
        host.losesExits = false
        try await run { runtime in
            try await eventually("adopted") { try await runtime.adoptedCount() == 2 }
            let view = try await runtime.view()
            #expect(view.version > before.version, "versions go on across the restart")
            #expect(view.instances.map(\.id) == before.instances.map(\.id))
            #expect(view.instances.map(\.backend) == before.instances.map(\.backend))
            #expect(view.instances.count { $0.phase == .ready } == 1)
            #expect(view.instances.contains { $0.trouble.contains("exited with code 7") })
            #expect(view.generation == 0)
            #expect(host.spawns.count == spawns, "nothing is started before a wish comes")
            try await runtime.apply(Sample.wish(1, (1, 2), fence: 2), releases: [release])
            try await ready(runtime, 2)
            #expect(host.spawns.count == spawns + 1)
            #expect(try await runtime.view().instances.map(\.id) == before.instances.map(\.id))
            try await eventually("acknowledged") { host.unacknowledged == 0 }
        }
    }

    @Test func numbersAreNeverGivenTwice() async throws {
        var seen: Set<InstanceID> = []
        for round in 1...4 {
            let release = try release("works", round) { $0.port = nil }
            try await run { runtime in
                try await runtime.apply(
                    Sample.wish(UInt64(round), (round, 3), fence: UInt64(round)), releases: [release])
                try await eventually("three workers of this round") {
                    let now = try await runtime.view().instances
                    return now.count == 3 && now.allSatisfy { $0.release.value == round && $0.phase == .ready }
                }
                for instance in try await runtime.view().instances {
                    let isNew = seen.insert(instance.id).inserted
                    #expect(isNew)
                }
            }
        }
    }

    @Test func lostEndsAreFound() async throws {
        let release = try release()
        try await run { runtime in
            try await runtime.apply(Sample.wish(1, (1, 1)), releases: [release])
            try await ready(runtime, 1)
            host.losesExits = true
            host.end(host.running[0].token, .signalled(11))
            try await eventually("started again") { host.spawns.count == 2 }
            try await ready(runtime, 1)
            #expect(try await runtime.view().instances[0].restarts == 1)
        }
    }

    @Test func aKeeperThatIsAwayIsWaitedFor() async throws {
        let release = try release()
        host.isAway = true
        try await run { runtime in
            await #expect(throws: PortError.self) { try await runtime.observe(Sample.environment) }
            host.isAway = false
            try await runtime.apply(Sample.wish(1, (1, 1)), releases: [release])
            try await ready(runtime, 1)
            host.isAway = true
            try await runtime.apply(Sample.wish(2, (1, 2)), releases: [release])
            try await eventually("says that it cannot") {
                try await runtime.view().instances.contains { $0.trouble.contains("the twin is away") }
            }
            #expect(try await runtime.view().sets[0].state == .prepared)
            host.isAway = false
            try await ready(runtime, 2)
        }
    }

    @Test func theStubbornAreKilled() async throws {
        let release = try release {
            $0.command.append("stubborn")
            $0.stop = StopSpec(signal: "QUIT", timeout: .milliseconds(200))
        }
        try await run { runtime in
            try await runtime.apply(Sample.wish(1, (1, 1)), releases: [release])
            try await ready(runtime, 1)
            let token = host.running[0].token
            let id = try await runtime.view().instances[0].id
            try await runtime.apply(Sample.wish(2), releases: [])
            try await runtime.letGo([id], of: Sample.service, in: Sample.environment)
            try await eventually("told to stop") { host.signals(token) == [SIGQUIT] }
            try await eventually("gone") { try await runtime.view().instances.isEmpty }
        }
    }

    @Test func changesAreTold() async throws {
        let release = try release()
        try await run { runtime in
            let changes = runtime.changes()
            try await runtime.apply(Sample.wish(1, (1, 1)), releases: [release])
            let started = ContinuousClock.now
            var wakes = 0
            for await _ in changes {
                wakes += 1
                if try await runtime.view().instances.first?.phase == .ready { break }
            }
            #expect(wakes > 1 && wakes < 20)
            #expect(ContinuousClock.now - started < .seconds(2))
        }
    }

    @Test func garbageIsCollectedAndWhatIsInUseStays() async throws {
        let releases = try (1...3).map { try release("works", $0) { $0.port = nil } }
        try await run { runtime in
            for number in 1...3 {
                try await runtime.apply(
                    Sample.wish(UInt64(number), (number, 1)), releases: [releases[number - 1]])
                try await eventually("release \(number) alone") {
                    let now = try await runtime.view().instances
                    return now.count == 1 && now[0].release.value == number && now[0].phase == .ready
                }
            }
            let kept = KeptRelease(
                environment: Sample.environment, service: Sample.service, release: ReleaseNumber(2))
            #expect(try await runtime.collectGarbage(keeping: [kept]) > 0)
            let names = try Tree.names(scratch.path + "/state/releases/shop/dev")
            #expect(names == ["api@2", "api@3"])
        }
    }
}

/// The twin as the conformance suite sees it.
/// The twin's processes are none: nothing can be measured.
private struct NotMeasured: Error {}

private struct TwinSubject: RuntimeUnderTest {
    let local: LocalProcesses
    var runtime: any RuntimePort { local }

    init(runtime: LocalProcesses) { local = runtime }

    func release(
        _ behaviour: InstanceBehaviour, _ number: Int, of service: ServiceName, in environment: EnvironmentID
    ) throws -> Release {
        var spec = ServiceSpec(service: service, command: ["/bin/sh", "serves"], port: 80, drain: .minutes(1))
        switch behaviour {
        case .serves: break
        case .servesAndDrainsQuickly: spec.drain = .milliseconds(300)
        case .works:
            spec.port = nil
            spec.command = ["/bin/sh", "works"]
        case .neverReady:
            spec.command = ["/bin/sh", "sleeps"]
            spec.probes.startup = Probe(check: .tcp, deadline: .seconds(1))
        case .diesAtOnce: spec.command = ["/bin/sh", "dies"]
        case .cannotStart: spec.command = ["/nowhere/at-all"]
        case .burns, .hogs: throw NotMeasured()
        }
        let parts = ReleaseParts(artifact: nil, spec: spec)
        return Release(
            environment: environment, number: ReleaseNumber(number), digest: try parts.digest(), parts: parts,
            createdAt: 0, createdBy: "test")
    }

    // The suite polls by it.
    func pass(_ span: Span) async throws { try await Task.sleep(for: .milliseconds(span.milliseconds)) }
}
