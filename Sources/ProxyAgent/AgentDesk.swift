import FoundationEssentials
import KeeperControl
import KubernetesAPI
import KubernetesObjects
import ProxyControl
import Synchronization

/// Leads one proxy: what the cluster tells becomes its table, and what it counts is told to whoever asks.
actor AgentDesk {
    private let configuration: AgentConfiguration
    private var book = RouteBook()
    /// Kinds of which everything was told once.
    private var told: Set<Kind> = []
    private var troubles: [String: String] = [:]
    /// Ports that could not be listened on, and why.
    private var closed: [Int: String] = [:]
    private var followed: RouteBook.Plan?
    /// Of the table that was sent last, or that the proxy had at the start.
    private var generation: UInt64 = 0
    /// Of the table that the proxy has taken.
    private var inForce: UInt64 = 0
    private(set) var report = ProxyReport(routes: [], snapshot: nil)
    private var isAsking = false
    /// Something changed since the question that is under way.
    private var isStale = false
    /// The sockets that the keeper has; nil: nobody has asked yet.
    private var opened: Set<String>?
    private var line: [UInt8] = []
    private var readers: [Int: AsyncStream<[UInt8]>.Continuation] = [:]
    private var nextReader = 0
    private let bell: AsyncStream<Void>.Continuation
    private let rings: AsyncStream<Void>

    enum Kind: CaseIterable {
        case routes
        case slices
    }

    /// Tables of all agents have this fence: the keeper runs one agent at a time.
    private static let fence: UInt64 = 1
    private static let rhythm = Duration.seconds(1)
    /// After something failed.
    private static let pause = Duration.milliseconds(200)

    init(_ configuration: AgentConfiguration) {
        self.configuration = configuration
        (rings, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: - What the cluster tells

    /// Follows one kind until the task is cancelled.
    func watch(_ kind: Kind) async {
        let (resource, labels) =
            switch kind {
            case .routes: (APIResource(.configMap), AgentConfiguration.routes)
            case .slices: (APIResource.slices, AgentConfiguration.slices)
            }
        let report = configuration.report
        while !Task.isCancelled {
            do {
                try await configuration.client.watch(
                    resource, namespace: configuration.namespace, labels: labels
                ) { trouble in
                    if let trouble { report("\(resource.plural): \(trouble.text)") }
                } told: { [weak self] event in
                    await self?.take(event, kind)
                }
            } catch let trouble as ClusterTrouble {
                report("\(resource.plural) cannot be followed: \(trouble.text)")
                // Rights may be given while it runs.
                do { try await Task.sleep(for: .seconds(5)) } catch { return }
            } catch {
                return
            }
        }
    }

    private func take(_ event: WatchEvent, _ kind: Kind) {
        switch (event, kind) {
        case (.all(let list), .routes): book.take(list.items)
        case (.all(let list), .slices): book.endpoints.take(list.items)
        case (.added(let object), .routes), (.modified(let object), .routes): book.take(object)
        case (.added(let object), .slices), (.modified(let object), .slices): book.endpoints.take(object)
        case (.deleted(let object), .routes): book.drop(object)
        case (.deleted(let object), .slices): book.endpoints.drop(object)
        }
        if case .all = event { told.insert(kind) }
        bell.yield()
    }

    private var isTold: Bool { told.count == Kind.allCases.count }

    // MARK: - What the proxy does

    /// Sends tables as they are due, until the task is cancelled.
    func lead() async {
        await begin()
        for await _ in rings {
            while !Task.isCancelled, await !follow() {
                do { try await Task.sleep(for: Self.pause) } catch { return }
            }
        }
    }

    /// Looks at the proxy once a second, until the task is cancelled.
    func look() async {
        while !Task.isCancelled {
            await refresh()
            do { try await Task.sleep(for: Self.rhythm) } catch { return }
        }
    }

    /// The proxy keeps its table when the agent is started anew.
    private func begin() async {
        while !Task.isCancelled {
            do {
                generation = max(generation, try await configuration.control.hello().generation)
                return
            } catch {
                do { try await Task.sleep(for: Self.pause) } catch { return }
            }
        }
    }

    /// - Returns: whether the proxy does what it is to do.
    private func follow() async -> Bool {
        // A table of half of what there is would take the rest away.
        guard isTold else { return true }
        var plan = book.plan()
        var shut: [Int: String] = [:]
        for port in plan.ports.values.sorted() {
            if let trouble = await listen(port) { shut[port] = trouble }
        }
        if !shut.isEmpty { plan = book.plan(closed: shut) }
        if closed != shut { for trouble in shut.values.sorted() { configuration.report(trouble) } }
        closed = shut
        if followed == plan {
            if book.versionsInForce != plan.versions {
                book.follow(plan)
                await refresh()
            }
            await note(plan.troubles)
            return shut.isEmpty
        }
        do {
            generation += 1
            try await configuration.control.apply(
                RouteTable(
                    fence: Self.fence, generation: generation, listeners: plan.listeners(on: configuration.address),
                    services: plan.services))
        } catch {
            configuration.report("the proxy does not take the table: \(error)")
            return false
        }
        for line in plan.news(since: followed) { configuration.report(line) }
        book.follow(plan)
        (followed, troubles, inForce) = (plan, plan.troubles, generation)
        await refresh()
        await closeOthers(plan)
        return shut.isEmpty
    }

    private func note(_ troubles: [String: String]) async {
        guard self.troubles != troubles else { return }
        self.troubles = troubles
        await refresh()
    }

    private func listen(_ port: Int) async -> String? {
        let address = RouteBook.Plan.address(configuration.address, port)
        if opened == nil { opened = await held() }
        guard opened?.contains(address) != true else { return nil }
        do {
            _ = try await configuration.link.listen(address)
            opened?.insert(address)
            return nil
        } catch {
            return "\(address) cannot be listened on: \(error.message)"
        }
    }

    private func held() async -> Set<String> {
        do { return Set(try await configuration.link.list().listeners) } catch { return [] }
    }

    private func closeOthers(_ plan: RouteBook.Plan) async {
        let needed = Set(plan.ports.values.map { RouteBook.Plan.address(configuration.address, $0) })
        for address in (opened ?? []).subtracting(needed).sorted() {
            do {
                try await configuration.link.unlisten(address)
                opened?.remove(address)
            } catch {
                configuration.report("\(address) cannot be closed: \(error.message)")
            }
        }
    }

    /// Asks the proxy for its counts, and tells them: one question at a time, and one more for all who came meanwhile.
    /// A proxy that came back with an older table is sent the newest.
    private func refresh() async {
        isStale = true
        guard !isAsking else { return }
        isAsking = true
        while isStale {
            isStale = false
            // Of before the question: what was counted is at least as young.
            let (routes, number) = (book.report(troubles), inForce)
            var snapshot: ProxySnapshot?
            // A proxy that does not answer shows as one without counts.
            do { snapshot = try await configuration.control.snapshot() } catch { snapshot = nil }
            report = ProxyReport(routes: routes, snapshot: snapshot)
            tell()
            if let snapshot, followed != nil, snapshot.generation < number {
                followed = nil
                bell.yield()
            }
        }
        isAsking = false
    }

    // MARK: - Who asks

    /// Whether requests may come: the proxy answers, and everything that is known is in force. Before anything is
    /// known, the table of an earlier life does.
    var isReady: Bool {
        guard report.snapshot != nil else { return false }
        guard isTold else { return generation > 0 }
        return followed == book.plan(closed: closed)
    }

    private func tell() {
        do { line = Array(try JSONEncoder().encode(report)) + [UInt8(ascii: "\n")] } catch {
            configuration.report("the report cannot be written: \(error)")
            return
        }
        for reader in readers.values { reader.yield(line) }
    }

    /// Reports as lines of JSON, one a second and whenever something has changed; the newest one first. To be followed
    /// by `letGo`.
    func lines() -> (reader: Int, lines: AsyncStream<[UInt8]>) {
        let (lines, told) = AsyncStream.makeStream(of: [UInt8].self, bufferingPolicy: .bufferingNewest(1))
        nextReader += 1
        readers[nextReader] = told
        if !line.isEmpty { told.yield(line) }
        return (nextReader, lines)
    }

    func letGo(_ reader: Int) { readers.removeValue(forKey: reader)?.finish() }
}
