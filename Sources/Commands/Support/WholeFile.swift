import FoundationEssentials
import Glibc
import SupervisorAPI

/// Files that are there whole or not at all: written beside, flushed, renamed. Those that aren't flushed may be empty
/// after the machine lost its power; see also ``writeNew(_:at:mode:)``.
enum WholeFile {
    /// - Parameters:
    ///   - path: its directory is made when it is missing (0700).
    ///   - mode: of the new file, whatever the one before had.
    ///   - replaces: otherwise one that is there already is an error with code `exists`.
    ///   - flushes: to the disk; needless for what can be made again.
    static func write(
        _ text: String, to path: String, mode: mode_t = 0o600, replaces: Bool = true, makesParent: Bool = true,
        flushes: Bool = true
    ) throws {
        if makesParent { try makeDirectory(URL(filePath: path).deletingLastPathComponent().path, mode: 0o700) }
        let beside = "\(path).\(getpid()).tmp"
        let descriptor = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw trouble(path, errno) }
        var failure = fill(descriptor, Array(text.utf8))
        if failure == nil, fchmod(descriptor, mode) != 0 || flushes && fsync(descriptor) != 0 { failure = errno }
        close(descriptor)
        // A link fails when the name is taken, so that a file that appears meanwhile is safe as well.
        if failure == nil, (replaces ? rename(beside, path) : link(beside, path)) != 0 { failure = errno }
        if failure != nil || !replaces { unlink(beside) }
        if let failure { throw trouble(path, failure) }
    }

    /// Writes a file that can be made again, straight into its place, which costs half as much as one beside it and a
    /// rename. It alone may leave a part of itself, when the process is killed: ``holds(_:at:)`` tells.
    ///
    /// - Returns: whether nothing was there before; otherwise nothing was done.
    /// - Throws: ``SupervisorError``; what was begun is away again.
    static func writeNew(_ text: String, at path: String, mode: mode_t) throws -> Bool {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        if descriptor < 0, errno == EEXIST { return false }
        guard descriptor >= 0 else { throw trouble(path, errno) }
        let failure = fill(descriptor, Array(text.utf8))
        close(descriptor)
        guard let failure else { return true }
        unlink(path)
        throw trouble(path, failure)
    }

    /// Whether a file says just this.
    static func holds(_ text: String, at path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let expected = Array(text.utf8)
        // One byte more than there may be.
        var found = [UInt8](repeating: 0, count: expected.count + 1)
        var count = 0
        while count < found.count {
            let more = found.withUnsafeMutableBytes {
                read(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count)
            }
            if more < 0, errno == EINTR { continue }
            guard more > 0 else { break }
            count += more
        }
        return count == expected.count && found.dropLast(found.count - count).elementsEqual(expected)
    }

    /// - Returns: why not all was written.
    private static func fill(_ descriptor: Int32, _ bytes: [UInt8]) -> Int32? {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + offset }, bytes.count - offset)
            }
            if count >= 0 { offset += count } else if errno != EINTR { return errno }
        }
        return nil
    }

    /// Makes a directory, and those above it, where they are not there.
    ///
    /// - Throws: ``SupervisorError``
    static func makeDirectory(_ path: String, mode: Int) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: mode])
        } catch let error as CocoaError {
            let reason = (error.underlying as? POSIXError).map { String(cString: strerror($0.code.rawValue)) }
            throw noDirectory(path, reason ?? "something else is there, or it may not be written to")
        } catch {
            throw noDirectory(path, "\(error)")
        }
    }

    private static func noDirectory(_ path: String, _ reason: String) -> SupervisorError {
        SupervisorError(
            code: "file", message: "cannot make the directory \(path): \(reason)", hint: "choose another place")
    }

    private static func trouble(_ path: String, _ number: Int32) -> SupervisorError {
        SupervisorError(
            code: number == EEXIST ? "exists" : "file",
            message: "cannot write \(path): \(String(cString: strerror(number)))",
            hint: number == ENOSPC ? "free some space" : "check who owns it and its mode")
    }
}
