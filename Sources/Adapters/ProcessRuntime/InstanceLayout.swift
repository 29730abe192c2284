import Domain

/// Where the runtime keeps what, below the state directory.
struct InstanceLayout: Hashable, Sendable {
    let directory: String

    var instances: String { directory + "/instances" }
    var releases: String { directory + "/releases" }
    var migrations: String { directory + "/migrations" }
    var numbers: String { directory + "/processes.ids" }

    func instance(_ id: InstanceID) -> String { "\(instances)/\(id)" }
    func record(_ id: InstanceID) -> String { instance(id) + "/instance.json" }
    func files(_ id: InstanceID) -> String { instance(id) + "/files" }
    func temporary(_ id: InstanceID) -> String { instance(id) + "/tmp" }
    func log(_ id: InstanceID) -> String { instance(id) + "/output.log" }
    func probeLog(_ id: InstanceID) -> String { instance(id) + "/probe.log" }

    func migration(_ key: MigrationKey) -> String {
        let place = "\(key.environment.project).\(key.environment.name).\(key.service)"
        return "\(migrations)/\(place).\(key.deployment.value).\(key.attempt)"
    }
    func migrationRecord(_ key: MigrationKey) -> String { migration(key) + "/migration.json" }
    func migrationLog(_ key: MigrationKey) -> String { migration(key) + "/output.log" }

    func environment(_ environment: EnvironmentID) -> String {
        "\(releases)/\(environment.project)/\(environment.name)"
    }
    /// A baseline runs from the files of its release: prepared once more, they might not be the same.
    func release(_ environment: EnvironmentID, _ service: ServiceName, _ number: ReleaseNumber) -> String {
        "\(self.environment(environment))/\(service)@\(number.origin)"
    }
    func release(_ release: Release) -> String {
        self.release(release.environment, release.service, release.number)
    }

    /// Declared data; relative paths are the environment's own.
    func data(_ path: DataPath, _ environment: EnvironmentID) -> String {
        path.path.hasPrefix("/")
            ? path.path : "\(directory)/data/\(environment.project)/\(environment.name)/\(path.path)"
    }
}
