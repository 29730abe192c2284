import Domain
import GateConformance
import Gates
import Glibc
import Ports
import Synchronization
import TestServers
import Testing

@Suite(
    "Gates keep the port's promises", .timeLimit(.minutes(1)),
    .enabled(if: access(ServerProcess.python, X_OK) == 0, "python3 is not installed"))
struct ConformanceTests {
    @Test(arguments: GateCheck.all)
    func desk(_ check: GateCheck) async throws { try await check.run(DeskSubject()) }
}

/// The gate desk with servers in Python and counts that the check says.
final class DeskSubject: GateSubject {
    private struct World {
        var servers: [ServerProcess] = []
        var source = 1
        var requests = 0
        var errors = 0
    }

    private let world = Mutex(World())

    func make() async throws -> GateDesk {
        GateDesk(
            command: CommandGate(grace: .milliseconds(200)) { _ in "/" },
            threshold: ThresholdGate { _, _ in self.counts }, analysis: AnalysisGate { _, _ in self.counts },
            metric: MetricGate(MetricLooks(SaidSource(1)) { 0 }),
            comparison: ComparisonGate(MetricLooks(SaidSource(1)) { 0 }))
    }

    func discard(_ gates: GateDesk) async throws {
        for server in world.withLock({ $0.servers }) { server.stop() }
    }

    private var counts: TrafficCounts {
        world.withLock { world in
            let release = ReleaseTraffic(
                release: ReleaseNumber(15), requests: world.requests, errors: world.errors, inFlight: 0, latency: [])
            return TrafficCounts(source: "\(world.source)", releases: world.requests > 0 ? [release] : [])
        }
    }

    func instance(_ id: InstanceID, _ behaviour: InstanceBehaviour) async throws -> InstanceView {
        let server = try await ServerProcess.start(script: Self.source(behaviour))
        world.withLock { $0.servers.append(server) }
        return InstanceView(
            id: id, release: ReleaseNumber(15), phase: .ready, backend: .address(host: "127.0.0.1", port: server.port))
    }

    func count(requests: Int, errors: Int) async throws {
        world.withLock { world in
            world.requests += requests
            world.errors += errors
        }
    }

    func restartCounts() async throws {
        world.withLock { world in
            world.source += 1
            world.requests = 0
            world.errors = 0
        }
    }

    private static func source(_ behaviour: InstanceBehaviour) -> String {
        let answer =
            switch behaviour {
            case .answers200: "c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok'); c.close()"
            case .answers500: "c.sendall(b'HTTP/1.1 500 Oops\\r\\nContent-Length: 4\\r\\n\\r\\noops'); c.close()"
            case .hangs: "kept.append(c)"
            }
        return """
            import socket
            kept = []
            s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(16)
            print(s.getsockname()[1], flush=True)
            while True:
                c, _ = s.accept(); c.recv(65536); \(answer)
            """
    }
}
