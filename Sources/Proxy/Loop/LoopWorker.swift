import Glibc
import NIOCore
import NIOPosix
import ProxyControl

/// Everything that one event loop needs to serve requests. Nothing in it is shared: other threads reach it only by
/// handing work to the event loop.
///
/// Sendable without a lock because each member is touched on `eventLoop` only.
final class LoopWorker: @unchecked Sendable {
    let eventLoop: any EventLoop
    let limits: ProxyLimits
    let requestParser: RequestParser
    let responseParser: ResponseParser
    /// The fields of the head that is being read. Heads are read one after the other.
    let fields: FieldTable
    let tallies: TallyBook
    /// Nanoseconds of the monotonic clock, read once for each read event and tick.
    private(set) var now: Nanoseconds = 0
    private(set) var routes: LoopRoutes?
    /// Whether the proxy is on its way out: connections are closed as soon as they are idle.
    private(set) var isDraining = false
    /// Requests that no release can be blamed for: no route, or refused before one was looked for.
    var unrouted: UInt64 = 0
    /// What the splits of this loop are drawn by.
    var random = SplitMix64(seed: .random(in: .min ... .max))
    /// Connections to instances that are open or being opened, idle ones too.
    var upstreamCount = 0

    private let loopCount: Int
    private var backends: [LoopBackend.Key: LoopBackend] = [:]
    private var named: Set<LoopBackend.Key> = []
    private var listeners: [String: LoopListener] = [:]
    private var queues: [String: HoldQueue] = [:]
    private var clients: [ClientConnection] = []
    private var tick: RepeatedTask?

    init(eventLoop: any EventLoop, limits: ProxyLimits, loopCount: Int) {
        self.eventLoop = eventLoop
        self.limits = limits
        self.loopCount = loopCount
        requestParser = RequestParser(maxHeadBytes: limits.maxHeadBytes, maxTargetBytes: limits.maxTargetBytes)
        responseParser = ResponseParser(maxHeadBytes: limits.maxHeadBytes)
        fields = FieldTable(capacity: limits.maxHeaderCount)
        tallies = TallyBook(keptEpochs: limits.keptEpochs)
        readClock()
    }

