import Glibc
package import Hummingbird
import NIOCore

/// A request with the user who sent it, as the kernel knows it. What the client says of itself is never asked: an
/// approval by another user would be worth nothing.
package struct PeerContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// Who speaks, where a door asks for a token.
    var speaker: Speaker?
    private let channel: any Channel

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// Who speaks: as the token says, or the user at the other end of the Unix socket: its name, or `uid 1001` when it
    /// has none.
    /// - Throws: when the kernel does not tell, and then nothing is done for that client.
    func user() async throws -> String {
        if let speaker { return speaker.name }
        guard let options = channel as? any SocketOptionProvider else {
            throw HTTPError(.forbidden, message: "this connection does not tell which user is at its other end")
        }
        let peer: PeerCredentials = try await options.unsafeGetSocketOption(level: .socket, name: .peerCredentials)
            .get()
        return Self.name(of: peer.user)
    }

    private static func name(of user: uid_t) -> String {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        return buffer.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress, getpwuid_r(user, &entry, base, buffer.count, &found) == 0,
                found != nil, let name = entry.pw_name
            else { return "uid \(user)" }
            return String(cString: name)
        }
    }
}

/// `struct ucred` of Linux.
private struct PeerCredentials: Sendable {
    var process: pid_t
    var user: uid_t
    var group: gid_t
}

extension NIOBSDSocket.Option {
    /// `SO_PEERCRED`: who connected, from the moment when it did.
    fileprivate static let peerCredentials = NIOBSDSocket.Option(rawValue: SO_PEERCRED)
}
