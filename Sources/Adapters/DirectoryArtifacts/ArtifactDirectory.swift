package import Domain
import Ports

/// The artifacts of this machine, by content, in a directory: `artifacts/<hex>.pack` and `unpacked/<hex>/`.
package final class ArtifactDirectory: ArtifactStorePort {
    private let directory: String

    /// - Parameter directory: the state directory (absolute).
    package init(directory: String) {
        self.directory = directory
    }

    package func pack(_ directory: String, ignore: [String], origin: String) async throws -> Artifact {
        throw Self.unfinished
    }

    package func contains(_ digest: ContentDigest) async throws -> Bool { throw Self.unfinished }

    package func unpack(_ digest: ContentDigest) async throws -> String { throw Self.unfinished }

    package func prune(keeping: [ContentDigest]) async throws -> Int64 { throw Self.unfinished }

    private static let unfinished = PortError(.unavailable, "\(ArtifactDirectory.self) is not there yet")
}
