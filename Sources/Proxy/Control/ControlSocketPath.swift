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
        if isAnswered() {
            throw ProxyError(
                code: .controlSocket, message: "another proxy answers on \(path)",
                hint: "stop it first; two proxies cannot share a state directory")
        }
        if unlink(path) != 0 && errno != ENOENT { throw error("unlink", errno) }
    }

    /// Makes the socket usable for this user only.
    func protect() throws {
        guard chmod(path, 0o600) == 0 else { throw error("chmod", errno) }
    }

    /// Whether somebody accepts connections there.
    private func isAnswered() -> Bool {
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { return false }
        defer { Glibc.close(probe) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(probe, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }

    private func error(_ what: String, _ code: Int32?) -> ProxyError {
        ProxyError(
            code: .controlSocket, message: "the control socket \(path) cannot be made",
            cause: code.map { "\(what): \(TableFile.text($0))" } ?? what)
    }
}
