import Glibc
import NIOCore
import NIOPosix
package import ProxyControl
import Synchronization

/// The data plane: listening sockets in, requests on to instances, counts out.
///
/// Thread-safe: what it shares is under a lock, the rest belongs to event loops.
package final class ProxyServer: Sendable {
    private struct State {
        var listeners: [String: any Channel] = [:]
        var control: (any Channel)?
        var socketFile: SocketFile?
        var isStopping = false
    }

    private let group: MultiThreadedEventLoopGroup
    private let controlGroup: MultiThreadedEventLoopGroup
    private let workers: [LoopWorker]
    private let desk: TableDesk
    private let gate: ConnectionGate
    private let controlPath: String
    private let state = Mutex(State())

    /// Reads the route table and starts the event loops; nothing is accepted yet.
    /// - Parameter loops: Event loops for requests; each has its own counts, pools and share of the connections.
    /// - Throws: `ProxyError`, of code `tableFile` for a damaged table.
    package init(controlSocket: String, tableFile: String, loops: Int = 1, limits: ProxyLimits = ProxyLimits()) throws {
        let file = TableFile(path: tableFile)
        let table = try file.load() ?? .empty
        controlPath = controlSocket
        group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, loops))
        controlGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        workers = group.makeIterator().map { LoopWorker(eventLoop: $0, limits: limits, loopCount: max(1, loops)) }
        gate = ConnectionGate(limit: Self.affordable(limits.maxConnections))
        desk = TableDesk(control: controlGroup.next(), workers: workers, file: file, table: table)
        for worker in workers {
            // Before the first connection: waiting for it blocks nothing but the start.
            try worker.eventLoop.submit {
                try worker.install(table)
                worker.start()
            }.wait()
        }
    }

    /// Each client may need a second descriptor for its instance; some are kept for everything else.
    private static func affordable(_ wanted: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return wanted }
        let descriptors = Int(clamping: limit.rlim_cur)
        return max(1, min(wanted, (descriptors - 64) / 2))
    }

    /// Opens the control socket, in the place of a proxy that is to go, and takes up the last table that it took.
    /// - Throws: `ProxyError` of code `controlSocket`.
    package func start() async throws {
        let path = ControlSocketPath(path: controlPath)
        try path.prepare()
        let desk = self.desk
        let descriptor = try path.listen()
        let channel: any Channel
        do {
            channel = try await ServerBootstrap(group: controlGroup)
                .childChannelInitializer { [self] child in
                    child.eventLoop.makeCompletedFuture {
                        try child.pipeline.syncOperations.addHandler(
                            ControlConnection(desk: desk) { self.listeners })
                    }
                }
                .withBoundSocket(descriptor).get()
        } catch {
            throw ProxyError(
                code: .controlSocket, message: "the control socket \(controlPath) cannot be made", cause: "\(error)")
        }
        state.withLock { state in
            state.control = channel
            state.socketFile = path.file()
        }
        // The one before may have taken a table since this one read the file.
        try await controlGroup.next().flatSubmit { desk.catchUp() }.get()
    }

    /// The addresses whose sockets the proxy has.
    package var listeners: [String] { state.withLock { $0.listeners.keys.sorted() } }

    /// Accepts connections on a listening socket from now on. The proxy owns the descriptor from here and closes it;
    /// a socket for an address that it has already takes the place of the old one.
    /// - Throws: `ProxyError` of code `listener` or `shuttingDown`.
    package func adopt(listener descriptor: Int32, address: String) async throws {
        if state.withLock({ $0.isStopping }) {
            Glibc.close(descriptor)
            throw ProxyError(code: .shuttingDown, message: "the proxy is stopping")
        }
        let byLoop = Dictionary(uniqueKeysWithValues: workers.map { (ObjectIdentifier($0.eventLoop), $0) })
        let gate = self.gate
        let channel: any Channel
        do {
            channel = try await ServerBootstrap(group: group)
                .serverChannelInitializer { server in
                    server.eventLoop.makeCompletedFuture {
                        try server.pipeline.syncOperations.addHandler(
                            AcceptHandler(gate: gate, eventLoop: server.eventLoop))
                    }
                }
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                // Small, because each idle connection keeps one; grown by large bodies.
                .childChannelOption(
                    .recvAllocator,
                    value: AdaptiveRecvByteBufferAllocator(minimum: 2 << 10, initial: 4 << 10, maximum: 64 << 10)
                )
                .childChannelInitializer { child in
                    child.eventLoop.makeCompletedFuture {
                        guard let worker = byLoop[ObjectIdentifier(child.eventLoop)] else { return }
                        let connection = ClientConnection(
                            loop: worker, listener: worker.listener(address),
                            address: child.remoteAddress?.ipAddress ?? "unknown"
                        ) { gate.closed() }
                        gate.opened()
                        try child.pipeline.syncOperations.addHandler(connection)
                    }
                }
                .withBoundSocket(descriptor).get()
        } catch {
            throw ProxyError(
                code: .listener, message: "the listening socket for \(address) cannot be used", cause: "\(error)")
        }
        let earlier = state.withLock { state in state.listeners.updateValue(channel, forKey: address) }
        try await earlier?.close()
    }

    /// Stops accepting on an address; connections that are open go on.
    package func release(address: String) async throws {
        guard let channel = state.withLock({ $0.listeners.removeValue(forKey: address) }) else { return }
        try await channel.close()
    }

    /// Puts a table in force, as the control socket's `apply` does.
    /// - Throws: `ProxyControlError`.
    @discardableResult
    package func apply(_ table: RouteTable) async throws -> Applied {
        let desk = self.desk
        return try await controlGroup.next().flatSubmit { desk.apply(table) }.get()
    }

    /// What was counted so far, as the control socket's `snapshot` answers.
    package func snapshot() async throws -> ProxySnapshot {
        let desk = self.desk
        let listeners = self.listeners
        return try await controlGroup.next().flatSubmit { desk.snapshot(listeners: listeners) }.get()
    }

    /// Stops: no new connections, answers to what is under way, and then the end.
    /// - Parameter grace: How long requests and tunnels may take; what is left is cut.
    package func shutdown(grace: Duration) async throws {
        let first = state.withLock { state -> (control: (any Channel)?, listeners: [any Channel])? in
            if state.isStopping { return nil }
            state.isStopping = true
            defer { state.listeners = [:] }
            return (state.control, Array(state.listeners.values))
        }
        guard let first else { return }
        if let control = first.control {
            // A successor may have taken the place already: its socket stays.
            let own = state.withLock { $0.socketFile }
            if ControlSocketPath(path: controlPath).file() == own { unlink(controlPath) }
            try await control.close()
        }
        for listener in first.listeners { try await listener.close() }
        let desk = self.desk
        try await controlGroup.next().submit { desk.close() }.get()
        for worker in workers { try await worker.eventLoop.submit { worker.drain() }.get() }
        try await drained(within: grace)
        for worker in workers {
            try await worker.eventLoop.submit {
                worker.closeAll()
                worker.stop()
            }.get()
        }
        try await group.shutdownGracefully()
        try await controlGroup.shutdownGracefully()
    }

    /// Waits until no client connection is open, or the time is over.
    private func drained(within grace: Duration) async throws {
        let clock = ContinuousClock()
        let end = clock.now + grace
        let desk = self.desk
        var round = 0
        while clock.now < end {
            // Requests that are held here wait for a table that the successor gets.
            if round.isMultiple(of: 5) {
                // One that cannot be read now is read in the next round; the requests under way go on meanwhile.
                try? await controlGroup.next().flatSubmit { desk.catchUp() }.get()
            }
            round += 1
            var open = 0
            for worker in workers { open += try await worker.eventLoop.submit { worker.connectionCount }.get() }
            if open == 0 { return }
            try await clock.sleep(for: .milliseconds(20))
        }
    }
}
