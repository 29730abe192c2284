import Deployments
import Domain
import Engine
import Logging
import Ports
import ProcessRuntime
import Rollouts
import SQLiteJournal

/// Removes what nobody can go back to any more: files of old releases, old evidence. Never what stands, is warm, or is
/// on trial. And lets go of the program's pages that nobody looks at.
struct Housekeeping: Sendable {
    var engine: EngineService
    var journal: JournalStore
    var releases: ReleaseLibrary
    var artifacts: any ArtifactStorePort
    var runtime: LocalProcesses
    var now: @Sendable () -> Moment
    var logger: Logger

    private static let every: Duration = .seconds(600)

    func run() async {
        await releaseProgram(after: .seconds(10))
        while !Task.isCancelled {
            do { try await Task.sleep(for: Self.every) } catch { return }
            do { try await cleanUp() } catch { logger.warning("cleaning up: \(error)") }
            await releaseProgram(after: .zero)
        }
    }

    private func cleanUp() async throws {
        var kept: [KeptRelease] = []
        var digests: Set<ContentDigest> = []
        for environment in engine.current.environments { try await keep(in: environment, &kept, &digests) }
        let freed = try await runtime.collectGarbage(keeping: kept) + artifacts.prune(keeping: Array(digests))
        if freed > 0 { logger.info("freed \(freed) bytes of releases that are not kept any more") }
        _ = try await journal.compact(
            keeping: JournalRetention(evidence: .days(90), superseded: .days(7)), now: now().wall)
    }

    /// Those in use, the newest of each service, and the young ones.
    private func keep(
        in environment: EnvironmentState, _ kept: inout [KeptRelease], _ digests: inout Set<ContentDigest>
    ) async throws {
        let retention = environment.retention
        var counts: [ServiceName: Int] = [:]
        try await releases.each(in: environment.id) { release in
            let place = counts[release.service, default: 0]
            counts[release.service] = place + 1
            let isYoung = now().wall - release.createdAt < retention.age.milliseconds
            guard place <= retention.releases || isYoung || isInUse(release, environment) else { return }
            kept.append(
                KeptRelease(environment: environment.id, service: release.service, release: release.number))
            if let digest = release.parts.artifact?.digest { digests.insert(digest) }
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
