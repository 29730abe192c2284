import ProxyControl
import ProxyRouter
import Ports
import Synchronization

/// A proxy and its sockets as far as the adapter sees them, for troubles that a real one cannot be asked for.
actor FakeProxy: ProxyLink, ListenerSockets {
    private(set) var tables: [RouteTable] = []
    private(set) var open: [SocketAddress] = []
    var openCount: Int { open.count }
    /// `table 3`, `open 127.0.0.1:80`, `close …`, in order.
    private(set) var log: [String] = []
    var snapshot = ProxySnapshot(
        bootID: "one", fence: 0, generation: 0, now: 0, connections: 0, unrouted: 0, listeners: [], services: [])
    private var trouble: ProxyControlError?
    private var refusedPorts: Set<Int> = []
    private var isSlow = false
    private var hangs = false
    private var gate: [CheckedContinuation<Void, Never>] = []
    private(set) var mostAtOnce = 0
    private var underWay = 0

    func fail(_ error: ProxyControlError?) { trouble = error }
    func refuse(port: Int) { refusedPorts.insert(port) }
    func change(_ change: @Sendable (inout ProxySnapshot) -> Void) { change(&snapshot) }
    func clearLog() { log = [] }

    /// From now on `apply` waits until `letGo`.
    func slowDown() { isSlow = true }
    var waiting: Int { gate.count }
    func letGo() {
        isSlow = false
        hangs = false
        let waiting = gate
        gate = []
        for waiter in waiting { waiter.resume() }
    }

    func apply(_ table: RouteTable) async throws -> Applied {
        underWay += 1
        defer { underWay -= 1 }
        mostAtOnce = max(mostAtOnce, underWay)
        if isSlow { await withCheckedContinuation { gate.append($0) } }
        if let trouble { throw trouble }
        if (table.fence, table.generation) < (snapshot.fence, snapshot.generation) {
            throw ProxyControlError(code: .stale, message: "older than \(snapshot.fence).\(snapshot.generation)")
        }
        if let fault = table.fault() { throw fault }
        tables.append(table)
        log.append("table \(table.services.map(\.name).joined(separator: " "))")
        snapshot.fence = table.fence
        snapshot.generation = table.generation
        return Applied(bootID: snapshot.bootID, fence: table.fence, generation: table.generation)
    }

    /// From now on questions wait until `letGo`.
    func hang() { hangs = true }

    func snapshot() async throws -> ProxySnapshot {
        if hangs { await withCheckedContinuation { gate.append($0) } }
        if let trouble { throw trouble }
        return snapshot
    }

    func open(_ address: SocketAddress) async throws {
        if refusedPorts.contains(address.port) {
            throw PortError(.unavailable, "port \(address.port) is in use", hint: "stop it")
        }
        if !open.contains(address) { open.append(address) }
        log.append("open \(address)")
    }

    func close(_ address: SocketAddress) async throws {
        open.removeAll { $0 == address }
        log.append("close \(address)")
    }

    func held() async throws -> [SocketAddress] { open }
}
