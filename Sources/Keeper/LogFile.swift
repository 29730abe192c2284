import CLinux
import Glibc
import KeeperControl

/// A log file of lines `<unix-ms> <mark> <text>`; the mark is `o` (standard output), `e` (standard error) or `k` (the
/// keeper itself). Turned over to `<path>.1` at a size limit. Never fails: what cannot be written is counted.
final class LogFile {
    let path: String
    /// Without its directory and its ending.
    private let name: String
    private let limit: UInt64
    private let echo: LogEcho?
    private var descriptor: Int32 = -1
    /// Bytes in the file, all of them whole lines.
    private var size: UInt64 = 0
    private var buffer: [UInt8] = []
    private var bufferedLines: UInt64 = 0
    /// The first buffered line is our own remark on dropped lines.
    private var beginsWithRemark = false
    private var prefix: (at: Int64, mark: Unicode.Scalar, bytes: [UInt8]) = (0, "k", Array("0 k ".utf8))
    /// Lines dropped since the file was opened here.
    private(set) var droppedLines: UInt64 = 0
    /// Of these, the ones that the file itself does not tell of yet.
    private var untoldDrops: UInt64 = 0
    private var lastError: Int32 = 0

    init(path: String, limit: UInt64, echo: LogEcho? = nil) {
        self.path = path
        name = path.split(separator: "/").last?.split(separator: ".").first.map(String.init) ?? ""
        self.echo = echo
        self.limit = max(limit, 4096)
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Opens the file, or creates it.
    ///
    /// - Returns: 0 or an errno.
    func open() -> Int32 {
        guard descriptor < 0 else { return 0 }
        let fd = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
        guard fd >= 0 else { return errno }
        var status = stat()
        guard fstat(fd, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(fd)
            return EINVAL
        }
        descriptor = fd
        size = UInt64(status.st_size)
        // A keeper that was killed in the middle of a line left it open.
        if size > 0 && !endsWithNewline() && write(fd, "\n", 1) == 1 { size += 1 }
        return 0
    }

    private func endsWithNewline() -> Bool {
        let reader = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard reader >= 0 else { return true }
        defer { close(reader) }
        var last: UInt8 = 0
        return pread(reader, &last, 1, off_t(size) - 1) != 1 || last == UInt8(ascii: "\n")
    }

    /// Adds a line; `flush` brings it to the file.
    ///
    /// - Parameter at: milliseconds since 1970.
    func append(_ text: UnsafeRawBufferPointer, mark: Unicode.Scalar, at: Int64) {
        if untoldDrops > 0 && bufferedLines == 0 {
            let remark = Array("\(untoldDrops) lines dropped: \(KeeperError.words(lastError))".utf8)
            remark.withUnsafeBytes { add($0, mark: "k", at: at) }
            beginsWithRemark = true
        }
        add(text, mark: mark, at: at)
        echo?.say(text, of: name)
    }

    func append(_ text: String, mark: Unicode.Scalar, at: Int64) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0), mark: mark, at: at) }
    }

    private func add(_ text: UnsafeRawBufferPointer, mark: Unicode.Scalar, at: Int64) {
        // Most lines come many at the same moment from the same stream.
        if prefix.at != at || prefix.mark != mark { prefix = (at, mark, Array("\(at) \(mark) ".utf8)) }
        let length = UInt64(prefix.bytes.count + text.count + 1)
        if size + UInt64(buffer.count) + length > limit && size + UInt64(buffer.count) > 0 {
            flush()
            turnOver()
        }
        buffer += prefix.bytes
        buffer += text
        buffer.append(UInt8(ascii: "\n"))
        bufferedLines += 1
        if buffer.count >= 1 << 16 { flush() }
    }

    func flush() {
        guard bufferedLines > 0 else { return }
        defer {
            buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 17)
            bufferedLines = 0
            beginsWithRemark = false
        }
        lookAgain()
        let failure = open()
        guard failure == 0 else { return drop(bufferedLines - (beginsWithRemark ? 1 : 0), failure) }
        var written = 0
        while written < buffer.count {
            let count = buffer.withUnsafeBytes { write(descriptor, $0.baseAddress! + written, $0.count - written) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                let error = errno
                return cutBack(to: written, error)
            }
            written += count
        }
        size += UInt64(written)
        untoldDrops = 0
    }

    /// Part of the buffer was written: the whole lines of it stay.
    private func cutBack(to written: Int, _ error: Int32) {
        let newline = UInt8(ascii: "\n")
        let kept = buffer[..<written].lastIndex(of: newline).map { $0 + 1 } ?? 0
        let lost = buffer[kept...].count { $0 == newline }
        size += UInt64(kept)
        if written > kept && ftruncate(descriptor, off_t(size)) != 0 {
            // The torn line stays: opening the file again ends it.
            size += UInt64(written - kept)
            close(descriptor)
            descriptor = -1
        }
        if kept > 0 { untoldDrops = 0 }
        drop(UInt64(lost) - (kept == 0 && beginsWithRemark ? 1 : 0), error)
    }

    private func drop(_ lines: UInt64, _ error: Int32) {
        droppedLines += lines
        untoldDrops += lines
        lastError = error
    }

    private func turnOver() {
        guard size > 0 else { return }
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        // When this fails the file goes on growing past its limit, which loses nothing.
        if rename(path, path + ".1") == 0 { size = 0 }
    }

    /// Somebody may have removed the file: then a new one is made, where people look. Or have cut it short.
    private func lookAgain() {
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else { return }
        size = UInt64(status.st_size)
        guard status.st_nlink == 0 else { return }
        close(descriptor)
        descriptor = -1
        size = 0
    }
}

/// Log files by path, so that two streams of one file share its size and its turning over.
final class LogFiles {
    private struct Entry {
        var file: LogFile
        var users: Int
    }

    private var entries: [String: Entry] = [:]

    /// Has to be given back by `release`.
    func use(path: String, limit: UInt64, echo: LogEcho? = nil) -> LogFile {
        var entry = entries[path] ?? Entry(file: LogFile(path: path, limit: limit, echo: echo), users: 0)
        entry.users += 1
        entries[path] = entry
        return entry.file
    }

    func release(_ file: LogFile) {
        guard var entry = entries[file.path] else { return }
        entry.users -= 1
        file.flush()
        entries[file.path] = entry.users > 0 ? entry : nil
    }
}
