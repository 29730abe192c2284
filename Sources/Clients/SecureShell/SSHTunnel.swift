import Dispatch
import Glibc
import Synchronization

/// A Unix socket here whose connections come out of a command on the other side: every connection becomes the standard
/// input and output of an `ssh` of its own, over the one connection that is kept. Needs no permission to forward.
///
/// When this process dies its connections close, and with them each `ssh` and the command behind it.
package final class SSHTunnel: Sendable {
    /// The socket's path.
    package let path: String
    private let listener: Int32
    private let children: ChildList

    /// - Parameter command: the words of the command that speaks for the other side.
    package init(_ shell: RemoteShell, _ command: [String]) throws(SecureShellError) {
        path = shell.scratch.next() + ".sock"
        children = ChildList()
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let errors = open(shell.scratch.next() + ".err", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard errors >= 0, listener >= 0, Self.listen(listener, path) else {
            let words = String(cString: strerror(errno))
            for descriptor in [errors, listener] where descriptor >= 0 { Glibc.close(descriptor) }
            throw SecureShellError(
                trouble: .other, message: "cannot open the socket \(path): \(words)", hint: "is the disk full?")
        }
        let relay = Relay(
            listener: listener, errors: errors, program: shell.program, arguments: shell.arguments.run(command),
            children: children)
        // A thread of its own: it waits for connections until the listener is shut down.
        DispatchQueue(label: "slipway.tunnel").async { relay.run() }
    }

    /// Ends every connection.
    package func close() {
        // Wakes the thread that waits in accept(2); it closes the descriptors.
        shutdown(listener, Int32(SHUT_RDWR))
        children.end()
        unlink(path)
    }

    private static func listen(_ descriptor: Int32, _ path: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        return isBound && Glibc.listen(descriptor, 16) == 0
    }
}

/// Gives each connection an `ssh`.
private struct Relay: Sendable {
    var listener: Int32
    var errors: Int32
    var program: String
    var arguments: [String]
    var children: ChildList

    func run() {
        while true {
            let connection = accept(listener, nil, nil)
            if connection < 0 {
                if errno == EINTR || errno == ECONNABORTED { continue }
                break
            }
            do {
                children.add(
                    try ChildProcess.start(program, arguments, descriptors: [connection, connection, errors]))
            } catch {
                // The connection closes without an answer: its client asks anew, and is told by the first command.
                let text = Array("\(error)\n".utf8)
                _ = write(errors, text, text.count)
            }
            close(connection)
        }
        close(listener)
        close(errors)
    }
}

/// The processes behind the connections of a tunnel.
private final class ChildList: Sendable {
    private let running = Mutex<[ChildProcess]?>([])

    /// After the end, at once ended.
    func add(_ child: ChildProcess) {
        let isLate = running.withLock { running in
            guard let before = running else { return true }
            running = before.filter { $0.exitCode() == nil } + [child]
            return false
        }
        if isLate { child.kill() }
    }

    func end() {
        let left = running.withLock { running in
            defer { running = nil }
            return running ?? []
        }
        for child in left where child.exitCode() == nil { child.kill() }
    }
}
