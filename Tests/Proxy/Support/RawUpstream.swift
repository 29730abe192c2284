import Glibc
import Synchronization

/// An upstream that does on each connection what the test says, on a thread of its own.
final class RawUpstream: Sendable {
    let port: Int
    private let file: Int32
    private let accepted = Mutex(0)
    private let open = Mutex<[Wire]>([])

    /// - Parameter serve: Gets each connection and its number, from 1.
    init(_ serve: @escaping @Sendable (Wire, Int) throws -> Void) throws {
        (file, port) = try listenOnLoopback()
        detach { [self] in
            while true {
                let connection = accept(file, nil, nil)
                if connection < 0 {
                    // Closed here only: elsewhere its number could be another socket's by the time of the next accept.
                    Glibc.close(file)
                    return
                }
                let wire = Wire(file: connection, timeoutSeconds: 30)
                let number = accepted.withLock { count in
                    count += 1
                    return count
                }
                open.withLock { $0.append(wire) }
                detach {
                    // The proxy closing a connection is an ordinary end of a script.
                    do { try serve(wire, number) } catch {}
                    self.open.withLock { wires in wires.removeAll { $0 === wire } }
                }
            }
        }
    }

    /// Answers every request of a connection with 200 and a short text, until the client closes.
    static func answering(_ body: String, fields: String = "") throws -> RawUpstream {
        try RawUpstream { wire, _ in
            while true {
                _ = try wire.receiveHead()
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)")
            }
        }
    }

    var connections: Int { accepted.withLock { $0 } }

    /// Connections that are open, from this side.
    var openConnections: Int { open.withLock { $0.count } }

    func stop() {
        shutdown(file, Int32(SHUT_RDWR))
        for wire in open.withLock({ $0 }) { wire.close() }
    }
}
