import Glibc

struct WireError: Error, CustomStringConvertible {
    let description: String
}

/// One TCP connection with blocking calls that give up after a while.
final class Wire: @unchecked Sendable {
    // Sendable: each test uses a wire from one thread at a time.
    let file: Int32
    private var buffer: [UInt8] = []
    /// What lies before this was taken.
    private var start = 0

    init(file: Int32, timeoutSeconds: Int = 10) {
        self.file = file
        var time = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(file, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(file, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Connects to a port of the loopback interface.
    convenience init(port: Int, receiveBuffer: Int32? = nil, timeoutSeconds: Int = 10) throws {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if var size = receiveBuffer {
            setsockopt(file, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        let result = withLoopback(port: port) { connect(file, $0, $1) }
        guard result == 0 else {
            let code = errno
            Glibc.close(file)
            throw WireError(description: "connect: \(String(cString: strerror(code)))")
        }
        self.init(file: file, timeoutSeconds: timeoutSeconds)
    }

    deinit { Glibc.close(file) }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes {
                Glibc.send(file, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw WireError(description: "send: \(String(cString: strerror(errno)))") }
            offset += count
        }
    }

    /// Receives some bytes; none at the end. A reset throws.
    func receive() throws -> [UInt8] {
        if start == buffer.count { _ = try receiveMore() }
        return take(buffer.count - start)
    }

    /// Receives up to and including the first empty line.
    func receiveHead() throws -> String { try receive(until: "\r\n\r\n") }

    func receive(exactly count: Int) throws -> [UInt8] {
        while buffer.count - start < count {
            if try receiveMore() == 0 {
                throw WireError(description: "the connection ended after \(buffer.count - start) of \(count) bytes")
            }
        }
        return take(count)
    }

    func receive(until end: String) throws -> String {
        let needle = Array(end.utf8)
        var searched = start
        while true {
            while searched + needle.count <= buffer.count {
                if buffer[searched] == needle[0], buffer[searched..<searched + needle.count].elementsEqual(needle) {
                    return String(decoding: take(searched + needle.count - start), as: UTF8.self)
                }
                searched += 1
            }
            let distance = searched - start
            if try receiveMore() == 0 {
                throw WireError(
                    description: "the connection ended: \(String(decoding: buffer[start...], as: UTF8.self))")
            }
            searched = start + distance
        }
    }

    /// Receives everything until the other side closes.
    func receiveToEnd() throws -> [UInt8] {
        while try receiveMore() > 0 {}
        return take(buffer.count - start)
    }

    private func take(_ count: Int) -> [UInt8] {
        defer { start += count }
        return Array(buffer[start..<start + count])
    }

    private func receiveMore() throws -> Int {
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(file, &bytes, bytes.count, 0)
        guard count >= 0 else { throw WireError(description: "recv: \(String(cString: strerror(errno)))") }
        buffer += bytes.prefix(count)
        return count
    }

    /// A whole response: by Content-Length, chunked, or to the end.
    func receiveResponse(toHead: Bool = false) throws -> Response {
        let head = try receiveHead()
        var response = Response(head: head)
        if toHead || response.status == 304 || response.status == 204 || response.status < 200 { return response }
        if let length = response["content-length"].flatMap({ Int($0) }) {
            response.body = try receive(exactly: length)
        } else if response["transfer-encoding"] == "chunked" {
            while true {
                let line = try receive(until: "\r\n").dropLast(1)
                guard let size = Int(line, radix: 16) else { throw WireError(description: "bad chunk size \(line)") }
                if size == 0 {
                    while try receive(until: "\r\n") != "\r\n" {}
                    return response
                }
                response.body += try receive(exactly: size)
                _ = try receive(exactly: 2)
            }
        } else {
            response.body = try receiveToEnd()
        }
        return response
    }

    func get(_ target: String, fields: String = "") throws -> Response {
        try send("GET \(target) HTTP/1.1\r\nHost: test\r\n\(fields)\r\n")
        return try receiveResponse()
    }

    func closeOutput() { shutdown(file, Int32(SHUT_WR)) }

    /// Ends both directions; the descriptor itself is closed with the object.
    func close() { shutdown(file, Int32(SHUT_RDWR)) }

    /// Makes the coming close a reset.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(file, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }
}

struct Response: Sendable {
    let head: String
    var body: [UInt8] = []

    var status: Int { Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0 }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The first field with this name, in lower case.
    subscript(name: String) -> String? {
        for line in head.split(separator: "\r\n").dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == name {
                return String(parts[1].drop { $0 == " " })
            }
        }
        return nil
    }
}

/// Calls `body` with the address of a loopback port.
func withLoopback<Value>(port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

/// A listening socket on a free loopback port.
func listenOnLoopback(backlog: Int32 = 1024) throws -> (file: Int32, port: Int) {
    let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var one: Int32 = 1
    setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    guard withLoopback(port: 0, { bind(file, $0, $1) }) == 0, listen(file, backlog) == 0 else {
        throw WireError(description: "no port to listen on")
    }
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(file, $0, &length) }
    }
    return (file, Int(UInt16(bigEndian: address.sin_port)))
}

extension String {
    func range(of part: String) -> Range<String.Index>? {
        let bytes = Array(utf8)
        let needle = Array(part.utf8)
        guard needle.count <= bytes.count else { return nil }
        for start in 0...(bytes.count - needle.count) where bytes[start] == needle[0] {
            if bytes[start..<start + needle.count].elementsEqual(needle) {
                let lower = utf8.index(startIndex, offsetBy: start)
                return lower..<utf8.index(lower, offsetBy: needle.count)
            }
        }
        return nil
    }
}
