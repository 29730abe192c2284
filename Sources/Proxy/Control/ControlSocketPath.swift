import Glibc

/// The place of the control socket: in a directory that only this user may enter.
struct ControlSocketPath {
    let path: String

    /// Makes the directory, and sees to it that nothing is in the way.
    func prepare() throws {
        // sun_path has 108 bytes, one of them for the end.
        guard path.utf8.count < 108, path.hasPrefix("/") else {
            throw error("the path must be absolute and shorter than 108 bytes", nil)
        }
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "/"
        if mkdir(folder, 0o700) != 0 && errno != EEXIST { throw error("mkdir \(folder)", errno) }
        var status = stat()
        guard stat(folder, &status) == 0 else { throw error("stat \(folder)", errno) }
        guard status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
            throw ProxyError(
                code: .controlSocket, message: "the directory \(folder) of the control socket is open to others",
                hint: "it must belong to this user, with mode 0700")
        }
        // Another proxy may still answer there: this one is its successor, and takes the place over. That there are no
        // more than the two is the keeper's matter.
        if unlink(path) != 0 && errno != ENOENT { throw error("unlink", errno) }
    }

    /// Makes the socket usable for this user only.
    func protect() throws {
        guard chmod(path, 0o600) == 0 else { throw error("chmod", errno) }
    }

    /// Which file stands at the path now: a successor's is another one.
    func file() -> SocketFile? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        return SocketFile(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    private func error(_ what: String, _ code: Int32?) -> ProxyError {
        ProxyError(
            code: .controlSocket, message: "the control socket \(path) cannot be made",
            cause: code.map { "\(what): \(TableFile.text($0))" } ?? what)
    }
}

/// Tells one socket file from a later one at the same path.
struct SocketFile: Equatable, Sendable {
    var device: UInt64
    var inode: UInt64
}
