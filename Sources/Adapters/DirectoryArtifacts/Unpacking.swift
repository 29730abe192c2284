import Domain
import Glibc
import Ports

/// Turns a pack into a read-only tree, all or nothing.
enum Unpacking {
    /// - Parameters:
    ///   - pack: the pack's file.
    ///   - temporary: a directory that does not exist, beside `final`.
    ///   - final: where the tree stands in the end.
    /// - Throws: `incompatible` for a damaged pack, `storage` for a machine that cannot. Nothing is left then.
    static func unpack(_ pack: String, _ digest: ContentDigest, temporary: String, final: String) throws {
        do {
            try write(pack, digest, to: temporary)
            guard rename(temporary, final) == 0 else { throw fileTrouble("create", final) }
        } catch {
            // The first error is the one that says why; what cannot be removed now is removed by the next prune.
            _ = try? removeTree(temporary)
            throw error
        }
    }

    private static func write(_ pack: String, _ digest: ContentDigest, to root: String) throws {
        var reader = try PackReader(path: pack)
        guard mkdir(root, 0o700) == 0 else { throw fileTrouble("create", root) }
        var directories: [String] = [root]
        var links: [(path: String, target: String)] = []
        while let entry = try reader.next() {
            let place = "\(root)/\(entry.path)"
            switch entry.kind {
            case .directory:
                guard mkdir(place, 0o700) == 0 else { throw fileTrouble("create", place) }
                directories.append(place)
            case .file(let size, let isExecutable):
                try writeFile(place, size, isExecutable: isExecutable, &reader)
            case .symlink(let target):
                // Last of all, so that nothing is ever written through one.
                links.append((entry.path, target))
            }
        }
        let found = try reader.digest()
        guard found == digest else {
            throw PackReader.damaged(pack, "its digest is \(found.short)…, not \(digest.short)…")
        }
        for link in links where symlink(link.target, "\(root)/\(link.path)") != 0 {
            throw fileTrouble("create the link", "\(root)/\(link.path)")
        }
        for link in links {
            try TreeWalk.checkInside(
                link.target, of: link.path.split(separator: "/").map(String.init), root: realPath(root) ?? root)
        }
        for directory in directories.reversed() where chmod(directory, 0o555) != 0 {
            throw fileTrouble("make read-only", directory)
        }
        // Renaming a directory needs no right to write in it as long as its parent stays the same.
    }

    private static func writeFile(
        _ place: String, _ size: Int64, isExecutable: Bool, _ reader: inout PackReader
    ) throws {
        let descriptor = open(place, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw fileTrouble("create", place) }
        defer { close(descriptor) }
        try reader.content(size) { try writeAll(descriptor, Array($0), place) }
        guard fchmod(descriptor, isExecutable ? 0o555 : 0o444) == 0 else { throw fileTrouble("make read-only", place) }
    }

    /// Whether a tree is what the pack says, byte by byte. Asked after a reboot, since a power failure can tear files
    /// that were renamed into place but not yet written back.
    static func stands(_ pack: String, _ digest: ContentDigest, at root: String) throws -> Bool {
        var reader = try PackReader(path: pack)
        while let entry = try reader.next() {
            let place = "\(root)/\(entry.path)"
            var status = stat()
            guard lstat(place, &status) == 0 else { return false }
            switch entry.kind {
            case .directory:
                guard status.st_mode & S_IFMT == S_IFDIR else { return false }
            case .symlink:
                guard status.st_mode & S_IFMT == S_IFLNK else { return false }
            case .file(let size, let isExecutable):
                guard status.st_mode & S_IFMT == S_IFREG, Int64(status.st_size) == size,
                    (status.st_mode & 0o100 != 0) == isExecutable
                else { return false }
                guard try sameContent(place, size, &reader) else { return false }
            }
        }
        let found = try reader.digest()
        guard found == digest else {
            throw PackReader.damaged(pack, "its digest is \(found.short)…, not \(digest.short)…")
        }
        return true
    }

    private static func sameContent(_ place: String, _ size: Int64, _ reader: inout PackReader) throws -> Bool {
        let descriptor = open(place, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw fileTrouble("read", place) }
        defer { close(descriptor) }
        var isSame = true
        try reader.content(size) { part in
            var bytes = [UInt8](repeating: 0, count: part.count)
            var offset = 0
            while isSame, offset < bytes.count {
                let count = bytes.withUnsafeMutableBytes { whole in
                    read(descriptor, whole.baseAddress.map { $0 + offset }, whole.count - offset)
                }
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else {
                    isSame = false
                    return
                }
                offset += count
            }
            if isSame { isSame = bytes[...] == part }
        }
        return isSame
    }
}
