import CLinux
import Glibc

/// Reads one output pipe of a process and puts its lines into a log file.
///
/// The pipe is a FIFO by name, and the process holds it open for reading and writing: whatever happens to the keeper,
/// the process never gets EPIPE or SIGPIPE, and a keeper that comes later opens the FIFO and reads on.
final class LogStream {
    /// Longer lines are split.
    static let longestLine = 8192
    /// Read at one go, so that one talkative instance does not hold up the others.
    private static let portion = 1 << 16

    private let loop: EventLoop
    private let file: LogFile
    private let mark: Unicode.Scalar
    private var descriptor: Int32
    /// The FIFO, nil for a pipe without a name.
    private let path: String?
    /// The beginning of a line whose end has not come.
    private var partial: [UInt8] = []

    private init(loop: EventLoop, file: LogFile, mark: Unicode.Scalar, descriptor: Int32, path: String?) {
        self.loop = loop
        self.file = file
        self.mark = mark
        self.descriptor = descriptor
        self.path = path
    }

    /// Makes a new pipe.
    ///
    /// - Returns: the stream and the process's end, to be closed here after the spawn; or an errno.
    static func make(
        loop: EventLoop, file: LogFile, mark: Unicode.Scalar, path: String
    ) -> (stream: LogStream, end: Int32)? {
        if slw_make_fifo(path) == 0 {
            let reading = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            let end = open(path, O_RDWR | O_CLOEXEC)
            if reading >= 0 && end >= 0 {
                return (attached(loop: loop, file: file, mark: mark, descriptor: reading, path: path), end)
            }
            if reading >= 0 { Glibc.close(reading) }
            if end >= 0 { Glibc.close(end) }
            unlink(path)
        }
        // No room for a name on a full disk: what such an instance says while there is no keeper is lost.
        var ends: (Int32, Int32) = (-1, -1)
        let failure = withUnsafeMutableBytes(of: &ends) {
            slw_self_read_pipe($0.bindMemory(to: Int32.self).baseAddress)
        }
        guard failure == 0 else {
            errno = -failure
            return nil
        }
        return (attached(loop: loop, file: file, mark: mark, descriptor: ends.0, path: nil), ends.1)
    }

    /// Opens the pipe of a process that an earlier keeper started; nil when it has none.
    static func adopt(loop: EventLoop, file: LogFile, mark: Unicode.Scalar, path: String) -> LogStream? {
        let reading = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)
        guard reading >= 0 else { return nil }
        return attached(loop: loop, file: file, mark: mark, descriptor: reading, path: path)
    }

    private static func attached(
        loop: EventLoop, file: LogFile, mark: Unicode.Scalar, descriptor: Int32, path: String?
    ) -> LogStream {
        // Room for what is said while there is no keeper; without it the usual 64 KiB have to do.
        _ = slw_set_pipe_capacity(descriptor, 1 << 18)
        let stream = LogStream(loop: loop, file: file, mark: mark, descriptor: descriptor, path: path)
        loop.watch(descriptor, SLW_EPOLL_IN) { _ in stream.readable() }
        return stream
    }

    private func readable() {
        if readPortion() == .ended { close() }
        file.flush()
    }

    private enum Outcome { case more, empty, ended }

    private func readPortion() -> Outcome {
        guard descriptor >= 0 else { return .ended }
        let buffer = SharedBuffer.bytes
        let count = read(descriptor, buffer.baseAddress, Self.portion)
        if count < 0 { return errno == EAGAIN || errno == EINTR ? .empty : .ended }
        guard count > 0 else { return .ended }
        take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        return .more
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        let now = slw_realtime_ms()
        var rest = bytes
        while let start = rest.baseAddress, let newline = memchr(start, Int32(UInt8(ascii: "\n")), rest.count) {
            let length = UnsafeRawPointer(newline) - start
            put(UnsafeRawBufferPointer(rebasing: rest[..<length]), now)
            rest = UnsafeRawBufferPointer(rebasing: rest[(length + 1)...])
        }
        partial += rest
        if partial.count >= Self.longestLine { putPartial(now, whole: false) }
    }

    private func put(_ line: UnsafeRawBufferPointer, _ now: Int64) {
        if partial.isEmpty && line.count <= Self.longestLine {
            file.append(line, mark: mark, at: now)
        } else {
            partial += line
            putPartial(now, whole: true)
        }
    }

    /// Puts what has come of a line in pieces of the longest length.
    ///
    /// - Parameter whole: the line's end has come; else what may still grow is kept.
    private func putPartial(_ now: Int64, whole: Bool) {
        var offset = 0
        partial.withUnsafeBytes { bytes in
            while bytes.count - offset >= Self.longestLine {
                let piece = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + Self.longestLine])
                file.append(piece, mark: mark, at: now)
                offset += Self.longestLine
            }
            if whole && (offset < bytes.count || offset == 0) {
                file.append(UnsafeRawBufferPointer(rebasing: bytes[offset...]), mark: mark, at: now)
                offset = bytes.count
            }
        }
        partial.removeFirst(offset)
    }

    /// Reads what is there now, so that a report of an exit comes after the last lines. Bounded: the writer may be
    /// faster than we are.
    func drain() {
        var portions = 0
        while portions < 16, readPortion() == .more { portions += 1 }
        file.flush()
    }

    /// Writes the last line even without its end, and lets the pipe go.
    func close() {
        guard descriptor >= 0 else { return }
        if !partial.isEmpty { putPartial(slw_realtime_ms(), whole: true) }
        file.flush()
        loop.unwatch(descriptor)
        Glibc.close(descriptor)
        descriptor = -1
        if let path { unlink(path) }
    }

    /// One buffer for all streams: there is one thread.
    private enum SharedBuffer {
        nonisolated(unsafe) static let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: portion, alignment: 16)
    }
}
