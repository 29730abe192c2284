import Domain
import Ports
import ProxyRouter

let staging = EnvironmentID(project: "shop", name: "staging")
let api = ServiceName("api")
let web = ServiceName("web")

func release(
    _ service: ServiceName = api, _ number: Int = 1, in environment: EnvironmentID = staging,
    routes: [RouteSpec] = [], releaseHeader: Bool = false
) -> Release {
    let spec = ServiceSpec(
        service: service, command: ["./serve"], port: 8080, drain: .seconds(7), routes: routes,
        releaseHeader: releaseHeader)
    return Release(
        environment: environment, number: ReleaseNumber(number),
        digest: ContentDigest(words: (UInt64(number), 0, 0, 0)), parts: ReleaseParts(artifact: nil, spec: spec),
        createdAt: 0, createdBy: "a test")
}

func target(_ release: Int, _ weight: Int, _ ports: [Int] = [4001]) -> TargetWish {
    TargetWish(
        release: ReleaseNumber(release), weight: Weight(clamping: weight),
        backends: ports.enumerated().map { place, port in
            BackendWish(
                instance: InstanceID(UInt64(release * 100 + place)), backend: .address(host: "127.0.0.1", port: port))
        })
}

func wish(
    _ generation: UInt64, _ targets: [TargetWish] = [target(1, 100)], fence: UInt64 = 1, of service: ServiceName = api,
    in environment: EnvironmentID = staging
) -> RouteWish {
    RouteWish(environment: environment, service: service, fence: fence, generation: generation, targets: targets)
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
