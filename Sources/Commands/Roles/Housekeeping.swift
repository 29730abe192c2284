import Domain
import Engine
import Logging
import Ports
import ProcessRuntime
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
        let kept = try await KeptReleases(engine: engine, releases: releases, now: now).all()
        let places = kept.map {
            KeptRelease(environment: $0.environment, service: $0.service, release: $0.number)
        }
        let digests = Set(kept.compactMap(\.files))
        let freed = try await runtime.collectGarbage(keeping: places) + artifacts.prune(keeping: Array(digests))
        if freed > 0 { logger.info("freed \(freed) bytes of releases that are not kept any more") }
        _ = try await journal.compact(
            keeping: JournalRetention(evidence: .days(90), superseded: .days(7)), now: now().wall)
    }
}
