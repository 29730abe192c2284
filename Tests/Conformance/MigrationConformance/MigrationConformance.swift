package import Domain
package import Ports
import Testing

/// What runs migrations, under test, and what the suite cannot know of it.
package protocol MigrationsUnderTest: Sendable {
    /// Does things with it. Every call is another supervisor that takes over: what runs goes on in between.
    func session(_ body: (any MigrationPort) async throws -> Void) async throws
    /// A release whose migration behaves so.
    func release(_ behaviour: MigrationBehaviour, of service: ServiceName, in environment: EnvironmentID) throws
        -> Release
    /// How often anything of the service's migrations really ran.
    func runs(of service: ServiceName) async throws -> Int
    /// Lets a little time pass.
    func pass(_ span: Span) async throws
    /// Whoever is killed is told to end before, and may end by that.
    var tellsBeforeItKills: Bool { get }
}

extension MigrationsUnderTest {
    package var tellsBeforeItKills: Bool { false }
}

/// How a release's migration behaves.
package enum MigrationBehaviour: Hashable, Sendable {
    /// Ends well at once.
    case succeeds
    /// Writes `no such table`, then ends with 3.
    case fails
    /// Runs until it is told to end.
    case goesOn
    /// Runs until it is killed.
    case isStubborn
    /// Its program is missing.
    case cannotStart
}

