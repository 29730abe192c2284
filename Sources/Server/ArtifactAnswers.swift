import Domain
import FoundationEssentials
import Ports
import SupervisorAPI

extension SupervisorDesk {
    func artifact(_ digest: ContentDigest) async throws -> ArtifactReport { report(try await intake.arrived(digest)) }

    func take(_ piece: [UInt8], at offset: Int64, of digest: ContentDigest, size: Int64) async throws -> ArtifactReport
    {
        report(try await intake.take(piece, at: offset, of: digest, size: size))
    }

    private func report(_ arrived: Int64?) -> ArtifactReport {
        ArtifactReport(isWhole: arrived == nil, arrived: arrived ?? 0)
    }

    /// What the gates of a deployment saw, oldest first; at most the last 5,000 looks.
    func evidence(
        _ environment: EnvironmentID, of deployment: DeploymentNumber, after: Int64
    ) async throws -> EvidenceReport {
        let query = JournalQuery(kinds: [.evidence], environment: environment, after: after, limit: 5_000)
        let mark = "\(deployment)/"
        let stored = try await journal.history(query).filter { $0.entry.key.contains(mark) }
        return EvidenceReport(
            entries: try stored.reversed().map { stored in
                EvidenceEntry(
                    sequence: stored.sequence, key: stored.entry.key,
                    result: try JSONDecoder().decode(LookResult.self, from: Data(stored.entry.body)))
            })
    }
}
