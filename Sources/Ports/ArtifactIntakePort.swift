package import Domain

/// Takes artifacts that were packed on another machine, piece by piece. What arrived is kept, so that a push that broke
/// off goes on where it was.
package protocol ArtifactIntakePort: Sendable {
    /// How many bytes of an artifact have arrived; nil: it is here and whole.
    func arrived(_ digest: ContentDigest) async throws -> Int64?
    /// Takes a piece. One that does not begin where the last one ended is left aside.
    /// - Parameters:
    ///   - offset: where it begins.
    ///   - size: of the whole artifact, in bytes.
    /// - Returns: as `arrived`, afterwards.
    /// - Throws: `PortError`: `invalid` when the whole is not what its digest says; `storage`.
    func take(_ piece: [UInt8], at offset: Int64, of digest: ContentDigest, size: Int64) async throws -> Int64?
}