/// What everything that runs migrations has to keep to. Each check uses a service of its own.
package struct MigrationConformance: Sendable {
    private let subject: any MigrationsUnderTest
    private let environment = EnvironmentID(project: "conformance", name: "dev")
    private let patience: Span

    package init(_ subject: any MigrationsUnderTest, patience: Span = .seconds(20)) {
        self.subject = subject
        self.patience = patience
    }

    /// All checks, one after the other.
    package func all() async throws {
        try await runsOnceForItsKey()
        try await tellsHowItFailed()
        try await tellsThatItCannotStart()
        try await isToldToEnd()
        try await isKilled()
        try await refusesASecondBesideIt()
        try await refusesAnEarlierOne()
        try await isFoundRunningAfterATakeOver()
        try await isRememberedAfterATakeOver()
        try await unknownKeysAreNoError()
    }

    package func runsOnceForItsKey() async throws {
        let (service, release) = try make("once", .succeeds)
        try await subject.session { port in
            try await start(port, release, 1)
            try await settle(port, service, 1, .exited(0))
            for _ in 0..<3 { try await start(port, release, 1) }
        }
        try await subject.session { port in
            try await known(port)
            try await start(port, release, 1)
            try await subject.pass(.milliseconds(200))
            try await settle(port, service, 1, .exited(0))
        }
        #expect(try await subject.runs(of: service) == 1)
    }

    package func tellsHowItFailed() async throws {
        let (service, release) = try make("fails", .fails)
        try await subject.session { port in
            try await start(port, release, 1)
            let view = try await settle(port, service, 1, .exited(3))
            #expect(view.lines == ["no such table"])
        }
    }

    package func tellsThatItCannotStart() async throws {
        let (service, release) = try make("missing", .cannotStart)
        try await subject.session { port in
            try await start(port, release, 1)
            try await eventually("it was not started") {
                if case .notStarted(let why)? = try await view(port, service, 1)?.state { !why.isEmpty } else { false }
            }
        }
        #expect(try await subject.runs(of: service) == 0)
    }

    package func isToldToEnd() async throws {
        let (service, release) = try make("term", .goesOn)
        try await subject.session { port in
            try await start(port, release, 1)
            try await running(port, service, 1)
            for _ in 0..<2 { try await port.stop(key(service, 1), kill: false) }
            try await settle(port, service, 1, .signalled(15))
        }
    }

    package func isKilled() async throws {
        let (service, release) = try make("kill", .isStubborn)
        try await subject.session { port in
            try await start(port, release, 1)
            try await running(port, service, 1)
            try await port.stop(key(service, 1), kill: false)
            try await subject.pass(.milliseconds(300))
            #expect(try await view(port, service, 1)?.state == .running)
            try await port.stop(key(service, 1), kill: true)
            try await settle(port, service, 1, .signalled(9))
        }
    }

    package func refusesASecondBesideIt() async throws {
        let (service, release) = try make("beside", .goesOn)
        try await subject.session { port in
            try await start(port, release, 1)
            try await running(port, service, 1)
            await #expect("another one") { try await start(port, release, 2) } throws: {
                ($0 as? PortError)?.code == .invalid
            }
            try await port.stop(key(service, 1), kill: true)
            try await settle(port, service, 1, .signalled(subject.tellsBeforeItKills ? 15 : 9))
        }
        #expect(try await subject.runs(of: service) == 1)
    }

    package func refusesAnEarlierOne() async throws {
        let (service, release) = try make("earlier", .succeeds)
        try await subject.session { port in
            try await start(port, release, 2)
            try await settle(port, service, 2, .exited(0))
            await #expect("an earlier one") { try await start(port, release, 1) } throws: {
                ($0 as? PortError)?.code == .stale
            }
        }
        #expect(try await subject.runs(of: service) == 1)
    }

    package func isFoundRunningAfterATakeOver() async throws {
        let (service, release) = try make("adopted", .goesOn)
        try await subject.session { port in
            try await start(port, release, 1)
            try await running(port, service, 1)
        }
        try await subject.session { port in
            try await known(port)
            try await running(port, service, 1)
            try await port.stop(key(service, 1), kill: false)
            try await settle(port, service, 1, .signalled(15))
        }
        #expect(try await subject.runs(of: service) == 1)
    }

    package func isRememberedAfterATakeOver() async throws {
        let (service, release) = try make("remembered", .fails)
        try await subject.session { port in
            try await start(port, release, 1)
            try await settle(port, service, 1, .exited(3))
        }
        try await subject.session { port in
            try await known(port)
            let view = try await settle(port, service, 1, .exited(3))
            #expect(view.lines == ["no such table"])
        }
    }

    package func unknownKeysAreNoError() async throws {
        try await subject.session { port in
            try await known(port)
            try await port.stop(key(ServiceName("nobody"), 1), kill: true)
            #expect(try await port.observe(environment)[ServiceName("nobody")] == nil)
        }
    }

    // MARK: Words

    private func make(_ name: String, _ behaviour: MigrationBehaviour) throws -> (ServiceName, Release) {
        let service = ServiceName(name)
        return (service, try subject.release(behaviour, of: service, in: environment))
    }

    private func key(_ service: ServiceName, _ attempt: Int) -> MigrationKey {
        MigrationKey(environment: environment, service: service, deployment: DeploymentNumber(1), attempt: attempt)
    }

    private func start(_ port: any MigrationPort, _ release: Release, _ attempt: Int) async throws {
        try await known(port)
        try await port.start(MigrationRequest(key: key(release.service, attempt), release: release))
    }

    private func view(_ port: any MigrationPort, _ service: ServiceName, _ attempt: Int) async throws -> MigrationView?
    {
        try await port.observe(environment)[service]?.first { $0.attempt == attempt }
    }

    private func running(_ port: any MigrationPort, _ service: ServiceName, _ attempt: Int) async throws {
        try await eventually("\(service) runs") {
            guard try await view(port, service, attempt)?.state == .running else { return false }
            return try await subject.runs(of: service) > 0
        }
    }

    @discardableResult
    private func settle(
        _ port: any MigrationPort, _ service: ServiceName, _ attempt: Int, _ state: MigrationState
    ) async throws -> MigrationView {
        try await eventually("\(service): \(state)") { try await view(port, service, attempt)?.state == state }
        guard let view = try await view(port, service, attempt) else { throw NotInTime() }
        return view
    }

    /// Until it knows what runs, it says so.
    private func known(_ port: any MigrationPort) async throws {
        try await eventually("it knows what runs") {
            do {
                _ = try await port.observe(environment)
                return true
            } catch let error as PortError where error.code == .unavailable {
                return false
            }
        }
    }

    private func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .milliseconds(patience.milliseconds)
        while ContinuousClock.now < deadline {
            if try await condition() { return }
            try await subject.pass(.milliseconds(20))
        }
        Issue.record("\(what): not within \(patience)")
        throw NotInTime()
    }

    private struct NotInTime: Error {}
}
