package import Domain
import Ports
import Synchronization

/// A release whose files are to stay.
package struct KeptRelease: Hashable, Sendable {
    package var environment: EnvironmentID
    package var service: ServiceName
    package var release: ReleaseNumber
    package init(environment: EnvironmentID, service: ServiceName, release: ReleaseNumber) {
        self.environment = environment
        self.service = service
        self.release = release
    }
}

extension LocalProcesses {
    /// Removes the files of releases that are not kept and not in use, and of instances that ended long ago: all but
    /// the last `endedInstancesKept` of each service.
    /// - Returns: bytes that became free.
    package func collectGarbage(keeping releases: [KeptRelease]) async throws -> Int64 {
        let (inUse, surplus) = state.withLock { state in
            let machines = state.machines(where: { _ in true })
            var inUse: Set<KeptRelease> = []
            for machine in machines {
                for number in machine.sets.map(\.release.number) + machine.instances.map(\.release) {
                    inUse.insert(
                        KeptRelease(environment: machine.environment, service: machine.service, release: number.origin))
                }
            }
            return (inUse, Self.surplus(state.archive, keeping: configuration.endedInstancesKept))
        }
        let kept = inUse.union(releases)
        let freed = try await trees.run { [layout] in
            var freed: Int64 = 0
            for project in try Tree.names(layout.releases) {
                for environment in try Tree.names("\(layout.releases)/\(project)") {
                    for name in try Tree.names("\(layout.releases)/\(project)/\(environment)") {
                        guard let release = Self.release(project, environment, name), !kept.contains(release)
                        else { continue }
                        freed += try Tree.remove("\(layout.releases)/\(project)/\(environment)/\(name)")
                    }
                }
            }
            for id in surplus { freed += try Tree.remove(layout.instance(id)) }
            return freed
        }
        state.withLock { state in
            for id in surplus { state.archive[id] = nil }
        }
        return freed
    }

    /// Ended instances beyond the newest few of each service.
    private static func surplus(_ archive: [InstanceID: ArchivedInstance], keeping count: Int) -> [InstanceID] {
        var seen: [ServiceKey: Int] = [:]
        var surplus: [InstanceID] = []
        for (id, instance) in archive.sorted(by: { $1.key < $0.key }) where instance.isEnded {
            let key = ServiceKey(environment: instance.environment, service: instance.service)
            seen[key, default: 0] += 1
            if seen[key, default: 0] > count { surplus.append(id) }
        }
        return surplus
    }

    /// Reads `api@14`.
    private static func release(_ project: String, _ environment: String, _ name: String) -> KeptRelease? {
        let parts = name.split(separator: "@")
        guard parts.count == 2, let number = Int(parts[1]) else { return nil }
        return KeptRelease(
            environment: EnvironmentID(project: project, name: environment), service: ServiceName(String(parts[0])),
            release: ReleaseNumber(number))
    }
}
