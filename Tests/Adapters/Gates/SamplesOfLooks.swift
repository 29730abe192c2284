import Domain
import Ports

func release(routes: [RouteSpec] = []) -> Release {
    let spec = ServiceSpec(service: ServiceName("api"), command: ["./serve"], port: 8080, routes: routes)
    return Release(
        environment: EnvironmentID(project: "shop", name: "staging"), number: ReleaseNumber(15),
        digest: ContentDigest(words: (15, 0, 0, 0)), parts: ReleaseParts(artifact: nil, spec: spec), createdAt: 0,
        createdBy: "a test")
}

func instance(_ id: UInt64, port: Int? = nil, phase: InstancePhase = .ready) -> InstanceView {
    InstanceView(
        id: InstanceID(id), release: ReleaseNumber(15), phase: phase,
        backend: port.map { .address(host: "127.0.0.1", port: $0) } ?? .none)
}

func request(
    _ question: GateQuestion, at instances: [InstanceView] = [], look: Int = 1, since: Int = 0,
    timeout: Span = .seconds(10), release: Release = release(), stable: Release? = nil
) -> LookRequest {
    LookRequest(
        key: LookKey(
            environment: release.environment, service: release.service, deployment: DeploymentNumber(37), run: 1,
            look: look),
        gate: GateSpec(name: GateName("trial"), question: question, schedule: GateSchedule(timeout: timeout)),
        release: release, stable: stable, instances: instances.filter { $0.phase == .ready }, all: instances,
        since: since)
}

/// Asks again until it is so; false when the time is over.
func eventually(within limit: Duration = .seconds(10), _ condition: () async throws -> Bool) async throws -> Bool {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while clock.now < deadline {
        if try await condition() { return true }
        try await clock.sleep(for: .milliseconds(5))
    }
    return false
}
