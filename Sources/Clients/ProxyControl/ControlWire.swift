/// One line from the supervisor: `{"id":1,"method":"apply","table":{…}}`.
package struct ControlRequest: Codable, Sendable, Equatable {
    /// Echoed in the answer.
    package var id: Int
    /// `apply`, `snapshot` or `hello`; text, because a later client may know more.
    package var method: String
    /// For `apply`.
    package var table: RouteTable?

    package init(id: Int, method: String, table: RouteTable? = nil) {
        self.id = id
        self.method = method
        self.table = table
    }
}

/// The answer to `apply`: the table is durable and in force on every event loop.
package struct Applied: Codable, Sendable, Equatable {
    package var bootID: String
    package var fence: UInt64
    package var generation: UInt64

    package init(bootID: String, fence: UInt64, generation: UInt64) {
        self.bootID = bootID
        self.fence = fence
        self.generation = generation
    }
}

/// The answer to `hello`: who is there.
package struct ProxyHello: Codable, Sendable, Equatable {
    package var bootID: String
    package var pid: Int32
    /// The version of the route table that it reads.
    package var tableVersion: Int
    package var fence: UInt64
    package var generation: UInt64

    package init(bootID: String, pid: Int32, tableVersion: Int, fence: UInt64, generation: UInt64) {
        self.bootID = bootID
        self.pid = pid
        self.tableVersion = tableVersion
        self.fence = fence
        self.generation = generation
    }
}

/// One line from the proxy: `{"id":1,"ok":{…}}` or `{"id":1,"error":{"code":"stale","message":"…"}}`.
package struct ControlAnswer<Content: Codable & Sendable>: Codable, Sendable {
    package var id: Int
    package var ok: Content?
    package var error: ProxyControlError?

    package init(id: Int, ok: Content) {
        self.id = id
        self.ok = ok
    }
}

/// An answer that says no.
package struct ControlRefusal: Codable, Sendable {
    package var id: Int
    package var error: ProxyControlError

    package init(id: Int, error: ProxyControlError) {
        self.id = id
        self.error = error
    }
}

/// The bounds of the control protocol.
package enum ControlLimits {
    /// The longest line in either direction, in bytes.
    package static let maxLineBytes = 16 << 20
}
