package import Domain
package import Ports
import Synchronization

/// Migrations without processes, for tests of what stands on the port: they end as the first word of their command says
/// (`succeeds`, `fails`), or run until they are told to end (`goesOn`, `isStubborn`).
package final class MigrationTwin: MigrationPort, MigrationsUnderTest {
    private struct State {
        var states: [MigrationKey: MigrationState] = [:]
        var stubborn: Set<MigrationKey> = []
        var lines: [MigrationKey: [String]] = [:]
        var runs: [ServiceName: Int] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package func session(_ body: (any MigrationPort) async throws -> Void) async throws { try await body(self) }

    package func release(
        _ behaviour: MigrationBehaviour, of service: ServiceName, in environment: EnvironmentID
    ) throws -> Release {
        var spec = ServiceSpec(service: service, command: ["server"])
        spec.migrate = MigrationSpec(command: ["\(behaviour)"], schema: "1")
        let parts = ReleaseParts(artifact: nil, spec: spec)
        return Release(
            environment: environment, number: ReleaseNumber(1), digest: try parts.digest(), parts: parts, createdAt: 0,
            createdBy: "test")
    }

    package func runs(of service: ServiceName) async throws -> Int { state.withLock { $0.runs[service] ?? 0 } }

    package func pass(_ span: Span) async throws { await Task.yield() }

    package func start(_ request: MigrationRequest) async throws {
        let key = request.key
        try state.withLock { state in
            guard state.states[key] == nil else { return }
            for (other, how) in state.states
            where other.service == key.service && other.environment == key.environment {
                if other > key { throw PortError(.stale, "a later one is known") }
                if how == .running { throw PortError(.invalid, "another one runs") }
            }
            let word = request.release.parts.spec.migrate?.command.first ?? ""
            if word == "cannotStart" {
                state.states[key] = .notStarted("there is no program")
                return
            }
            state.runs[key.service, default: 0] += 1
            switch word {
            case "succeeds": state.states[key] = .exited(0)
            case "fails":
                state.states[key] = .exited(3)
                state.lines[key] = ["no such table"]
            case _:
                state.states[key] = .running
                if word == "isStubborn" { state.stubborn.insert(key) }
            }
        }
    }

    package func stop(_ key: MigrationKey, kill: Bool) async throws {
        state.withLock { state in
            guard state.states[key] == .running, kill || !state.stubborn.contains(key) else { return }
            state.states[key] = .signalled(kill ? 9 : 15)
        }
    }

    package func observe(_ environment: EnvironmentID) async throws -> [ServiceName: [MigrationView]] {
        state.withLock { state in
            var views: [ServiceName: [MigrationView]] = [:]
            for (key, how) in state.states.sorted(by: { $0.key < $1.key }) where key.environment == environment {
                views[key.service, default: []].append(
                    MigrationView(
                        deployment: key.deployment, attempt: key.attempt, state: how, lines: state.lines[key] ?? []))
            }
            return views
        }
    }
}
