import Deployments
import Domain
import Engine
import Ports
import Rollouts

/// Which releases somebody may still go back to.
struct KeptReleases: Sendable {
    var engine: EngineService
    var releases: ReleaseLibrary
    var now: @Sendable () -> Moment

    /// As much of a release as its files and records are found by: the whole is large.
    struct Mark: Sendable {
        var environment: EnvironmentID
        var service: ServiceName
        var number: ReleaseNumber
        /// Nil: it has none.
        var files: ContentDigest?
    }

    /// Those in use, the newest of each service, and the young ones, of all environments.
    func all() async throws -> [Mark] {
        var kept: [Mark] = []
        for environment in engine.current.environments { try await keep(in: environment, &kept) }
        return kept
    }

    private func keep(in environment: EnvironmentState, _ kept: inout [Mark]) async throws {
        let retention = environment.retention
        var counts: [ServiceName: Int] = [:]
        try await releases.each(in: environment.id) { release in
            let place = counts[release.service, default: 0]
            counts[release.service] = place + 1
            let isYoung = now().wall - release.createdAt < retention.age.milliseconds
            guard place <= retention.releases || isYoung || isInUse(release, environment) else { return }
            kept.append(
                Mark(
                    environment: environment.id, service: release.service, number: release.number,
                    files: release.parts.artifact?.digest))
        }
    }

    private func isInUse(_ release: Release, _ environment: EnvironmentState) -> Bool {
        guard let state = environment.service(release.service) else { return false }
        // What a failed watch would bring back.
        let before = environment.watched?.items.first { $0.service == release.service }?.from
        if before?.number == release.number { return true }
        return state.stable?.number == release.number || state.rollout?.to.number == release.number
            || state.rollout?.from?.number == release.number || state.count(of: release.number) > 0
    }
}
