import Glibc

/// Says the lines of log files on a descriptor as well: who looks after containers reads standard error. It never
/// waits: what nobody takes in time is in the file alone.
final class LogEcho {
    private let descriptor: Int32
    /// The last line was cut short.
    private var isTorn = false

    init(descriptor: Int32 = STDERR_FILENO) { self.descriptor = descriptor }

    /// - Parameter name: who wrote it.
    func say(_ text: UnsafeRawBufferPointer, of name: String) {
        var line: [UInt8] = isTorn ? [UInt8(ascii: "\n")] : []
        line += "\(name): ".utf8
        line += text
        line.append(UInt8(ascii: "\n"))
        var written = 0
        while written < line.count, let count = write(line[written...]) { written += count }
        if written > 0 { isTorn = written < line.count }
    }

    /// - Returns: nil when there is no room.
    private func write(_ rest: ArraySlice<UInt8>) -> Int? {
        // A pipe that says so has room for as many bytes at least.
        let part = rest.prefix(Int(PIPE_BUF))
        while true {
            var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&room, 1, 0) == 1, room.revents & Int16(POLLOUT) != 0 else { return nil }
            let count = part.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            return count > 0 ? count : nil
        }
    }
}
