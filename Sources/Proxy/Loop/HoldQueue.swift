import ProxyControl

/// The requests that wait for a service, in the order in which they came.
final class HoldQueue {
    private struct Place {
        let client: ClientConnection
        let ticket: UInt64
    }

    private var places: [Place] = []
    private var nextTicket: UInt64 = 1
    /// Requests that wait.
    private(set) var count = 0
    /// Bytes that they have brought so far.
    private(set) var bytes = 0
    /// Requests that were answered 503, because the queue was full or they waited too long.
    var refused: UInt64 = 0

    /// Gives a client a place; nil when the queue is full.
    func enter(_ client: ClientConnection, bytes more: Int, limit: Hold) -> UInt64? {
        guard count < limit.maxRequests, bytes + more <= limit.maxBytes else { return nil }
        if places.count > 2 * count + 16 { places.removeAll { !$0.client.holds(ticket: $0.ticket, in: self) } }
        let ticket = nextTicket
        nextTicket += 1
        places.append(Place(client: client, ticket: ticket))
        count += 1
        bytes += more
        return ticket
    }

    /// A waiting request has brought more bytes.
    func grow(by more: Int) { bytes += more }

    /// A request has stopped waiting, having brought so many bytes. Its place is cleared later.
    func leave(bytes gone: Int) {
        count -= 1
        bytes -= gone
    }

    /// Takes everybody out, in order. Each that is returned is to be resumed.
    func releaseAll() -> [ClientConnection] {
        let waiting = places.filter { $0.client.holds(ticket: $0.ticket, in: self) }.map(\.client)
        places = []
        return waiting
    }
}