    /// Starts looking at deadlines.
    func start() {
        let interval = TimeAmount.milliseconds(Int64(limits.tickMilliseconds))
        tick = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [self] _ in
            scanDeadlines()
        }
    }

    func stop() {
        tick?.cancel()
        tick = nil
        for backend in backends.values { backend.closeIdle(before: .never) }
    }

    @inline(__always)
    func readClock() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        now = UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    // MARK: The table

    /// Puts a table in force. When this returns, no request on this loop is sent by the earlier one.
    func install(_ table: RouteTable) throws {
        readClock()
        named = []
        let routes = try LoopRoutes(table, on: self)
        let earlier = self.routes
        self.routes = routes
        for listener in listeners.values { listener.rules = routes.listeners[listener.address] }
        for (key, backend) in backends {
            if named.contains(key) {
                backend.reinstate()
            } else if !backend.isRetired {
                let drain =
                    (routes.services[key.service] ?? earlier?.services[key.service])?.limits.tunnelDrain
                    ?? .milliseconds(limits.tunnelDrainMilliseconds)
                backend.retire(tunnelDeadline: now &+ drain)
            }
        }
        backends = backends.filter { named.contains($0.key) || $0.value.inFlight > 0 }
        tallies.trim(current: routes.services.mapValues(\.epoch))
        for (service, queue) in queues.sorted(by: { $0.key < $1.key }) where routes.services[service]?.hold == nil {
            for client in queue.releaseAll() { client.resume() }
        }
        queues = queues.filter { routes.services[$0.key] != nil || $0.value.count > 0 }
    }

    /// The backend with this key: the one that is known, or a new one.
    func backend(_ key: LoopBackend.Key) throws -> LoopBackend {
        named.insert(key)
        if let known = backends[key] { return known }
        let backend = try LoopBackend(key: key)
        backends[key] = backend
        return backend
    }

    /// The queue of requests that wait for a service.
    func queue(_ service: String) -> HoldQueue {
        if let known = queues[service] { return known }
        let queue = HoldQueue()
        queues[service] = queue
        return queue
    }

    /// This loop's part of the limits of a hold.
    func share(of hold: Hold) -> Hold {
        Hold(
            maxRequests: (hold.maxRequests + loopCount - 1) / loopCount,
            maxBytes: (hold.maxBytes + loopCount - 1) / loopCount, maxSeconds: hold.maxSeconds)
    }

    /// What this loop knows about a listening address.
    func listener(_ address: String) -> LoopListener {
        if let known = listeners[address] { return known }
        let listener = LoopListener(address: address, rules: routes?.listeners[address])
        listeners[address] = listener
        return listener
    }

    // MARK: Connections

    var connectionCount: Int { clients.count }

    /// How many idle connections an instance may keep. Beyond the fixed number the clients pay for them: as long as
    /// there are not more upstream connections than clients, keeping one takes no descriptor that was not reckoned
    /// with, and closing it would cost the next burst of so many clients a connection for each request.
    var idleLimit: Int { upstreamCount <= clients.count ? .max : limits.maxIdleUpstreams }

    func add(_ client: ClientConnection) {
        client.registryIndex = clients.count
        clients.append(client)
    }

    func remove(_ client: ClientConnection) {
        let index = client.registryIndex
        guard index < clients.count, clients[index] === client else { return }
        let last = clients.removeLast()
        if last !== client {
            clients[index] = last
            last.registryIndex = index
        }
    }

    private func scanDeadlines() {
        readClock()
        // From the end, because a connection that closes is replaced by the last one.
        var index = clients.count - 1
        while index >= 0 {
            if index < clients.count {
                let client = clients[index]
                if client.deadline <= now { client.expire() }
            }
            index -= 1
        }
        let idle = UInt64.milliseconds(limits.upstreamIdleMilliseconds)
        let oldest = now > idle ? now - idle : 0
        for (key, backend) in backends {
            backend.closeIdle(before: oldest)
            if backend.isRetired {
                if backend.inFlight == 0 { backends[key] = nil }
                if backend.tunnelDeadline <= now { cutTunnels(of: backend) }
            }
        }
    }

    private func cutTunnels(of backend: LoopBackend) {
        for client in clients where client.isTunnel(to: backend) { client.cutTunnel() }
    }

    /// From now on closes what becomes idle; and, after a moment, what is idle already: a request may be on its way on
    /// such a connection, and is answered with `Connection: close`.
    func drain() {
        isDraining = true
        eventLoop.scheduleTask(in: .milliseconds(Int64(limits.idleDrainMilliseconds))) { [self] in
            for client in clients where client.isIdle { client.closeWhenIdle() }
        }
    }

    /// Closes everything.
    func closeAll() {
        for client in clients { client.abandon() }
    }

    // MARK: Counts

    /// Adds this loop's counts to those of the loops before it.
    func add(to sums: inout SnapshotSums) {
        sums.connections += clients.count
        sums.unrouted += unrouted
        tallies.visit { service, tallies in
            for tally in tallies {
                let key = SnapshotSums.Key(service: service, tally: tally.key)
                let none = ReleaseCounts(
                    release: tally.key.release, epoch: tally.key.epoch, weight: tally.weight,
                    isSticky: tally.isSticky, isMatched: tally.key.isMatched)
                tally.add(to: &sums.releases[key, default: none])
            }
        }
        for (service, queue) in queues {
            sums.held[service, default: 0] += queue.count
            sums.refused[service, default: 0] += queue.refused
        }
    }
}

/// Sums of counts over event loops.
struct SnapshotSums: Sendable {
    struct Key: Hashable, Comparable {
        let service: String
        let tally: TallyKey

        static func < (left: Key, right: Key) -> Bool {
            (left.service, left.tally) < (right.service, right.tally)
        }
    }

    var connections = 0
    var unrouted: UInt64 = 0
    var releases: [Key: ReleaseCounts] = [:]
    var held: [String: Int] = [:]
    var refused: [String: UInt64] = [:]
}

/// A listening address and its rules in the table in force; nil: the table does not name it.
final class LoopListener {
    let address: String
    var rules: HostTable<LoopRule>?

    init(address: String, rules: HostTable<LoopRule>?) {
        self.address = address
        self.rules = rules
    }
}
