import FoundationEssentials
import Glibc
import SupervisorAPI

/// Files that are there whole or not at all: written beside, flushed, renamed.
enum WholeFile {
    /// - Parameters:
    ///   - path: its directory is made when it is missing (0700).
    ///   - mode: of the new file, whatever the one before had.
    static func write(_ text: String, to path: String, mode: mode_t = 0o600) throws {
        let parent = URL(filePath: path).deletingLastPathComponent().path
        do {
            try FileManager.default.createDirectory(
                atPath: parent, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw SupervisorError(
                code: "file", message: "cannot make the directory \(parent): \(error)", hint: "choose another place")
        }
        let beside = "\(path).\(getpid()).tmp"
        let descriptor = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw trouble("create", beside, errno) }
        var failure: Int32?
        let bytes = Array(text.utf8)
        var offset = 0
        while offset < bytes.count, failure == nil {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + offset }, bytes.count - offset)
            }
            if count >= 0 { offset += count } else if errno != EINTR { failure = errno }
        }
        if failure == nil, fchmod(descriptor, mode) != 0 || fsync(descriptor) != 0 { failure = errno }
        close(descriptor)
        if failure == nil, rename(beside, path) != 0 { failure = errno }
        guard let failure else { return }
        unlink(beside)
        throw trouble("write", path, failure)
    }

    private static func trouble(_ what: String, _ path: String, _ number: Int32) -> SupervisorError {
        SupervisorError(
            code: "file", message: "cannot \(what) \(path): \(String(cString: strerror(number)))",
            hint: number == ENOSPC ? "free some space" : "check who owns it and its mode")
    }
}
