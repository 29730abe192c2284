package import Domain

/// Keeps artifacts by content, so that going back needs no checkout.
package protocol ArtifactStorePort: Sendable {
    /// Packs a directory (absolute path). The same content gives the same digest, whoever packs it.
    func pack(_ directory: String, ignore: [String], origin: String) async throws -> Artifact
    /// Whether the artifact's bytes are here and whole.
    func contains(_ digest: ContentDigest) async throws -> Bool
    /// The directory of an artifact, unpacked read-only; unpacks it when it is not.
    func unpack(_ digest: ContentDigest) async throws -> String
    /// Removes what none of `keeping` needs.
    func prune(keeping: [ContentDigest]) async throws -> Int64
}
