import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesCluster
import Ports
import RegistryAPI

/// This machine and the clusters, as one: each environment is on one of them.
struct PlaceSwitch {
    let desk: ClusterDesk
    let look: ClusterLook
    let runtime: RuntimeSwitch
    let router: RouterSwitch
    let migrations: MigrationSwitch
    let logs: LogSwitch

    /// - Parameter path: of the file that remembers which cluster an environment is on.
    init(
        path: String, runtime: any RuntimePort, router: any RouterPort,
        migrations: any MigrationPort & MigrationLogs, logs: any InstanceLogs
    ) throws {
        self.init(
            try Self.desk(path: path), runtime: runtime, router: router, migrations: migrations, logs: logs)
    }

    init(
        _ desk: ClusterDesk, runtime: any RuntimePort, router: any RouterPort,
        migrations: any MigrationPort & MigrationLogs, logs: any InstanceLogs
    ) {
        self.desk = desk
        look = Self.look(desk)
        let pods = KubernetesRuntime(desk)
        self.migrations = MigrationSwitch(
            local: migrations, cluster: KubernetesMigrations(desk, runtime: pods), desk: desk)
        self.runtime = RuntimeSwitch(local: runtime, cluster: pods, desk: desk)
        self.router = RouterSwitch(local: router, cluster: ClusterRouters(desk), desk: desk)
        self.logs = LogSwitch(local: logs, cluster: pods, desk: desk)
    }

    /// The clusters that this machine's kubeconfig names.
    static func desk(path: String?) throws -> ClusterDesk {
        try ClusterDesk(path: path) { context in
            try ClusterAccess.find(context: context, environment: ProcessInfo.processInfo.environment)
        }
    }

    /// Looks at them, and at images as this machine would ask for them.
    static func look(_ desk: ClusterDesk) -> ClusterLook {
        ClusterLook(desk) { () throws(RegistryTrouble) in
            let variables = ProcessInfo.processInfo.environment
            return try RegistrySettings.ofThisMachine(variables: variables, home: variables["HOME"] ?? "/")
        }
    }
}

/// Where an environment runs decides who runs it: this machine, or a cluster.
struct RuntimeSwitch: RuntimePort {
    let local: any RuntimePort
    let cluster: any RuntimePort
    let desk: ClusterDesk

    func apply(_ wish: RuntimeWish, releases: [Release]) async throws {
        try await side(wish.environment, releases.first).apply(wish, releases: releases)
    }

    func letGo(_ instances: [InstanceID], of service: ServiceName, in environment: EnvironmentID) async throws {
        try await side(environment).letGo(instances, of: service, in: environment)
    }

    func forget(_ wish: ForgetWish) async throws { try await side(wish.environment).forget(wish) }

    func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RuntimeView] {
        try await side(environment).observe(environment)
    }

    func doubt(_ environment: EnvironmentID) async -> String? { await side(environment).doubt(environment) }

    private func side(_ environment: EnvironmentID, _ release: Release? = nil) async -> any RuntimePort {
        if let release { return release.parts.place == nil ? local : cluster }
        return await desk.knows(environment) ? cluster : local
    }
}

/// Leads requests where the instances are.
struct RouterSwitch: RouterPort {
    let local: any RouterPort
    let cluster: any RouterPort
    let desk: ClusterDesk

    var capabilities: RouterCapabilities { local.capabilities }

    func capabilities(on cluster: ClusterSpec?) -> RouterCapabilities {
        cluster.map { KubernetesRouter.capabilities(of: $0.router) } ?? local.capabilities
    }

    func apply(_ wish: RouteWish, service: Release) async throws {
        try await (service.parts.place == nil ? local : cluster).apply(wish, service: service)
    }

    func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RouterView] {
        try await side(environment).observe(environment)
    }

    func forget(_ wish: ForgetWish) async throws { try await side(wish.environment).forget(wish) }

    func counts(_ service: ServiceName, in environment: EnvironmentID) async throws -> TrafficCounts? {
        try await side(environment).counts(service, in: environment)
    }

    private func side(_ environment: EnvironmentID) async -> any RouterPort {
        await desk.knows(environment) ? cluster : local
    }
}

/// Migrations run where the instances will.
struct MigrationSwitch: MigrationPort, MigrationLogs {
    let local: any MigrationPort & MigrationLogs
    let cluster: KubernetesMigrations
    let desk: ClusterDesk

    func start(_ request: MigrationRequest) async throws {
        let isLocal = request.release.parts.place == nil
        try await isLocal ? local.start(request) : cluster.start(request)
    }

    func stop(_ key: MigrationKey, kill: Bool) async throws {
        try await side(key.environment).stop(key, kill: kill)
    }

    func observe(_ environment: EnvironmentID) async throws -> [ServiceName: [MigrationView]] {
        try await side(environment).observe(environment)
    }

    func migrationTail(_ query: LogQuery) async throws -> [LogLine] {
        try await side(query.environment).migrationTail(query)
    }

    private func side(_ environment: EnvironmentID) async -> any MigrationPort & MigrationLogs {
        await desk.knows(environment) ? cluster : local
    }
}

/// What instances wrote, wherever they run.
struct LogSwitch: InstanceLogs {
    let local: any InstanceLogs
    let cluster: any InstanceLogs
    let desk: ClusterDesk

    func tail(_ query: LogQuery) async throws -> [LogLine] {
        try await (await desk.knows(query.environment) ? cluster : local).tail(query)
    }
}
