import Domain
import Ports

/// Where a server in a cluster would find a machine's processes, proxy and files: nowhere. What is asked of it is
/// refused; plans for machines are refused before.
struct NoMachine: RuntimePort, RouterPort, MigrationPort, MigrationLogs, InstanceLogs, HostPort {
    var capabilities: RouterCapabilities {
        RouterCapabilities(
            granularity: 0, matchesHeaders: false, matchesCookies: false, sticky: false, hold: false, counts: false)
    }

    private static let refusal = PortError(
        .invalid, "this server is in a cluster and runs nothing on a machine",
        hint: "deploy environments with `runtime: process` without a server")

    func apply(_ wish: RuntimeWish, releases: [Release]) async throws { throw Self.refusal }

    func letGo(_ instances: [InstanceID], of service: ServiceName, in environment: EnvironmentID) async throws {}

    func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RuntimeView] { [:] }

    func apply(_ wish: RouteWish, service: Release) async throws { throw Self.refusal }

    func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RouterView] { [:] }

    func forget(_ wish: ForgetWish) async throws {}

    func counts(_ service: ServiceName, in environment: EnvironmentID) async throws -> TrafficCounts? { nil }

    func start(_ request: MigrationRequest) async throws { throw Self.refusal }

    func stop(_ key: MigrationKey, kill: Bool) async throws {}

    func observe(_ environment: EnvironmentID) async throws -> [ServiceName: [MigrationView]] { [:] }

    func migrationTail(_ query: LogQuery) async throws -> [LogLine] { [] }

    func tail(_ query: LogQuery) async throws -> [LogLine] { [] }

    func look(_ question: HostQuestion) async -> HostView {
        HostView(statePath: "", wall: SystemMoment.now().wall)
    }
}

/// The files of releases that are images: there are none.
struct NoArtifacts: ArtifactStorePort, ArtifactIntakePort {
    private static let refusal = PortError(
        .invalid, "this server is in a cluster and keeps no files of releases", hint: "give the service an `image`")

    func pack(_ directory: String, ignore: [String], origin: String) async throws -> Artifact { throw Self.refusal }

    func contains(_ digest: ContentDigest) async throws -> Bool { false }

    func unpack(_ digest: ContentDigest) async throws -> String { throw Self.refusal }

    func prune(keeping: [ContentDigest]) async throws -> Int64 { 0 }

    func arrived(_ digest: ContentDigest) async throws -> Int64? { throw Self.refusal }

    func take(_ piece: [UInt8], at offset: Int64, of digest: ContentDigest, size: Int64) async throws -> Int64? {
        throw Self.refusal
    }
}
