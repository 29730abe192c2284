/// Bounds on everything that a peer can make the proxy spend. Times in milliseconds, sizes in bytes.
package struct ProxyLimits: Sendable, Equatable {
    /// The largest request or response head.
    package var maxHeadBytes = 16 << 10
    /// The longest request target.
    package var maxTargetBytes = 8 << 10
    package var maxHeaderCount = 100
    /// The longest request body; nil: any length, since bodies are streamed.
    package var maxBodyBytes: Int64?
    /// Client connections at a time; beyond it they wait in the listening sockets' backlogs. Lowered to what the
    /// process may open.
    package var maxConnections = 16_384
    /// From a request head's first byte to its last.
    package var headMilliseconds = 10_000
    /// Between two requests of a client connection.
    package var idleMilliseconds = 75_000
    /// Without a byte in the middle of a body, in either direction.
    package var stallMilliseconds = 60_000
    /// Over the second and third try of the kernel, one and three seconds after the first: a listener whose queue is
    /// full for a moment costs time, not an answer.
    package var connectMilliseconds = 4_000
    /// From the end of the request to the response head.
    package var responseMilliseconds = 60_000
    /// How long an idle upstream connection is kept: less than the time after which common servers close theirs.
    package var upstreamIdleMilliseconds = 4_000
    /// How long an upstream connection may have been idle to carry a request that cannot be sent twice. Some servers
    /// close after 2 s, and a request that meets the close is lost.
    package var unsafeReuseMilliseconds = 1_000
    /// Idle upstream connections kept for each instance, on each event loop; more as long as the loop has no more
    /// upstream connections than clients.
    package var maxIdleUpstreams = 64
    /// How many instances one request is offered to, when connecting fails.
    package var maxConnectAttempts = 3
    /// Without a byte in either direction of a tunnel.
    package var tunnelIdleMilliseconds = 3_600_000
    /// How long a tunnel may outlive its instance's removal from the table.
    package var tunnelDrainMilliseconds = 300_000
    /// How long an idle client connection outlives the order to stop, for a request that is on its way.
    package var idleDrainMilliseconds = 1_000
    /// Bytes of requests behind the one in progress, or of a body that cannot be passed on yet, before reading stops.
    package var maxPendingBytes = 64 << 10
    /// Weight epochs of a release whose counts are kept.
    package var keptEpochs = 4
    /// How often deadlines are looked at.
    package var tickMilliseconds = 200

    package init() {}
}

/// Times on the loops are nanoseconds of the monotonic clock.
typealias Nanoseconds = UInt64

extension Nanoseconds {
    static let never = Nanoseconds.max

    static func milliseconds(_ count: Int) -> Nanoseconds { Nanoseconds(Swift.max(0, count)) * 1_000_000 }
}
