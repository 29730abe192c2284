import Glibc
import Synchronization

/// A server of a few lines on a free loopback port: a thread per connection, and a script that says what each does.
///
/// Threads, because a script may block: it reads, waits and writes as badly behaved servers do.
final class RawServer: Sendable {
    /// One accepted connection, in the hands of the script.
    struct Peer {
        let descriptor: Int32
        /// Counts accepted connections from 0.
        let number: Int

        /// Reads one request, its body included when it has a `Content-Length`; nil at the end of the connection.
        func request() -> String? {
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                if let text = Self.whole(bytes) { return text }
                let count = recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0 else { return nil }
                bytes.append(contentsOf: buffer[..<count])
            }
        }

        private static func whole(_ bytes: [UInt8]) -> String? {
            let text = String(decoding: bytes, as: UTF8.self)
            guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
            guard let field = text.firstRange(of: "Content-Length: ") else { return text }
            let length = Int(text[field.upperBound...].prefix { $0.isNumber }) ?? 0
            return text[end.upperBound...].utf8.count >= length ? text : nil
        }

        func send(_ text: String) {
            var bytes = Array(text.utf8)[...]
            while !bytes.isEmpty {
                let sent = bytes.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard sent > 0 else { return }
                bytes = bytes.dropFirst(sent)
            }
        }

        /// Byte by byte, so that an answer never comes in one piece.
        func trickle(_ text: String) {
            for character in text.unicodeScalars {
                send(String(character))
                usleep(300)
            }
        }

        /// Makes the close that follows a reset.
        func reset() {
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        }

        func wait(milliseconds: UInt32) { usleep(milliseconds * 1000) }
    }

    let port: Int
    private let listener: Int32
    private let open = Mutex<[Int32]>([])
    private let stopping = Mutex(false)

    static func answer(_ body: String = "ok", status: String = "200 OK", fields: String = "") -> String {
        "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
    }

    /// - Parameter script: runs on a thread of its own for each connection, which is closed when it returns.
    init(_ script: @escaping @Sendable (Peer) -> Void) {
        (listener, port) = LoopbackPort.listen()
        let listener = listener
        Self.thread {
            var number = 0
            while true {
                let descriptor = accept(listener, nil, nil)
                if descriptor < 0, errno == EINTR || errno == ECONNABORTED { continue }
                guard descriptor >= 0 else { return }
                let peer = Peer(descriptor: descriptor, number: number)
                number += 1
                var on: Int32 = 1
                setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
                guard self.keep(descriptor) else { return }
                Self.thread {
                    script(peer)
                    self.forget(descriptor)
                }
            }
        }
    }

    func stop() {
        stopping.withLock { $0 = true }
        shutdown(listener, Int32(SHUT_RDWR))
        Glibc.close(listener)
        open.withLock { open in
            for descriptor in open { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    private func keep(_ descriptor: Int32) -> Bool {
        open.withLock { open in
            guard !stopping.withLock({ $0 }) else {
                Glibc.close(descriptor)
                return false
            }
            open.append(descriptor)
            return true
        }
    }

    private func forget(_ descriptor: Int32) {
        open.withLock { open in
            open.removeAll { $0 == descriptor }
            _ = Glibc.close(descriptor)
        }
    }

    private static func thread(_ body: @escaping @Sendable () -> Void) {
        final class Start: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        let start = Unmanaged.passRetained(Start(body)).toOpaque()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, start)
        precondition(result == 0, "no thread for the test's server")
        pthread_detach(thread)
    }
}

/// Ports of 127.0.0.1 that are free.
enum LoopbackPort {
    static func listen() -> (descriptor: Int32, port: Int) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                let bound = bind(descriptor, address, length) == 0 && Glibc.listen(descriptor, 512) == 0
                precondition(bound && getsockname(descriptor, address, &length) == 0, "no free port on loopback")
            }
            return Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
        return (descriptor, port)
    }

    /// A port on which nobody listens: it was free a moment ago.
    static func closed() -> Int {
        let (descriptor, port) = listen()
        close(descriptor)
        return port
    }
}
