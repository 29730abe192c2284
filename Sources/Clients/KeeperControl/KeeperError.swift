import Glibc

/// What the keeper, or the way to it, could not do.
package struct KeeperError: Error, Equatable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        /// The request itself makes no sense: a bad address, an empty command.
        case invalidRequest
        /// A listening socket could not be opened; see `errorNumber` (EADDRINUSE, EACCES, EADDRNOTAVAIL …).
        case listenFailed
        /// The process could not be started; see `errorNumber` (ENOENT, EACCES …).
        case spawnFailed
        /// The token is in use already.
        case tokenInUse
        /// No such instance, listener or process, or its process is another one by now.
        case notFound
        /// The keeper is stopping everything.
        case shuttingDown
        /// The keeper is older than the caller and does not know the request.
        case unsupported
        /// A successor of a role did not become ready; the one before goes on.
        case roleNotReady
        /// Something else went wrong in the keeper; see `errorNumber`.
        case system
        /// No reply in time. Whether the request took effect is unknown: ask `list()`.
        case timedOut
        /// The keeper is gone, or closed the link.
        case linkClosed
        /// Too much waits to be sent.
        case overloaded
        case unknown(UInt16)

        package init(wire: UInt16) {
            switch wire {
            case 1: self = .invalidRequest
            case 2: self = .listenFailed
            case 3: self = .spawnFailed
            case 4: self = .tokenInUse
            case 5: self = .notFound
            case 6: self = .shuttingDown
            case 7: self = .unsupported
            case 8: self = .roleNotReady
            case 9: self = .system
            case 10: self = .timedOut
            case 11: self = .linkClosed
            case 12: self = .overloaded
            case _: self = .unknown(wire)
            }
        }

        package var wire: UInt16 {
            switch self {
            case .invalidRequest: 1
            case .listenFailed: 2
            case .spawnFailed: 3
            case .tokenInUse: 4
            case .notFound: 5
            case .shuttingDown: 6
            case .unsupported: 7
            case .roleNotReady: 8
            case .system: 9
            case .timedOut: 10
            case .linkClosed: 11
            case .overloaded: 12
            case .unknown(let wire): wire
            }
        }
    }

    package var code: Code
    /// The system's errno, 0 when none is behind it.
    package var errorNumber: Int32
    /// What failed, in words, with the system's own.
    package var message: String
    /// What to do about it; may be empty.
    package var hint: String

    package init(_ code: Code, errorNumber: Int32 = 0, _ message: String, hint: String = "") {
        self.code = code
        self.errorNumber = errorNumber
        self.message = message
        self.hint = hint
    }

    package var description: String {
        hint.isEmpty ? message : "\(message) (\(hint))"
    }

    /// The system's words for an errno.
    package static func words(_ errorNumber: Int32) -> String {
        guard let text = strerror(errorNumber) else { return "error \(errorNumber)" }
        return String(cString: text)
    }
}
