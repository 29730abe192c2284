import Glibc

/// A blocking connection to the control socket, for one question and its answer. Every wait ends at the deadline.
final class ControlSocket {
    private let file: Int32
    private let deadline: ContinuousClock.Instant

    /// - Throws: `ProxyControlError` of code `unreachable` when nobody is there.
    init(path: String, deadline: ContinuousClock.Instant) throws(ProxyControlError) {
        guard path.utf8.count < 108 else {
            throw Self.unreachable("the path \(path) is longer than a socket's path can be", nil)
        }
        let file = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard file >= 0 else { throw Self.unreachable("no socket could be made", errno) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(file, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let code = errno
            close(file)
            throw Self.unreachable("no proxy answers on \(path)", code)
        }
        self.file = file
        self.deadline = deadline
    }

    deinit { close(file) }

    private static func unreachable(_ message: String, _ code: Int32?) -> ProxyControlError {
        ProxyControlError(
            code: .unreachable, message: message, cause: code.map { String(cString: strerror($0)) },
            hint: "see whether the proxy runs")
    }

    /// Sends a line, without its end, and waits for one.
    func ask(_ line: [UInt8]) throws(ProxyControlError) -> [UInt8] {
        try send(line + [UInt8(ascii: "\n")])
        return try receiveLine()
    }

    private func send(_ bytes: [UInt8]) throws(ProxyControlError) {
        var offset = 0
        while offset < bytes.count {
            try wait(for: Int16(POLLOUT))
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(
                    file, buffer.baseAddress.map { $0 + offset }, buffer.count - offset, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 {
                offset += count
            } else if errno != EINTR && errno != EAGAIN {
                throw Self.unreachable("the proxy closed the connection", errno)
            }
        }
    }

    private func receiveLine() throws(ProxyControlError) -> [UInt8] {
        var line: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            try wait(for: Int16(POLLIN))
            let count = recv(file, &chunk, chunk.count, 0)
            if count == 0 { throw Self.unreachable("the proxy closed the connection", nil) }
            if count < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                throw Self.unreachable("the proxy closed the connection", errno)
            }
            let part = chunk[..<count]
            if let end = part.firstIndex(of: UInt8(ascii: "\n")) { return line + part[..<end] }
            line += part
            if line.count > ControlLimits.maxLineBytes {
                throw ProxyControlError(code: .tooLarge, message: "the proxy's answer has no end")
            }
        }
    }

    private func wait(for event: Int16) throws(ProxyControlError) {
        while true {
            let left = ContinuousClock.now.duration(to: deadline).components
            let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
            guard milliseconds > 0 else {
                throw ProxyControlError(
                    code: .timeout, message: "the proxy did not answer in time",
                    hint: "see whether the machine is overloaded")
            }
            var entry = pollfd(fd: file, events: event, revents: 0)
            let result = poll(&entry, 1, Int32(clamping: milliseconds))
            if result > 0 { return }
            if result < 0 && errno != EINTR { throw Self.unreachable("poll failed", errno) }
        }
    }
}
