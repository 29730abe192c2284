package import Domain
import Glibc
import Ports

/// Artifacts from other machines arrive in `artifacts/.<hex>.part`.
extension ArtifactDirectory: ArtifactIntakePort {
    package func arrived(_ digest: ContentDigest) async throws -> Int64? {
        try await work { try self.arrivedNow(digest) }
    }

    package func take(
        _ piece: [UInt8], at offset: Int64, of digest: ContentDigest, size: Int64
    ) async throws -> Int64? {
        try await work { try self.takeNow(piece, at: offset, of: digest, size: size) }
    }

    /// Bytes of a file that is here whole, to send them elsewhere.
    /// - Returns: fewer than `count` only at its end.
    package func piece(of digest: ContentDigest, at offset: Int64, count: Int) async throws -> [UInt8] {
        try await work {
            let path = self.place(digest)
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw fileTrouble("read", path) }
            defer { close(descriptor) }
            var bytes = [UInt8](repeating: 0, count: count)
            var filled = 0
            while filled < count {
                let got = bytes.withUnsafeMutableBytes { buffer in
                    pread(descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, Int(offset) + filled)
                }
                if got < 0, errno == EINTR { continue }
                guard got >= 0 else { throw fileTrouble("read", path) }
                if got == 0 { break }
                filled += got
            }
            return Array(bytes[..<filled])
        }
    }

    /// The SHA-256 of any file.
    package static func digest(ofFile path: String) throws -> ContentDigest {
        var reader = try PackReader(path: path)
        return try reader.digest()
    }

    private func part(_ digest: ContentDigest) -> String { "\(packs)/.\(digest.hex).part" }

    private func arrivedNow(_ digest: ContentDigest) throws -> Int64? {
        if try isWhole(digest) { return nil }
        var status = stat()
        guard stat(part(digest), &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return 0 }
            throw fileTrouble("look at", part(digest))
        }
        return Int64(status.st_size)
    }

    private func takeNow(_ piece: [UInt8], at offset: Int64, of digest: ContentDigest, size: Int64) throws -> Int64? {
        guard let before = try arrivedNow(digest) else { return nil }
        guard offset >= 0, size > 0, offset + Int64(piece.count) <= size else {
            throw PortError(.invalid, "a piece of \(digest.short)… lies beyond its end")
        }
        guard offset == before, !piece.isEmpty else { return before }
        try makeDirectory(packs)
        if before == 0 { try needRoom(size) }
        let path = part(digest)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw fileTrouble("create", path) }
        defer { close(descriptor) }
        do {
            guard lseek(descriptor, Int(before), SEEK_SET) == Int(before) else { throw fileTrouble("write", path) }
            try writeAll(descriptor, piece, path)
        } catch {
            // Whole pieces only: what a full disk took of this one must not count as arrived.
            guard ftruncate(descriptor, Int(before)) == 0 else {
                unlink(path)
                throw error
            }
            throw error
        }
        let now = before + Int64(piece.count)
        guard now == size else { return now }
        guard fsync(descriptor) == 0 else { throw fileTrouble("flush", path) }
        var reader = try PackReader(path: path)
        guard try reader.digest() == digest else {
            unlink(path)
            throw PortError(
                .invalid, "the artifact \(digest.short)… arrived damaged and was thrown away",
                hint: "run the command again")
        }
        guard rename(path, place(digest)) == 0 else { throw fileTrouble("create", place(digest)) }
        try syncDirectory(packs)
        return nil
    }

    /// Better said before an hour of sending than after it.
    private func needRoom(_ size: Int64) throws {
        var status = statvfs()
        guard statvfs(packs, &status) == 0 else { return }
        let free = Int64(status.f_bavail) * Int64(status.f_frsize)
        guard free < size else { return }
        throw PortError(
            .storage, "an artifact of \(size >> 20) MiB does not fit: \(free >> 20) MiB are free at \(packs)",
            hint: "free some space there, then run the command again")
    }
}
