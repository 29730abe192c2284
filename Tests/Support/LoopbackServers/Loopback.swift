import Glibc
import RouterConformance
import TestServers

/// Sockets of this machine's own addresses.
package enum Loopback {
    package struct Trouble: Error { package var number: Int32 }

    /// A listening socket; port 0 lets the system choose.
    /// - Parameter host: an IPv4 address.
    package static func listen(host: UInt32 = 0x7f00_0001, port: Int) throws -> (descriptor: Int32, port: Int) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var name = address(port, host)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(descriptor, raw, size) == 0 && Glibc.listen(descriptor, 128) == 0
                    && getsockname(descriptor, raw, &size) == 0
            }
        }
        guard isBound else {
            let number = errno
            close(descriptor)
            throw Trouble(number: number)
        }
        return (descriptor, Int(UInt16(bigEndian: name.sin_port)))
    }

    /// A listening socket at an address that nobody else has: the clusters of tests have those from 127.100 on.
    package static func listenApart(port: Int) throws -> (descriptor: Int32, host: UInt32) {
        var attempts = 0
        while true {
            let host: UInt32 = 0x7f00_0000 | .random(in: 2..<100) << 16 | .random(in: 1..<0xfffe)
            do { return (try listen(host: host, port: port).descriptor, host) } catch {
                attempts += 1
                guard attempts < 20 else { throw error }
            }
        }
    }

    /// Sends one request on a connection of its own and reads until the server closes it.
    /// - Parameter host: an IPv4 address.
    /// - Throws: `ConnectionRefused`, `Trouble`.
    package static func ask(host: UInt32 = 0x7f00_0001, port: Int, _ request: String) async throws -> String {
        let result: Result<String, any Error> = await withCheckedContinuation { continuation in
            OwnThread.run { continuation.resume(returning: Result { try askBlocking(host, port, request) }) }
        }
        return try result.get()
    }

    private static func askBlocking(_ host: UInt32, _ port: Int, _ request: String) throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var name = address(port, host)
        let isConnected = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else {
            if errno == ECONNREFUSED { throw ConnectionRefused() }
            throw Trouble(number: errno)
        }
        let bytes = Array(request.utf8)
        guard send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw Trouble(number: errno)
        }
        var answer: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = recv(descriptor, &room, room.count, 0)
            if count == 0 { return String(decoding: answer, as: UTF8.self) }
            if count < 0 { throw Trouble(number: errno) }
            answer += room.prefix(count)
        }
    }

    private static func address(_ port: Int, _ host: UInt32 = 0x7f00_0001) -> sockaddr_in {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = in_port_t(UInt16(port)).bigEndian
        name.sin_addr.s_addr = in_addr_t(host).bigEndian
        return name
    }
}
