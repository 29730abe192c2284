import Domain
import Glibc
import MigrationConformance
import Ports
import Testing

@testable import ProcessRuntime

/// Migrations as processes, under a real keeper and on the simulated host.
@Suite(.serialized, .timeLimit(.minutes(2))) struct LocalMigrationTests {
    private let scratch: ScratchDirectory
    private static let ports = 22_000...22_099

    init() throws {
        scratch = try ScratchDirectory()
        try Tree.make(scratch.path + "/tree")
    }

    @Test func theTwinKeepsToThePort() async throws { try await MigrationConformance(MigrationTwin()).all() }

    @Test func keepsToThePort() async throws {
        let keeper = try await LiveKeeper.start()
        do {
            try await MigrationConformance(LiveMigrations(scratch: scratch, keeper: keeper)).all()
        } catch {
            try await keeper.stop()
            throw error
        }
        try await keeper.stop()
    }

    // MARK: On the simulated host

    private func key(_ attempt: Int = 1) -> MigrationKey {
        MigrationKey(
            environment: Sample.environment, service: Sample.service, deployment: DeploymentNumber(4), attempt: attempt)
    }

    private func release(_ word: String, change: (inout ServiceSpec) -> Void = { _ in }) throws -> Release {
        try Sample.release(3) { spec in
            spec.migrate = MigrationSpec(command: ["/bin/sh", word, "${schema}"], schema: "7")
            change(&spec)
        }
    }

    private func with(_ host: HostTwin, _ body: (LocalProcesses) async throws -> Void) async throws {
        try await RuntimeFixture.with(try RuntimeFixture.make(scratch, host, ports: Self.ports)) { runtime in
            try await eventually("adopted") { try await isKnown(runtime) }
            try await body(runtime)
        }
    }

    private func isKnown(_ runtime: LocalProcesses) async throws -> Bool {
        do {
            _ = try await runtime.migrations.observe(Sample.environment)
            return true
        } catch let error as PortError where error.code == .unavailable { return false }
    }

    private func state(_ runtime: LocalProcesses, _ attempt: Int = 1) async throws -> MigrationState? {
        try await runtime.migrations.observe(Sample.environment)[Sample.service]?.first { $0.attempt == attempt }?.state
    }

    @Test func getsTheReleasesSurroundings() async throws {
        let host = HostTwin()
        let release = try release("succeeds") { spec in
            spec.env = [
                Variable(name: "DATABASE", value: "${data.store}/db"),
                Variable(name: "WHERE", value: "${instance.host}"),
            ]
            spec.data = [DataPath(name: "store", path: "store")]
            spec.needs = [ServiceName("db")]
            spec.migrate?.env = [Variable(name: "DATABASE_LOCK", value: "${needs.db.url}")]
        }
        try await with(host) { runtime in
            try await runtime.migrations.start(MigrationRequest(key: key(), release: release))
            try await eventually("its end") { try await state(runtime) == .exited(0) }
            let spawn = try #require(host.spawns.first)
            #expect(spawn.arguments == ["/bin/sh", "succeeds", "7"])
            let home = scratch.path + "/state"
            #expect(spawn.environment.contains("DATABASE=\(home)/data/shop/dev/store/db"))
            #expect(spawn.environment.contains("DATABASE_LOCK=http://127.0.0.1:7000"))
            #expect(spawn.environment.contains("SLIPWAY_SCHEMA=7"))
            #expect(spawn.environment.contains("DB_URL=http://127.0.0.1:7000"))
            #expect(!spawn.environment.contains { $0.hasPrefix("WHERE=") || $0.hasPrefix("PORT=") })
            try await eventually("its end is acknowledged") { host.unacknowledged == 0 }
        }
    }

    @Test func anEndThatNobodyHeardOfIsFoundByTheNextSupervisor() async throws {
        let host = HostTwin()
        host.losesExits = true
        try await with(host) { runtime in
            try await runtime.migrations.start(MigrationRequest(key: key(), release: try release("works")))
            try await eventually("it runs") { try await state(runtime) == .running }
        }
        host.end(try #require(host.running.first?.token), .exited(0))
        try await with(host) { runtime in
            let found = try await state(runtime)
            #expect(found == .exited(0))
        }
        #expect(host.unacknowledged == 0)
        #expect(host.spawns.count == 1)
    }

    @Test func whatTheHostForgotIsLost() async throws {
        try await with(HostTwin()) { runtime in
            try await runtime.migrations.start(MigrationRequest(key: key(), release: try release("works")))
            try await eventually("it runs") { try await state(runtime) == .running }
        }
        // As after a reboot: another host, which knows of nothing.
        let host = HostTwin()
        try await with(host) { runtime in
            guard case .lost? = try await state(runtime) else {
                Issue.record("it should be lost")
                return
            }
            try await runtime.migrations.start(MigrationRequest(key: key(), release: try release("works")))
            #expect(host.spawns.isEmpty, "a key that is known is never started again")
            try await runtime.migrations.start(MigrationRequest(key: key(2), release: try release("succeeds")))
            try await eventually("the second attempt's end") { try await state(runtime, 2) == .exited(0) }
        }
    }

    @Test func aHostThatDoesNotAnswerLeavesItOpen() async throws {
        let host = HostTwin()
        try await with(host) { runtime in
            host.isAway = true
            try await runtime.migrations.start(MigrationRequest(key: key(), release: try release("works")))
            #expect(try await state(runtime) == .starting)
            host.isAway = false
            try await eventually("it is known to be lost") {
                if case .lost? = try await state(runtime) { true } else { false }
            }
        }
        #expect(host.spawns.isEmpty)
    }

    @Test func itsLinesAreKept() async throws {
        let keeper = try await LiveKeeper.start()
        do {
            let subject = LiveMigrations(scratch: scratch, keeper: keeper)
            let environment = EnvironmentID(project: "shop", name: "dev")
            let release = try subject.release(.fails, of: Sample.service, in: environment)
            try await subject.runtime { runtime in
                try await eventually("adopted") { try await isKnown(runtime) }
                try await runtime.migrations.start(MigrationRequest(key: key(), release: release))
                try await eventually("its end") { try await state(runtime) == .exited(3) }
                let query = LogQuery(environment: environment, service: Sample.service)
                let lines = try await runtime.migrations.migrationTail(query)
                #expect(lines.map(\.text) == ["no such table"])
                #expect(lines.first?.release == release.number)
            }
        } catch {
            try await keeper.stop()
            throw error
        }
        try await keeper.stop()
    }
}

/// Real processes under a real keeper; every session is another runtime in the same directory.
private struct LiveMigrations: MigrationsUnderTest {
    let scratch: ScratchDirectory
    let keeper: LiveKeeper

    func runtime(_ body: (LocalProcesses) async throws -> Void) async throws {
        try await RuntimeFixture.with(try RuntimeFixture.make(scratch, keeper.host, ports: 22_100...22_199), body)
    }

    func session(_ body: (any MigrationPort) async throws -> Void) async throws {
        try await runtime { try await body($0.migrations) }
    }

    func release(
        _ behaviour: MigrationBehaviour, of service: ServiceName, in environment: EnvironmentID
    ) throws -> Release {
        let count = "echo ran >> \(counts(service)); "
        let command: [String]
        switch behaviour {
        case .succeeds: command = ["/bin/sh", "-c", count]
        case .fails: command = ["/bin/sh", "-c", count + "echo no such table; exit 3"]
        case .goesOn: command = ["/bin/sh", "-c", count + "exec sleep 60"]
        case .isStubborn: command = ["/bin/sh", "-c", "trap '' TERM; " + count + "exec sleep 60"]
        case .cannotStart: command = ["./not-there"]
        }
        var spec = ServiceSpec(service: service, command: ["/bin/server"])
        spec.migrate = MigrationSpec(command: command, schema: "1")
        let parts = ReleaseParts(artifact: nil, spec: spec)
        return Release(
            environment: environment, number: ReleaseNumber(1), digest: try parts.digest(), parts: parts, createdAt: 0,
            createdBy: "test")
    }

    private func counts(_ service: ServiceName) -> String { "\(scratch.path)/ran-\(service)" }

    func runs(of service: ServiceName) async throws -> Int {
        (SmallFile.read(counts(service)) ?? "").split(separator: "\n").count
    }

    // A real runtime's time is the clock's.
    func pass(_ span: Span) async throws { try await Task.sleep(for: .milliseconds(span.milliseconds)) }
}
