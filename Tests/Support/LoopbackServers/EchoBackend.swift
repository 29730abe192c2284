import Dispatch
import Glibc
import Synchronization
import TestServers

/// An HTTP/1.1 server of the test's own that answers with a fixed text; `/fail` with a 500; `/slow` when it is let go.
package final class EchoBackend: Sendable {
    private struct State {
        var slow: [DispatchSemaphore] = []
        var isOpen = false
    }

    /// An IPv4 address.
    package let host: String
    package let port: Int
    private let listener: Int32
    private let text: String
    private let state = Mutex(State())

    package convenience init(_ text: String) throws {
        let (listener, port) = try Loopback.listen(port: 0)
        self.init(text, listener, host: 0x7f00_0001, port: port)
    }

    /// At an address of its own, as a pod has it.
    package convenience init(_ text: String, ownAddressAt port: Int) throws {
        let (listener, host) = try Loopback.listenApart(port: port)
        self.init(text, listener, host: host, port: port)
    }

    private init(_ text: String, _ listener: Int32, host: UInt32, port: Int) {
        self.text = text
        self.listener = listener
        self.host = [24, 16, 8, 0].map { String(host >> $0 & 0xff) }.joined(separator: ".")
        self.port = port
        OwnThread.run { self.accept() }
    }

    /// Requests to `/slow` that wait.
    package var waiting: Int { state.withLock { $0.slow.count } }

    /// Answers all requests to `/slow`, now and later.
    package func letGo() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.slow = [] }
            return state.slow
        }
        for semaphore in waiting { semaphore.signal() }
    }

    package func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        letGo()
    }

    private func accept() {
        while true {
            let connection = Glibc.accept(listener, nil, nil)
            if connection < 0 { return }
            OwnThread.run { self.serve(connection) }
        }
    }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        var pending: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            while let end = Self.headEnd(pending) {
                let path = String(decoding: pending[..<end], as: UTF8.self).split(separator: " ").dropFirst().first
                pending.removeFirst(end)
                answer(connection, String(path ?? "/"))
            }
            let count = recv(connection, &room, room.count, 0)
            if count <= 0 { return }
            pending += room.prefix(count)
        }
    }

    private func answer(_ connection: Int32, _ path: String) {
        if path == "/slow" {
            let semaphore = DispatchSemaphore(value: 0)
            let waits = state.withLock { state in
                if !state.isOpen { state.slow.append(semaphore) }
                return !state.isOpen
            }
            if waits { semaphore.wait() }
        }
        let status = path == "/fail" ? "500 Internal Server Error" : "200 OK"
        let bytes = Array("HTTP/1.1 \(status)\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)".utf8)
        _ = send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    private static func headEnd(_ bytes: [UInt8]) -> Int? {
        let mark = Array("\r\n\r\n".utf8)
        guard bytes.count >= 4 else { return nil }
        for start in 0...(bytes.count - 4)
        where bytes[start] == mark[0] && bytes[start..<(start + 4)].elementsEqual(mark) {
            return start + 4
        }
        return nil
    }
}
