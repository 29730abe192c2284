package import Ports
package import ProxyControl

/// The way to the proxy. Between this adapter and the client of the control socket, so that tests need no proxy.
package protocol ProxyLink: Sendable {
    /// Returns when the table is durable and in force on every event loop.
    /// - Throws: `ProxyControlError`.
    func apply(_ table: RouteTable) async throws -> Applied
    /// - Throws: `ProxyControlError`.
    func snapshot() async throws -> ProxySnapshot
}

extension ProxyControlClient: ProxyLink {}

extension PortError {
    /// The proxy's trouble in the words of the seam.
    package init(proxy error: any Error) {
        if let known = error as? PortError {
            self = known
            return
        }
        guard let error = error as? ProxyControlError else {
            self.init(.unavailable, "the proxy cannot be asked: \(error)")
            return
        }
        var message = "proxy: \(error.message)"
        if let cause = error.cause { message += " (\(cause))" }
        self.init(Self.code(of: error.code), message, hint: error.hint ?? Self.hint(for: error.code))
    }

    private static func code(of code: ProxyControlError.Code) -> PortErrorCode {
        switch code {
        case .stale: .stale
        case .invalidTable: .invalid
        case .notDurable: .storage
        case .badRequest, .tooLarge: .incompatible
        case .shuttingDown, .unreachable, .timeout, .badAnswer, .unknown: .unavailable
        }
    }

    private static func hint(for code: ProxyControlError.Code) -> String {
        switch code {
        case .stale: "another supervisor has taken over; this one stops routing"
        case .unreachable, .timeout, .shuttingDown: "the keeper starts it again; the wish is said again by itself"
        case .badRequest, .tooLarge: "supervisor and proxy may be of different versions"
        case .invalidTable, .notDurable, .badAnswer, .unknown: ""
        }
    }
}
