import NIOCore
import ProxyControl

/// An instance as one event loop sees it: its idle connections and what is under way on it. It outlives the table
/// that named it while requests are under way.
final class LoopBackend {
    /// What makes two entries of two tables the same backend.
    struct Key: Hashable {
        let service: String
        let release: Int
        let backend: Backend
    }

    let key: Key
    let address: SocketAddress
    /// Requests under way here, on this loop.
    var inFlight = 0
    /// No longer in the table: nothing new is sent here.
    private(set) var isRetired = false
    /// When the tunnels that are left are cut.
    private(set) var tunnelDeadline = Nanoseconds.never
    /// Newest last: the connection used last is the least likely to be closed by the other side.
    private var idle: [UpstreamConnection] = []

    init(key: Key) throws {
        self.key = key
        let host = key.backend.host == "localhost" ? "127.0.0.1" : key.backend.host
        address = try SocketAddress(ipAddress: host, port: key.backend.port)
    }

    /// An idle connection that was used after `oldest`, or nil.
    @inline(__always)
    func takeIdle(usedAfter oldest: Nanoseconds) -> UpstreamConnection? {
        guard let newest = idle.last, newest.idleSince >= oldest else { return nil }
        idle.removeLast()
        return newest
    }

    /// Keeps a connection for the next request; false when there is no room for it or no use.
    @inline(__always)
    func keepIdle(_ connection: UpstreamConnection, limit: Int) -> Bool {
        if isRetired || idle.count >= limit { return false }
        idle.append(connection)
        return true
    }

    /// Forgets a connection that was closed while idle.
    func dropIdle(_ connection: UpstreamConnection) {
        if let index = idle.lastIndex(where: { $0 === connection }) { idle.remove(at: index) }
    }

    /// Closes connections that were idle since before `oldest`.
    func closeIdle(before oldest: Nanoseconds) {
        // Oldest first: those to close are a prefix.
        let stale = idle.prefix { $0.idleSince < oldest }
        idle.removeFirst(stale.count)
        for connection in stale { connection.close() }
    }

    func retire(tunnelDeadline: Nanoseconds) {
        isRetired = true
        self.tunnelDeadline = tunnelDeadline
        closeIdle(before: .never)
    }

    /// Named by a table again.
    func reinstate() {
        isRetired = false
        tunnelDeadline = .never
    }
}
