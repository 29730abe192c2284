package import Domain
package import Ports
import ProxyControl
import ProxyRoutes

/// Slipway's own proxy as a router: one proxy for all environments of a user on this machine.
///
/// It keeps the whole table as it should be, puts the wishes of single services into it, and sends the whole: one
/// table at a time, the newest wishes of all who wait in it. `apply` returns when a table with its wish is in force.
/// It starts from the table that the proxy has, so a restart of the supervisor takes nobody's routes away.
package actor EmbeddedRouter<Link: ProxyLink, Sockets: ListenerSockets>: RouterPort {
    /// The number of a table: fence and generation.
    private struct TableNumber: Comparable {
        var fence: UInt64
        var generation: UInt64

        static func < (left: TableNumber, right: TableNumber) -> Bool {
            (left.fence, left.generation) < (right.fence, right.generation)
        }
    }

    private struct FailedRound {
        var revision: UInt64
        var error: PortError
    }

    private let link: Link
    private let sockets: Sockets
    private let ports: LocalPorts
    private let configuration: EmbeddedRouterConfiguration

    private var isRestored = false
    private var desired = DesiredRoutes()
    /// What every request follows, as far as the proxy has said so.
    private var inForce = DesiredRoutes()
    private var inForceNumber = TableNumber(fence: 0, generation: 0)
    private var lastGeneration: UInt64 = 0
    private var isSending = false
    private var failedRound: FailedRound?
    private var waiters: [CheckedContinuation<Void, Never>] = []
    private var openSockets: Set<SocketAddress> = []
    /// Addresses that a wish under way needs before it is in the table; they must not be closed.
    private var reserved: [SocketAddress: Int] = [:]
    private var ledger = CountLedger()
    private var rates = RateMeter()
    private var isAsking = false
    private var questions: UInt64 = 0
    private var lastAnswer: (question: UInt64, result: Result<ProxySnapshot, PortError>)?
    private var askers: [CheckedContinuation<Void, Never>] = []
    private var version: UInt64 = 0

    package init(link: Link, sockets: Sockets, ports: LocalPorts, configuration: EmbeddedRouterConfiguration) {
        self.link = link
        self.sockets = sockets
        self.ports = ports
        self.configuration = configuration
    }

    package nonisolated var capabilities: RouterCapabilities { .embedded }

    /// Where peers of a service reach it: the same for ever, chosen when it is first asked for. Does not wait for the
    /// proxy; the address answers when the service has its first route.
    /// - Throws: `PortError` with code `storage`, or `unavailable` when no port is left.
    package nonisolated func localAddress(
        of service: ServiceName, in environment: EnvironmentID
    ) throws(PortError) -> SocketAddress {
        try ports.address(of: ServiceKey(service, in: environment))
    }

    /// Takes up the table that the proxy has and opens its listening sockets where they are not open: after a start of
    /// the machine the proxy has its table, but the keeper no socket. The other calls do this by themselves.
    package func restore() async throws {
        if isRestored { return }
        let table = try TableSeed(path: configuration.tableFile).load()
        openSockets = Set(try await sockets.held())
        // Another call may have done the same while this one waited.
        if isRestored { return }
        isRestored = true
        if let table {
            inForce = DesiredRoutes(seed: table)
            desired = inForce
            inForceNumber = TableNumber(fence: table.fence, generation: table.generation)
            lastGeneration = table.generation
        }
        for address in desired.addresses.subtracting(openSockets).sorted() {
            do {
                try await sockets.open(address)
                openSockets.insert(address)
            } catch {
                configuration.report("\(error)")
            }
        }
    }

    // MARK: Wishes

    package func apply(_ wish: RouteWish, service release: Release) async throws {
        guard release.service == wish.service, release.environment == wish.environment else {
            throw PortError(.invalid, "the wish for \(wish.service) came with the release \(release.label)")
        }
        try await restore()
        try desired.admit(wish)
        let key = ServiceKey(wish.service, in: wish.environment)
        let local = try ports.address(of: key)
        // Tried on a copy: what makes no sense must not open sockets.
        var trial = desired
        try take(wish, release, local, into: &trial)
        let needed = trial.services[key].map { $0.route == nil ? [] : Set($0.entrances.map(\.address)) } ?? []
        reserve(needed)
        defer { unreserve(needed) }
        try await open(needed)
        // Others may have spoken while the sockets were opened.
        try take(wish, release, local, into: &desired)
        try await settle(desired.revision)
    }

    /// Drops a service that is gone for good: its routes, its counts, its listening sockets. Its local address stays
    /// reserved. Returns when no request reaches it any more. Convergent.
    /// - Throws: `PortError` with code `stale` for an older fence or generation.
    package func forget(_ wish: ForgetWish) async throws {
        try await restore()
        try desired.forget(wish)
        try await settle(desired.revision)
    }

    private func take(
        _ wish: RouteWish, _ release: Release, _ local: SocketAddress, into routes: inout DesiredRoutes
    ) throws(PortError) {
        try routes.take(wish, of: release.parts.spec, local: local, stickyMaxAge: configuration.stickyMaxAge)
    }

    // MARK: Tables

    /// Returns when a table that contains a revision is in force.
    private func settle(_ revision: UInt64) async throws {
        while inForce.revision < revision {
            if isSending {
                await withCheckedContinuation { waiters.append($0) }
                if let failedRound, failedRound.revision >= revision { throw failedRound.error }
            } else {
                try await send()
            }
        }
    }

    private func send() async throws {
        isSending = true
        failedRound = nil
        let wanted = desired
        lastGeneration += 1
        let number = TableNumber(fence: wanted.fence, generation: lastGeneration)
        do {
            _ = try await link.apply(wanted.table(generation: number.generation))
        } catch {
            let trouble = PortError(proxy: error)
            // A proxy of another version may refuse what this one allows: one wish must not block all others.
            if trouble.code == .invalid { desired.goBack(to: inForce) }
            failedRound = FailedRound(revision: wanted.revision, error: trouble)
            endRound()
            throw trouble
        }
        inForce = wanted
        inForceNumber = number
        endRound()
        await closeUnneeded()
    }

    private func endRound() {
        isSending = false
        let woken = waiters
        waiters = []
        for waiter in woken { waiter.resume() }
    }

    // MARK: Listening sockets

    private func open(_ addresses: Set<SocketAddress>) async throws {
        for address in addresses.sorted() where !openSockets.contains(address) {
            try await sockets.open(address)
            openSockets.insert(address)
        }
    }

    /// Closes what neither the table in force nor a wish needs. What fails is tried again with the next table.
    private func closeUnneeded() async {
        for address in openSockets.sorted() {
            // Looked at anew for each, since others may speak while one is closed.
            if isNeeded(address) || !openSockets.contains(address) { continue }
            openSockets.remove(address)
            do {
                try await sockets.close(address)
            } catch {
                openSockets.insert(address)
                configuration.report("\(address) could not be closed: \(error)")
                continue
            }
            // Somebody came to need it while it was being closed, and was told that it is open.
            if isNeeded(address) {
                do {
                    try await sockets.open(address)
                    openSockets.insert(address)
                } catch {
                    configuration.report("\(error)")
                }
            }
        }
    }

    private func isNeeded(_ address: SocketAddress) -> Bool {
        reserved[address] != nil || desired.addresses.contains(address) || inForce.addresses.contains(address)
    }

    private func reserve(_ addresses: Set<SocketAddress>) {
        for address in addresses { reserved[address, default: 0] += 1 }
    }

    private func unreserve(_ addresses: Set<SocketAddress>) {
        for address in addresses {
            let left = (reserved[address] ?? 1) - 1
            reserved[address] = left > 0 ? left : nil
        }
    }

    // MARK: Observing

    /// One look at the proxy: a view for each service of the environment that is in its table, or was wished to be in
    /// none. A proxy that came back with an older table than it had is sent the newest one first.
    /// - Throws: `PortError`: `unavailable` while the proxy is down, `stale` when another supervisor has taken over.
    package func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RouterView] {
        try await restore()
        // Of before the question: the answer is then at least as young, and an instance that this table does not know
        // cannot have got a request after it.
        var known = (routes: inForce, number: inForceNumber)
        var snapshot = try await askSnapshot()
        if TableNumber(fence: snapshot.fence, generation: snapshot.generation) < known.number {
            desired.touch()
            try await settle(desired.revision)
            known = (inForce, inForceNumber)
            snapshot = try await askSnapshot()
        }
        if snapshot.fence > desired.fence {
            throw PortError(
                .stale,
                "the proxy follows a table with the fence \(snapshot.fence), this supervisor has \(desired.fence)",
                hint: "another supervisor has taken over")
        }
        version += 1
        let counts = Dictionary(snapshot.services.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var views: [ServiceName: RouterView] = [:]
        for (key, desire) in known.routes.services where key.environment == environment {
            views[key.service] = desire.view(
                key, version: version, counts: counts[key.description], rate: rates.rate(key.description))
        }
        return views
    }

    package func counts(_ service: ServiceName, in environment: EnvironmentID) async throws -> TrafficCounts? {
        // Behind a proxy that hangs nobody queues for figures: that it hangs is what they want to know.
        if isAsking, let lastAnswer, case .failure(let error) = lastAnswer.result { throw error }
        _ = try await askSnapshot()
        return ledger.counts(ServiceKey(service, in: environment))
    }

    /// A snapshot taken after this call. One question at a time, shared by all who came before it was asked: answers
    /// that overtake each other would let counts that the later one no longer has be counted twice.
    private func askSnapshot() async throws -> ProxySnapshot {
        let arrived = questions
        while true {
            if let lastAnswer, lastAnswer.question > arrived { return try lastAnswer.result.get() }
            if isAsking {
                await withCheckedContinuation { askers.append($0) }
            } else {
                await ask()
            }
        }
    }

    private func ask() async {
        isAsking = true
        questions += 1
        let question = questions
        let result: Result<ProxySnapshot, PortError>
        do {
            let snapshot = try await link.snapshot()
            ledger.absorb(snapshot)
            rates.absorb(ledger.sums, source: ledger.source, at: configuration.now())
            result = .success(snapshot)
        } catch {
            result = .failure(PortError(proxy: error))
        }
        lastAnswer = (question, result)
        isAsking = false
        let woken = askers
        askers = []
        for asker in woken { asker.resume() }
    }
}
