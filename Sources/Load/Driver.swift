import Glibc
import NIOCore
import NIOPosix

/// Runs a plan on one event loop: decides when a request begins and on which connection, and notices time-outs.
///
/// Everything here and in `Connection` and `Ledger` happens on that loop, so nothing is locked.
final class Driver {
    let ledger: Ledger
    let template: RequestTemplate
    /// nil: one request, again and again.
    let script: Script?
    let plan: LoadPlan
    let loop: any EventLoop
    private let address: SocketAddress
    private let parser: ResponseParser
    private let finished: EventLoopPromise<LoadReport>
    private let observe: @Sendable (LoadProgress) -> Void
    let start: UInt64
    private let wallStart: Double
    private let cpuStart: UInt64
    let timeout: UInt64
    private let sweepInterval: TimeAmount
    var schedule: ArrivalSchedule
    var connections: [Connection] = []
    var idle: [Connection] = []
    var inFlight = 0
    /// Of a closed loop: answered, and not yet asked again.
    private var ready: [Connection] = []
    private var isTurning = false
    private var armed = false
    /// As many connections were opened as may be before the loop looks at its sockets: until then none is.
    private var isBreathing = false
    /// Connections that are not established yet.
    private var opening = 0
    private var pumping = false
    private var pumpAgain = false
    var over = false
    private var nextProgress: UInt64
    /// Of requests of flows beside those that the schedule counts: the second of a flow and later ones, all of users.
    var stepsBegun = 0
    /// Virtual users that are there, and of them and others those in a pause.
    var active = 0
    var thinking = 0
    /// Requests of flows that found no connection. Each is of another flow, so they are fewer than flows under way.
    var waiting = CircularBuffer<RequestInFlight>()
    let hasUsers: Bool
    let maxConnections: Int
    /// After it no request of a flow begins, in nanoseconds of the monotonic clock.
    let endsAt: UInt64?

    /// How long a closed loop's connection waits after a new connection has failed: without it a server that is down
    /// would be asked as often as the processor can.
    static let backOff = TimeAmount.milliseconds(50)
    /// How many connections are opened before the loop looks at its sockets again: answers that have come meanwhile
    /// leave connections that can be used.
    static let opensAtOnce = 16
    /// In nanoseconds: what is due sooner is sent this late.
    static let breath: UInt64 = 20_000
    /// For connections that are being opened.
    static let longestBreath = TimeAmount.milliseconds(2)
    static let progressEvery: UInt64 = 250_000_000

    /// - Parameter observe: called on the loop four times a second; it must not block.
    init(
        plan: LoadPlan, address: SocketAddress, loop: any EventLoop, observe: @escaping @Sendable (LoadProgress) -> Void
    ) {
        self.plan = plan
        self.address = address
        self.loop = loop
        self.observe = observe
        self.finished = loop.makePromise()
        self.start = NIODeadline.now().uptimeNanoseconds
        self.wallStart = Self.wallClock()
        self.cpuStart = Self.threadCPU()
        self.nextProgress = start + Self.progressEvery
        self.timeout = plan.timeout.wholeNanoseconds
        self.sweepInterval = .nanoseconds(Int64(max(1_000_000, min(50_000_000, timeout / 20))))
        self.script = Script(plan, allocator: ByteBufferAllocator())
        self.ledger = Ledger(plan: plan, start: start, names: script?.steps.map(\.name) ?? [])
        self.template = RequestTemplate(plan, allocator: ByteBufferAllocator())
        self.hasUsers = plan.usersWanted(after: 0) != nil
        self.maxConnections = plan.connectionsAtMost
        self.endsAt = plan.length.map { [start] in start + $0.wholeNanoseconds }
        self.schedule = ArrivalSchedule(plan, start: start)
        self.parser = ResponseParser(
            interest: ResponseParser.Interest(
                group: Array((plan.groupBy ?? "").lowercased().utf8), cookies: plan.users > 0 || script != nil),
            bodyless: plan.request.method == "HEAD")
        connections.reserveCapacity(256)
    }

    // MARK: Beginning and end

    /// Begins; the future succeeds with the report when the last request has ended.
    func begin() -> EventLoopFuture<LoadReport> {
        scheduleSweep()
        switch plan.arrival {
        case .rate: pump()
        case .closedLoop(let connections):
            for _ in 0..<connections { beginOnNewConnection(now: start) }
            finishAtEnd()
        case .ramp:
            if hasUsers {
                adjustUsers(now: start)
                finishAtEnd()
            } else {
                pump()
            }
        }
        return finished.futureResult
    }

