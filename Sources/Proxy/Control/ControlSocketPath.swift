import Glibc

/// The place of the control socket: in a directory that only this user may enter.
struct ControlSocketPath {
    let path: String

    /// Makes the directory, and sees to it that nothing is in the way.
    func prepare() throws {
        // sun_path has 108 bytes, one of them for the end, four for the name that it is bound by.
        guard path.utf8.count < 104, path.hasPrefix("/") else {
            throw error("the path must be absolute and shorter than 104 bytes", nil)
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
    }

    /// Listens at the path. Another proxy may still answer there: this one is its successor, and takes the place over
    /// in one step. That there are no more than the two is the keeper's matter.
    ///
    /// Bound here and not by NIO, which would remove whatever stands at the path when it closes the socket, a
    /// successor's too.
    /// - Returns: The descriptor, the caller's from here.
    func listen() throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw error("socket", errno) }
        do {
            try bind(descriptor, beside: path + ".new")
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    /// Usable for this user only before anybody can find it.
    private func bind(_ descriptor: Int32, beside place: String) throws {
        if unlink(place) != 0 && errno != ENOENT { throw error("unlink", errno) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: place.utf8.prefix(107)) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else { throw error("bind", errno) }
        guard chmod(place, 0o600) == 0 else { throw error("chmod", errno) }
        guard Glibc.listen(descriptor, 128) == 0 else { throw error("listen", errno) }
        guard rename(place, path) == 0 else { throw error("rename", errno) }
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
