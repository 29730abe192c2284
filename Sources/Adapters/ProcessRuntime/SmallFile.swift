import Glibc
import Ports

/// Small files, read and written whole.
enum SmallFile {
    /// Nil when it cannot be read. For files of the kernel, which have no size.
    static func read(_ path: String) -> String? { bytes(path).map { String(decoding: $0, as: UTF8.self) } }

    static func bytes(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var all: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = part.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { return all }
            all += part[..<count]
        }
    }

    /// Line by line, without their ends: for tables of the kernel, with a line for each connection of the machine. What
    /// cannot be read has no lines.
    static func lines(of path: String, _ body: (String) -> Void) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var part = [UInt8](repeating: 0, count: 1 << 16)
        var rest: [UInt8] = []
        while true {
            let count = part.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            var start = 0
            while let end = part[start..<count].firstIndex(of: UInt8(ascii: "\n")) {
                body(String(decoding: rest + part[start..<end], as: UTF8.self))
                rest.removeAll(keepingCapacity: true)
                start = end + 1
            }
            rest += part[start..<count]
        }
        if !rest.isEmpty { body(String(decoding: rest, as: UTF8.self)) }
    }

    /// Writes beside and renames: readers see the old or the new content, never half of one.
    /// - Parameter isDurable: whether it has to survive a power failure.
    static func replace(_ path: String, with bytes: [UInt8], isDurable: Bool = false) throws {
        let beside = path + ".new"
        let descriptor = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw trouble("create", beside) }
        do {
            defer { close(descriptor) }
            try writeAll(descriptor, bytes, beside)
            if isDurable, fsync(descriptor) != 0 { throw trouble("flush", beside) }
        } catch {
            unlink(beside)
            throw error
        }
        guard rename(beside, path) == 0 else { throw trouble("create", path) }
        if isDurable { try syncParent(of: path) }
    }

    static func syncParent(of path: String) throws {
        let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw trouble("open", parent) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw trouble("flush", parent) }
    }

    static func writeAll(_ descriptor: Int32, _ bytes: [UInt8], _ path: String) throws {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { whole in
                write(descriptor, whole.baseAddress.map { $0 + offset }, whole.count - offset)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw trouble("write", path, count == 0 ? ENOSPC : errno) }
            offset += count
        }
    }

    /// A failed system call as an error that a person can act on.
    static func trouble(_ what: String, _ path: String, _ number: Int32 = errno) -> PortError {
        let words = strerror(number).map { String(cString: $0) } ?? "error \(number)"
        let hint =
            switch number {
            case ENOSPC, EDQUOT: "free some space on the file system of \(path)"
            case EROFS: "the file system of \(path) is mounted read-only"
            case EACCES, EPERM: "check who owns \(path) and its mode"
            case EMFILE, ENFILE: "raise the limit of open files"
            case _: ""
            }
        return PortError(.storage, "cannot \(what) \(path): \(words)", hint: hint)
    }
}
