import Glibc
import Ports

/// Files that fit in memory.
enum SmallFile {
    /// All bytes of a file; nil when it cannot be read, with `errno` set.
    static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &room, room.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                return nil
            }
            bytes += room.prefix(count)
        }
    }

    /// Replaces a file as a whole: written beside, flushed, renamed, and the directory flushed.
    /// - Throws: `PortError` with code `storage`; then the file is what it was.
    static func replace(_ path: String, with bytes: [UInt8]) throws(PortError) {
        let beside = path + ".new"
        let descriptor = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw trouble("create", beside) }
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent) }
            if count < 0 && errno == EINTR { continue }
            if count <= 0 {
                let failure = trouble("write", beside)
                close(descriptor)
                unlink(beside)
                throw failure
            }
            sent += count
        }
        guard fsync(descriptor) == 0, close(descriptor) == 0, rename(beside, path) == 0 else {
            let failure = trouble("replace", path)
            unlink(beside)
            throw failure
        }
        let directory = open(parent(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw trouble("open the directory of", path) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw trouble("flush the directory of", path) }
    }

    static func trouble(_ what: String, _ path: String) -> PortError {
        let number = errno
        let words = strerror(number).map { String(cString: $0) } ?? "error \(number)"
        let hint =
            switch number {
            case ENOSPC, EDQUOT: "free some space there; nothing was changed"
            case EROFS: "the file system is mounted read-only"
            case EACCES, EPERM: "check who owns it and its mode"
            case _: ""
            }
        return PortError(.storage, "cannot \(what) \(path): \(words)", hint: hint)
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
