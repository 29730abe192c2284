import Glibc
import Synchronization

/// A directory that only this user may enter, for the time of one conversation. Its path is short, since Unix sockets
/// lie in it. What a killed process left is removed by the next one.
final class ScratchDirectory: Sendable {
    let path: String
    private let serial = Mutex(0)

    init() throws(SecureShellError) {
        let base = Self.shared().map { "\($0)/\(getpid())-" } ?? "/tmp/slipway-"
        if let shared = Self.shared() { Self.sweep(shared) }
        var template = Array((base + "XXXXXX").utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.map { mkdtemp($0) != nil } ?? false
        }
        guard made else {
            throw SecureShellError(
                trouble: .other, message: "cannot make the directory \(base)…: \(String(cString: strerror(errno)))",
                hint: "is the disk full?")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// A name that was not given out before.
    func next() -> String {
        serial.withLock { serial in
            serial += 1
            return "\(path)/\(serial)"
        }
    }

    /// Removes it with what lies in it; it holds files only.
    func remove() { Self.remove(path) }

    private static func remove(_ path: String) {
        for name in names(path) { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    /// Directories of processes that are gone.
    private static func sweep(_ shared: String) {
        for name in names(shared) {
            guard let dash = name.firstIndex(of: "-"), let pid = Int32(name[..<dash]) else { continue }
            if kill(pid, 0) != 0, errno == ESRCH { remove("\(shared)/\(name)") }
        }
    }

    private static func names(_ path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// Where connections are kept between commands: of this user, private, with a path short enough for ssh, that adds
    /// 58 characters; nil: there is no such place, and every command makes its own connection.
    static func shared() -> String? {
        let runtime = getenv("XDG_RUNTIME_DIR").map { String(cString: $0) } ?? ""
        for path in [runtime.isEmpty ? "" : runtime + "/slipway-ssh", "/tmp/slipway-ssh-\(getuid())"] {
            guard path.hasPrefix("/"), path.utf8.count <= 45 else { continue }
            var status = stat()
            guard mkdir(path, 0o700) == 0 || errno == EEXIST, lstat(path, &status) == 0,
                status.st_mode & S_IFMT == S_IFDIR, status.st_uid == getuid(), status.st_mode & 0o077 == 0
            else { continue }
            return path
        }
        return nil
    }
}
