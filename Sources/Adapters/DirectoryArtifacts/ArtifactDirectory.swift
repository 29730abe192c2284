package import Domain
import Dispatch
import Glibc
import Ports
import Synchronization

/// The artifacts of this machine, by content, in a directory: `artifacts/<hex>.pack` and `unpacked/<hex>/`.
///
/// A pack is a POSIX archive in canonical form (see `TarHeader`), and an artifact's digest is the SHA-256 of the whole
/// file: `sha256sum` and `tar -tvf` are enough to check and to look into one. Packs and trees appear by a rename, so
/// what stands under its name is whole. All work is done on a thread of its own, one thing after the other.
package final class ArtifactDirectory: ArtifactStorePort {
    let packs: String
    private let trees: String
    private let queue = DispatchQueue(label: "slipway.artifacts")
    private let state = Mutex(State())

    private struct State {
        /// Packs whose digest was verified, by the file's identity at that time.
        var verified: [ContentDigest: FileIdentity] = [:]
        /// Names of temporary files are never used twice in one process.
        var serial = 0
    }

    /// What changes when a file is written to or replaced.
    private struct FileIdentity: Hashable {
        var inode: UInt64
        var size: Int64
        var changed: Int
        var changedNanoseconds: Int
    }

    /// - Parameter directory: the state directory (absolute). What is missing in it is created on the first use.
    package init(directory: String) {
        packs = directory + "/artifacts"
        trees = directory + "/unpacked"
    }

    /// Packs a directory: names, whether files may be executed, contents, and links that stay inside.
    /// - Throws: `PortError`: `notFound` or `invalid` when the directory cannot be packed as it is, `storage` when the
    ///   machine cannot. No half file is left.
    package func pack(_ directory: String, ignore: [String], origin: String) async throws -> Artifact {
        try await work { try self.packNow(directory, ignore: ignore, origin: origin) }
    }

    package func contains(_ digest: ContentDigest) async throws -> Bool {
        try await work { try self.isWhole(digest) }
    }

    /// - Throws: `notFound` when the artifact is not here, `incompatible` when it is damaged, `storage`.
    package func unpack(_ digest: ContentDigest) async throws -> String {
        try await work { try self.unpackNow(digest) }
    }

    /// Removes packs and trees of other artifacts, and what a killed process left half done.
    /// - Returns: bytes that became free.
    package func prune(keeping: [ContentDigest]) async throws -> Int64 {
        try await work { try self.pruneNow(Set(keeping.map(\.hex))) }
    }

    func work<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result(catching: body)) }
        }
    }

    // MARK: On the queue

    private func packNow(_ directory: String, ignore: [String], origin: String) throws -> Artifact {
        guard let root = realPath(directory) else {
            if errno == ENOENT {
                throw PortError(
                    .notFound, "the directory \(directory) does not exist",
                    hint: "check `artifact: path:` in the manifest; it is relative to the manifest")
            }
            throw fileTrouble("find", directory)
        }
        var status = stat()
        guard stat(root, &status) == 0 else { throw fileTrouble("look at", root) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw PortError(.invalid, "\(directory) is not a directory", hint: "an artifact is packed from a directory")
        }
        let rules = IgnoreRules(try Self.ownPatterns(root) + ignore)
        let entries = try TreeWalk.entries(of: root, rules: rules)
        try makeDirectory(packs)
        var writer = try PackWriter(path: "\(packs)/\(temporaryName())")
        try writer.write(entries, root: root)
        let digest = try writer.finish { place($0) }
        try syncDirectory(packs)
        return Artifact(digest: digest, size: writer.size, origin: origin)
    }

    private static func ownPatterns(_ root: String) throws -> [String] {
        let path = root + "/.slipwayignore"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return [] }
            throw fileTrouble("read", path)
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: (1 << 20) + 1)
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        guard count >= 0 else { throw fileTrouble("read", path) }
        guard count < bytes.count else { throw PortError(.invalid, "\(path) is larger than 1 MiB") }
        return String(decoding: bytes[..<count], as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    func isWhole(_ digest: ContentDigest) throws -> Bool {
        guard let identity = try identity(of: digest) else { return false }
        if state.withLock({ $0.verified[digest] }) == identity { return true }
        var reader = try PackReader(path: place(digest))
        guard try reader.digest() == digest else { return false }
        state.withLock { $0.verified[digest] = identity }
        return true
    }

    private func identity(of digest: ContentDigest) throws -> FileIdentity? {
        var status = stat()
        guard stat(place(digest), &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw fileTrouble("look at", place(digest))
        }
        return FileIdentity(
            inode: UInt64(status.st_ino), size: Int64(status.st_size), changed: status.st_ctim.tv_sec,
            changedNanoseconds: status.st_ctim.tv_nsec)
    }

    private func unpackNow(_ digest: ContentDigest) throws -> String {
        let final = "\(trees)/\(digest.hex)"
        let boot = try Self.bootID()
        var status = stat()
        if stat(final, &status) == 0 {
            if try readStamp(digest) == boot { return final }
            // From before a reboot: believed only when it is what the pack says.
            if try identity(of: digest) != nil, try Unpacking.stands(place(digest), digest, at: final) {
                try writeStamp(digest, boot)
                return final
            }
        }
        guard try identity(of: digest) != nil else {
            throw PortError(
                .notFound, "the artifact \(digest.short)… is not here any more",
                hint: "deploy again from a checkout, or keep more releases with `retention`")
        }
        try makeDirectory(trees)
        try removeTree(final)
        try Unpacking.unpack(
            place(digest), digest, temporary: "\(trees)/\(temporaryName())", final: final)
        try writeStamp(digest, boot)
        return final
    }

    private func pruneNow(_ keeping: Set<String>) throws -> Int64 {
        var freed: Int64 = 0
        for (directory, suffix) in [(packs, ".pack"), (trees, ""), (trees, ".boot")] {
            var status = stat()
            guard stat(directory, &status) == 0 else { continue }
            for name in try directoryNames(directory) {
                let isTemporary = name.hasPrefix(".")
                guard isTemporary || name.count == 64 + suffix.count && name.hasSuffix(suffix) else { continue }
                if isTemporary ? Self.isLeft("\(directory)/\(name)") : !keeping.contains(String(name.prefix(64))) {
                    freed += try removeTree("\(directory)/\(name)")
                }
            }
        }
        state.withLock { state in state.verified = state.verified.filter { keeping.contains($0.key.hex) } }
        return freed
    }

    func place(_ digest: ContentDigest) -> String { "\(packs)/\(digest.hex).pack" }

    private func temporaryName() -> String {
        state.withLock { state in
            state.serial += 1
            return ".\(getpid())-\(state.serial).tmp"
        }
    }

    // MARK: Stamps

    /// A push from another machine that broke off may go on for a day; everything else was left by a killed process.
    private static func isLeft(_ path: String) -> Bool {
        guard path.hasSuffix(".part") else { return true }
        var status = stat()
        return stat(path, &status) != 0 || time(nil) - status.st_mtim.tv_sec > 86_400
    }

    private static func bootID() throws -> String { try readSmall("/proc/sys/kernel/random/boot_id") }

    private static func readSmall(_ path: String) throws -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw fileTrouble("read", path) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        guard count >= 0 else { throw fileTrouble("read", path) }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    private func readStamp(_ digest: ContentDigest) throws -> String? {
        let path = "\(trees)/\(digest.hex).boot"
        guard access(path, F_OK) == 0 else { return nil }
        return try Self.readSmall(path)
    }

    private func writeStamp(_ digest: ContentDigest, _ boot: String) throws {
        let path = "\(trees)/\(digest.hex).boot"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw fileTrouble("create", path) }
        defer { close(descriptor) }
        try writeAll(descriptor, Array(boot.utf8), path)
    }
}
