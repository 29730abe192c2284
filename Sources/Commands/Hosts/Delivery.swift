import DirectoryArtifacts
import Domain
import SupervisorAPI

extension Session {
    /// Where artifacts are packed: for this machine the supervisor's own store, for another one a directory of this
    /// process.
    func artifactStore() throws -> ArtifactDirectory {
        ArtifactDirectory(directory: try remote?.packs() ?? state.artifacts)
    }

    /// Sends what the other machine does not have, in pieces; what had arrived before is not sent again. Nothing to do
    /// here.
    func deliver(_ artifacts: [ServiceArtifact], progress: (String) -> Void) async throws {
        guard let remote else { return }
        let store = try artifactStore()
        for entry in artifacts {
            let digest = entry.artifact.digest
            let size = entry.artifact.size
            var report = try await client.artifact(digest)
            if report.isWhole { continue }
            progress(Self.announcement(entry, from: report.arrived, to: remote.host.name))
            var failures = 0
            while !report.isWhole {
                let piece = try await store.piece(
                    of: digest, at: report.arrived, count: ArtifactReport.pieceLimit)
                guard !piece.isEmpty else {
                    throw SupervisorError(
                        code: "artifact",
                        message: "\(remote.host.name) has more of \(entry.service)'s files than there is",
                        hint: "run the command again")
                }
                do {
                    report = try await client.send(piece, at: report.arrived, of: digest, size: size)
                    failures = 0
                } catch let error as SupervisorError where error.code == "unreachable" {
                    // The connection broke, or the supervisor is being replaced: what arrived counts.
                    failures += 1
                    guard failures < 4, try await isRunning() else { throw error }
                    report = try await client.artifact(digest)
                }
            }
        }
    }

    private static func announcement(_ entry: ServiceArtifact, from arrived: Int64, to host: String) -> String {
        let left = entry.artifact.size - arrived
        let size = left >= 1 << 20 ? "\(left >> 20) MiB" : "\(max(left >> 10, 1)) KiB"
        return "sending \(entry.service) to \(host): \(size)" + (arrived > 0 ? ", the rest of it" : "")
    }
}
