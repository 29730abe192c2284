import Dispatch
import Glibc
package import KeeperControl
import Ports

/// Listening sockets held by the keeper, so that they outlive the supervisor and the proxy.
package struct KeeperListeners: ListenerSockets {
    private let link: KeeperLink

    package init(link: KeeperLink) { self.link = link }

    package func open(_ address: SocketAddress) async throws {
        do {
            _ = try await link.listen(address.description)
        } catch {
            throw await Self.explain(error, address)
        }
    }

    package func close(_ address: SocketAddress) async throws {
        do {
            try await link.unlisten(address.description)
        } catch {
            throw Self.translate(error, hint: error.hint)
        }
    }

    package func held() async throws -> [SocketAddress] {
        do {
            return try await link.list().listeners.compactMap { SocketAddress($0) }
        } catch {
            throw Self.translate(error, hint: error.hint)
        }
    }

    private static func explain(_ error: KeeperError, _ address: SocketAddress) async -> PortError {
        switch error.errorNumber {
        case EADDRINUSE:
            let holder = await PortHolder.find(port: address.port)
            return listenTrouble(error.errorNumber, address, holder: holder)
        case EACCES, EADDRNOTAVAIL:
            return listenTrouble(error.errorNumber, address, holder: nil)
        case _:
            return translate(error, hint: error.hint)
        }
    }

    private static func translate(_ error: KeeperError, hint: String) -> PortError {
        let code: PortErrorCode =
            switch error.code {
            case .invalidRequest: .invalid
            case .listenFailed, .spawnFailed, .system: .storage
            case .notFound: .notFound
            case .unsupported: .incompatible
            case .tokenInUse, .shuttingDown, .roleNotReady, .timedOut, .linkClosed, .overloaded, .unknown: .unavailable
            }
        return PortError(code, "keeper: \(error.message)", hint: hint)
    }
}

/// Why a listening socket could not be opened, for a person.
func listenTrouble(_ number: Int32, _ address: SocketAddress, holder: PortHolder?) -> PortError {
    switch number {
    case EADDRINUSE:
        let who = holder.map { "by \($0.program) (pid \($0.pid))" } ?? "by another program"
        let which = holder.map { "stop pid \($0.pid)" } ?? "`ss -ltnp 'sport = :\(address.port)'` shows which: stop it"
        return PortError(
            .invalid, "port \(address.port) is in use \(who): \(address) cannot be listened on",
            hint: "\(which), or write another port in `routes: [{ listen: … }]`")
    case EACCES:
        return PortError(
            .invalid, "port \(address.port) needs privileges: \(address) cannot be listened on",
            hint: "write a port of 1024 or above, or lower it with `sysctl net.ipv4.ip_unprivileged_port_start`")
    case EADDRNOTAVAIL:
        return PortError(
            .invalid, "this machine has no address \(address.host): \(address) cannot be listened on",
            hint: "`ip address` lists the addresses that it has; 127.0.0.1 and 0.0.0.0 are always there")
    case _:
        let words = strerror(number).map { String(cString: $0) } ?? "error \(number)"
        return PortError(.storage, "\(address) cannot be listened on: \(words)")
    }
}
