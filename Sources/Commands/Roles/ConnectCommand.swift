package import ArgumentParser
import Dispatch
import Glibc
import SupervisorAPI

/// `slipway connect`: the supervisor's interface as standard input and output; the far end of a remote session.
package struct ConnectCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "connect",
        abstract: "Join standard input and output with the supervisor's socket; started by ssh.",
        discussion: """
            With --hello it says as one line of JSON which versions are there, and ends.

            Example:
              ssh server slipway connect --hello

            Exit codes: 0 done, 1 failed, 69 Slipway does not run.
            """,
        shouldDisplay: false)

    /// Nothing runs, and --start was not given.
    static let notRunning: Int32 = 69

    @Option(help: "Slipway's state directory. [env: SLIPWAY_STATE]")
    package var state: String?

    @Flag(help: "Start Slipway when it does not run.")
    package var start = false

    @Flag(help: "Only say who is there.")
    package var hello = false

    package init() {}

    package func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        try await reportingErrors {
            do {
                return try await Session.openHere(state, startIfNeeded: start) { session in
                    guard hello else {
                        try await StreamPump.run(session.state.supervisorSocket)
                        return 0
                    }
                    let supervisor = try await session.client.version()
                    try printJSONLine(RemoteLink.Greeting(version: Slipway.version, supervisor: supervisor))
                    return 0
                }
            } catch let error as SupervisorError where error.code == "not-running" {
                note(error.message)
                return Self.notRunning
            }
        }
    }
}

/// Carries bytes between this process's standard streams and a Unix socket, both ways, until the socket ends.
private enum StreamPump {
    static func run(_ path: String) async throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard descriptor >= 0, isConnected else {
            throw SupervisorError(
                code: "unreachable", message: "no supervisor answers on \(path): \(String(cString: strerror(errno)))")
        }
        // One thread per direction: each may wait for the other side without holding up the other direction.
        let inward = DispatchQueue(label: "slipway.connect.in")
        let outward = DispatchQueue(label: "slipway.connect.out")
        inward.async {
            copy(0, descriptor)
            shutdown(descriptor, Int32(SHUT_WR))
        }
        await withCheckedContinuation { continuation in
            outward.async {
                copy(descriptor, 1)
                continuation.resume()
            }
        }
        // The other thread may wait for input for ever; the process ends with this command.
    }

    /// Until either side ends.
    private static func copy(_ from: Int32, _ to: Int32) {
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = bytes.withUnsafeMutableBytes { read(from, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            var offset = 0
            while offset < count {
                let written = bytes.withUnsafeBytes { write(to, $0.baseAddress.map { $0 + offset }, count - offset) }
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { return }
                offset += written
            }
        }
    }
}