    private func finishAtEnd() {
        guard let end = schedule.end else { return }
        loop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(end)) { self.finishWhenDone() }
    }

    /// Requests that were due or have begun.
    var dueInAll: Int { schedule.begun + stepsBegun }

    /// Ends at once; what is under way counts as unfinished.
    func stop() {
        guard !over else { return }
        let now = NIODeadline.now().uptimeNanoseconds
        let unsent = schedule.stop(now: now) + waiting.count
        ledger.counts.due = dueInAll
        ledger.counts.unfinished = inFlight + unsent
        finish(interrupted: true, now: now)
    }

    func finishWhenDone() {
        guard !over, inFlight == 0, thinking == 0, waiting.isEmpty else { return }
        let now = NIODeadline.now().uptimeNanoseconds
        guard !schedule.mayBegin(now: now) else { return }
        ledger.counts.due = dueInAll
        finish(interrupted: false, now: now)
    }

    private func finish(interrupted: Bool, now: UInt64) {
        over = true
        let cpu = Double(Self.threadCPU() - cpuStart) / 1e9
        let open = connections
        connections.removeAll()
        idle.removeAll()
        for connection in open { connection.close() }
        finished.succeed(
            ledger.report(startedAt: wallStart, interrupted: interrupted, cpuSeconds: cpu, now: now))
    }

    // MARK: From connections

    /// An answer is complete and the connection can be used again.
    func idle(_ connection: Connection, now: UInt64) {
        inFlight -= 1
        switch plan.arrival {
        case .rate, .ramp:
            connection.idleSlot = idle.count
            idle.append(connection)
            if schedule.blocked { pump() } else if !armed { finishWhenDone() }
        case .closedLoop:
            ready.append(connection)
            guard !isTurning else { return }
            isTurning = true
            loop.assumeIsolated().execute { self.turn() }
        }
    }

    /// Sends the next requests of a closed loop on all connections that were answered in one look at the sockets. To
    /// send each one at once would wake the server for each, and be woken by it: several times as many switches between
    /// the two, for the same requests.
    private func turn() {
        isTurning = false
        let connections = ready
        ready.removeAll(keepingCapacity: true)
        for connection in connections where !over {
            let now = NIODeadline.now().uptimeNanoseconds
            if connection.slot < 0 {
                // It was closed meanwhile.
                beginOnNewConnection(now: now)
            } else if schedule.mayBegin(now: now) {
                let request = schedule.begin(now: now)
                inFlight += 1
                connection.take(request, now: now)
            } else {
                remove(connection)
                connection.close()
                finishWhenDone()
            }
        }
    }

    /// A request has ended and its connection with it.
    func ended(_ connection: Connection, backOff: Bool, now: UInt64) {
        inFlight -= 1
        remove(connection)
        guard !over else { return }
        switch plan.arrival {
        case .rate, .ramp: if schedule.blocked { pump() }
        case .closedLoop:
            if backOff {
                loop.assumeIsolated().scheduleTask(in: Self.backOff) {
                    self.beginOnNewConnection(now: NIODeadline.now().uptimeNanoseconds)
                }
            } else {
                beginOnNewConnection(now: now)
            }
        }
        finishWhenDone()
    }

    /// A request got no complete answer; its connection is closed.
    func failed(
        _ connection: Connection, _ request: RequestInFlight, _ failure: TransportFailure, _ detail: String,
        group: Int?, now: UInt64
    ) {
        guard !over else { return }
        if failure == .staleConnection, plan.retryStale, !request.retried {
            remove(connection)
            ledger.counts.retriedStale += 1
            var again = request
            again.retried = true
            again.began = now
            open(for: again)
            return
        }
        ledger.unanswered(failure, detail, group: group, request, now: now)
        let backOff = connection.isFresh && failure != .timeout
        if let visitor = request.visitor {
            abandoned(visitor, connection, backOff: backOff, now: now)
        } else {
            ended(connection, backOff: backOff, now: now)
        }
    }

    /// An idle connection was closed.
    func lost(_ connection: Connection) {
        remove(connection)
        connection.owner?.connection = nil
        connection.owner = nil
        if schedule.blocked { pump() }
    }

    // MARK: Connections

    private func beginOnNewConnection(now: UInt64) {
        guard !over, schedule.mayBegin(now: now) else {
            finishWhenDone()
            return
        }
        let request = schedule.begin(now: now)
        inFlight += 1
        open(for: request)
    }

    func open(for request: RequestInFlight) {
        opening += 1
        let connection = Connection(driver: self, request: request, parser: parser)
        connection.slot = connections.count
        connections.append(connection)
        let bound = NIOLoopBound(connection, eventLoop: loop)
        ClientBootstrap(group: loop)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 32_768))
            .connectTimeout(.nanoseconds(Int64(timeout)) + .seconds(1))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(bound.value)
                }
            }
            .connect(to: address)
            .assumeIsolated()
            .whenFailure { connection.connectFailed($0) }
    }

    func remove(_ connection: Connection) {
        if connection.idleSlot >= 0, connection.idleSlot < idle.count, idle[connection.idleSlot] === connection {
            idle.swapAt(connection.idleSlot, idle.count - 1)
            idle[connection.idleSlot].idleSlot = connection.idleSlot
            idle.removeLast()
        }
        connection.idleSlot = -1
        if connection.slot >= 0, connection.slot < connections.count, connections[connection.slot] === connection {
            connections.swapAt(connection.slot, connections.count - 1)
            connections[connection.slot].slot = connection.slot
            connections.removeLast()
        }
        connection.slot = -1
    }

    // MARK: Constant rate

    /// Sends what is due, as far as there are connections. A connection that fails at once calls this again from
    /// within: that is noted and done by the outer call, so that the stack does not grow.
    func pump() {
        guard !over else { return }
        guard !pumping else {
            pumpAgain = true
            return
        }
        pumping = true
        repeat {
            pumpAgain = false
            sendDue()
        } while pumpAgain && !over
        pumping = false
        finishWhenDone()
    }

    private func sendDue() {
        let now = NIODeadline.now().uptimeNanoseconds
        schedule.markWaiting(now: now)
        if !waiting.isEmpty { sendWaiting(now: now) }
        var opened = 0
        while let due = schedule.nextDue {
            guard due <= now else {
                arm(due)
                break
            }
            if due + timeout <= now {
                let request = next(now)
                ledger.unanswered(
                    .dropped, "no connection was free until the time-out had passed", group: nil, request, now: now)
                continue
            }
            if idle.isEmpty && connections.count >= maxConnections || !waiting.isEmpty {
                schedule.blocked = true
                break
            }
            if idle.isEmpty, isBreathing { break }
            if schedule.nextIsLate { ledger.counts.late += 1 }
            let request = next(now)
            inFlight += 1
            if let connection = idle.popLast() {
                connection.idleSlot = -1
                connection.take(request, now: now)
            } else {
                open(for: request)
                opened += 1
                if opened == Self.opensAtOnce, schedule.nextDue != nil {
                    breathe()
                    break
                }
            }
        }
    }

    /// Takes the next request that is due: with flows, the first of somebody new.
    private func next(_ now: UInt64) -> RequestInFlight {
        var request = schedule.begin(now: now)
        if let script {
            request.visitor = script.visitor()
            closeWhenSpent()
        }
        return request
    }

    /// Comes back when the connections that are being opened are there: the loop has looked at its sockets by then. Of
    /// those that take long the next ones are not kept waiting.
    private func breathe() {
        isBreathing = true
        guard !armed else { return }
        armed = true
        loop.assumeIsolated().scheduleTask(in: Self.longestBreath) {
            self.armed = false
            self.isBreathing = false
            self.pump()
        }
    }

    /// A connection is established, or will not be.
    func opened() {
        opening -= 1
        guard opening <= 0, isBreathing else { return }
        isBreathing = false
        pump()
    }

    /// Comes back when the next request is due, and never at once: the loop carries out tasks that are ready before it
    /// looks at its sockets, so a sender that is behind would read no answer until it has sent everything.
    private func arm(_ due: UInt64) {
        guard !armed else { return }
        armed = true
        let soonest = NIODeadline.now().uptimeNanoseconds + Self.breath
        loop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(max(due, soonest))) {
            self.armed = false
            self.isBreathing = false
            self.pump()
        }
    }

    // MARK: Time

    /// One look at all connections, instead of a timer for every request.
    private func scheduleSweep() {
        loop.assumeIsolated().scheduleTask(in: sweepInterval) {
            guard !self.over else { return }
            self.sweep()
            self.scheduleSweep()
        }
    }

    private func sweep() {
        let now = NIODeadline.now().uptimeNanoseconds
        ledger.turnSeconds(to: now)
        let expired = connections.filter { connection in
            connection.request.map { $0.began + timeout <= now } ?? false
        }
        for connection in expired { connection.expire(now: now) }
        if hasUsers { adjustUsers(now: now) }
        if schedule.blocked { pump() }
        if now >= nextProgress, !over {
            nextProgress = now + Self.progressEvery
            observe(ledger.progress(inFlight: inFlight, connections: connections.count, now: now))
        }
    }

    private static func threadCPU() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func wallClock() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

extension Duration {
    /// Of a duration that the plan's limits allow.
    var wholeNanoseconds: UInt64 {
        UInt64(components.seconds) * 1_000_000_000 + UInt64(components.attoseconds / 1_000_000_000)
    }
}
