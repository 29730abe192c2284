package import Domain
import FoundationEssentials
package import KubernetesAPI
package import KubernetesObjects
package import Ports

/// The journal in a cluster's API: pages, of which one is written under its `resourceVersion`, and objects in which
/// every state stands for people to see. One writer: who opens it takes it over, and whoever wrote before can write no
/// more.
package actor PagedJournal: JournalPort {
    private let desk: PageDesk
    private let shelf: RecordShelf
    private let clients: [KubernetesClient]
    private nonisolated let limits: JournalLimits
    private let troubled: @Sendable (PortError) -> Void
    private let lost: @Sendable (PortError) -> Void
    private var head: JournalPage
    /// Pages before the head, the oldest first.
    private var pages: [PageMark]
    private var contents: JournalContents
    /// How many writes of the head this process has tried.
    private var writes: Int64
    /// Every state up to this number stands in an object of its own.
    private var projected: Int64
    /// What was said last of objects that cannot be written.
    private var trouble: String?
    /// Why nothing can be written any more.
    private var end: PortError?
    private var waiting: [WaitingAppend] = []
    private let bell: AsyncStream<Void>.Continuation
    private let changes: AsyncStream<Void>.Continuation
    private var working: Task<Void, Never>?

    /// An append that waits for its turn.
    private struct WaitingAppend {
        var entries: [JournalEntry] = []
        var bytes: [UInt8] = []
        /// The number of the first entry that is kept from then on.
        var floor: Int64 = 0
        var done: CheckedContinuation<Void, any Error>
    }

    /// - Parameters:
    ///   - troubled: told when objects for people cannot be written, once for each reason: nothing waits for them.
    ///   - lost: told once, when nothing can be written any more: then the process must end.
    init(
        _ opened: OpenedJournal, _ clients: [KubernetesClient], _ limits: JournalLimits,
        troubled: @escaping @Sendable (PortError) -> Void,
        lost: @escaping @Sendable (PortError) -> Void
    ) async {
        desk = opened.desk
        shelf = opened.shelf
        self.clients = clients
        self.limits = limits
        self.troubled = troubled
        self.lost = lost
        head = opened.head
        pages = opened.pages
        contents = JournalContents(opened.entries)
        writes = opened.head.write
        projected = opened.head.projected
        let (rings, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let (changed, changes) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.bell = bell
        self.changes = changes
        // Owned by the journal: `close` waits for it, `drop` ends it.
        working = Task { await self.work(rings, changed) }
        changes.yield()
    }

    /// Until there is nothing to come.
    private nonisolated func work(_ rings: AsyncStream<Void>, _ changed: AsyncStream<Void>) async {
        await withDiscardingTaskGroup { group in
            group.addTask { for await _ in rings { await self.write() } }
            group.addTask {
                for await _ in changed {
                    // Cancelled: then the objects are written by whoever opens the journal next.
                    try? await Task.sleep(for: self.limits.gathering)
                    await self.project()
                }
            }
        }
        await project()
    }

    /// Takes the journal of a namespace over; begins it when there is none.
    /// - Parameters:
    ///   - writer: which no other process calls itself.
    ///   - facts: what people are shown of a state among all, as fields of its object.
    ///   - troubled: told when objects for people cannot be written, once for each reason: nothing waits for them.
    ///   - lost: told once, when nothing can be written any more: then the process must end.
    /// - Throws: `PortError`: `unavailable` when the API does not answer or somebody else writes; `incompatible` when a
    ///   page is missing or cannot be read; `storage` when the API does not let us write.
    package static func open(
        _ access: ClusterAccess, namespace: String, records: RecordsChoice, writer: String,
        limits: JournalLimits = JournalLimits(), environment: [String: String] = [:],
        facts: @escaping @Sendable (JournalEntry, [JournalEntry]) -> [ObjectField] = { _, _ in [] },
        troubled: @escaping @Sendable (PortError) -> Void = { _ in },
        lost: @escaping @Sendable (PortError) -> Void
    ) async throws -> PagedJournal {
        var once = ClientLimits()
        once.manager = "slipway-server"
        once.attempts = 1
        once.answer = 10_000
        // A page may have a megabyte.
        once.page = 20
        var often = once
        often.attempts = 5
        often.page = 200
        let clients = [
            KubernetesClient(access, environment: environment, limits: once),
            KubernetesClient(access, environment: environment, limits: often),
        ]
        let form = records.form
        do {
            let opened = try await OpenedJournal(
                PageDesk(client: clients[0], form: form, namespace: namespace, patience: limits.patience),
                RecordShelf(clients[1], form, namespace: namespace, facts: facts), writer: writer)
            return await PagedJournal(opened, clients, limits, troubled: troubled, lost: lost)
        } catch {
            for client in clients { try await client.shutdown() }
            throw error
        }
    }

    /// Made up when the journal began; the same for every server that writes it.
    package var identity: String { head.identity }

    // MARK: - The port

    package func append(_ entries: [JournalEntry]) async throws {
        guard !entries.isEmpty else { return }
        for entry in entries { if let flaw = entry.flaw { throw flaw } }
        let bytes = PageText.bytes(of: entries)
        guard bytes.count <= limits.largest else {
            throw PortError(
                .invalid,
                "\(bytes.count) bytes at once are more than the \(limits.largest) that a journal in a cluster takes")
        }
        if let end { throw end }
        guard waiting.count < limits.waiting else {
            throw PortError(.storage, "the journal in the cluster is too far behind: \(waiting.count) appends wait")
        }
        try await turn { WaitingAppend(entries: entries, bytes: bytes, done: $0) }
    }

    /// One write of the head at a time, whoever asks for it.
    private func turn(_ append: (CheckedContinuation<Void, any Error>) -> WaitingAppend) async throws {
        // Cancelling whoever waits does not stop a write that has begun.
        try await withCheckedThrowingContinuation { done in
            waiting.append(append(done))
            bell.yield()
        }
    }

    package func latest() async throws -> [JournalEntry] { contents.states.map(\.entry) }

    package func history(_ query: JournalQuery) async throws -> [StoredEntry] { contents.found(query) }

    // MARK: - Writing

    /// What has gathered, in one write or a few.
    private func write() async {
        while !waiting.isEmpty {
            var group: [WaitingAppend] = []
            var bytes: [UInt8] = []
            while let next = waiting.first, group.isEmpty || bytes.count + next.bytes.count <= limits.page {
                bytes += next.bytes
                group.append(waiting.removeFirst())
            }
            do throws(PageDesk.Failure) {
                try await commit(group.flatMap(\.entries), bytes, floor: group.map(\.floor).max() ?? 0)
                for append in group { append.done.resume() }
            } catch {
                for append in group { append.done.resume(throwing: error.error) }
                if case .over(let reason) = error { finish(reason) }
            }
        }
    }

    private func commit(
        _ entries: [JournalEntry], _ bytes: [UInt8], floor: Int64
    ) async throws(PageDesk.Failure) {
        if let end { throw .over(end) }
        var next = head
        var kept: PageMark?
        if !head.entries.isEmpty, head.entries.count + bytes.count > limits.page {
            let page = try await turned()
            kept = PageMark(page, newest: contents.found(JournalQuery(kinds: [], limit: 1)).first?.entry.at ?? 0)
            next.previous = page.name
            next.first = head.last + 1
            next.count = 0
            next.entries = []
        }
        next.entries += bytes
        next.count += Int64(entries.count)
        next.projected = projected
        next.floor = max(next.floor, floor)
        try await write(&next)
        let first = next.last - Int64(entries.count) + 1
        if let kept { pages.append(kept) }
        for (index, entry) in entries.enumerated() {
            contents.add(StoredEntry(sequence: first + Int64(index), entry: entry))
        }
        if entries.contains(where: \.kind.isState) { changes.yield() }
    }

    /// A full head as a page of its own.
    private func turned() async throws(PageDesk.Failure) -> JournalPage {
        var page = head
        page.name = "page-\(head.first)-\(head.writer)-\(writes)"
        page.version = nil
        try await desk.keep(page)
        return page
    }

    /// Not beside another one: the API takes the first of two alone, and the second would look like somebody else's.
    private func write(_ next: inout JournalPage) async throws(PageDesk.Failure) {
        writes += 1
        next.write = writes
        next = try await desk.write(next)
        head = next
    }

    /// Nothing can be written any more.
    private func finish(_ reason: PortError) {
        guard end == nil else { return }
        end = reason
        for append in waiting { append.done.resume(throwing: reason) }
        waiting = []
        bell.finish()
        changes.finish()
        lost(reason)
    }

    // MARK: - Objects for people

    /// Writes the states that changed since into their objects.
    private func project() async {
        guard end == nil else { return }
        let last = head.last
        let missing = await shelf.missing(contents.states(above: projected))
        var isWhole = true
        let all = missing.isEmpty ? [] : contents.states.map(\.entry)
        for stored in missing {
            guard end == nil, !Task.isCancelled else { return }
            do throws(PortError) {
                try await shelf.put(stored, among: all)
            } catch {
                if error.code == .stale { return finish(error) }
                isWhole = false
                if trouble != error.message { troubled(error) }
                trouble = error.message
            }
        }
        if isWhole {
            projected = max(projected, last)
            trouble = nil
        } else {
            // What could not be written is tried again, without haste.
            changes.yield()
        }
    }

    /// Whether every state stands in its object as it is.
    package var isProjected: Bool { contents.states(above: projected).isEmpty }

    // MARK: - Keeping

    /// Gives up pages that are too old or too many, when all that they say of states stands elsewhere; and, when their
    /// pages are gone, records of deployments that are too many and of releases that nobody goes back to.
    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - isNeeded: whether somebody may go back to a release, by its entry.
    package func retire(
        _ keeping: JournalKeeping, now: Int64, isNeeded: @Sendable (JournalEntry) -> Bool
    ) async throws {
        if let end { throw end }
        var size = pages.reduce(0) { $0 + $1.bytes }
        var gone = 0
        for page in pages {
            let isTooMuch = size > keeping.bytes || page.newest < now - keeping.age.milliseconds
            guard isTooMuch, page.last <= projected else { break }
            size -= page.bytes
            gone += 1
        }
        if gone > 0 {
            let leaving = pages.prefix(gone)
            let floor = (leaving.last?.last ?? 0) + 1
            try await turn { WaitingAppend(floor: floor, done: $0) }
            let names = Set(leaving.map(\.name))
            pages.removeAll { names.contains($0.name) }
            contents.forget(below: floor)
            for page in leaving { try await desk.remove(page.name) }
        }
        var counts: [EnvironmentID: Int] = [:]
        for stored in contents.states.reversed() where stored.sequence < head.floor {
            let entry = stored.entry
            switch entry.kind {
            case .deployment:
                guard let environment = entry.environment else { continue }
                counts[environment, default: 0] += 1
                guard counts[environment, default: 0] > keeping.deployments else { continue }
            case .release:
                guard !isNeeded(entry) else { continue }
            case .service, .environment, .event, .quarantine, .evidence, .fence, .handover, .delivery, .recording:
                continue
            }
            try await shelf.remove(entry)
            contents.forget(EntryPlace(entry))
        }
    }

    // MARK: - The end

    /// Writes what waits and what people are to see, and closes the connections.
    package func close() async throws {
        bell.finish()
        changes.finish()
        await working?.value
        if end == nil { end = PortError(.storage, "the journal is closed") }
        try await disconnect()
    }

    /// Ends as a process that is killed does.
    package func drop() async throws {
        working?.cancel()
        end = PortError(.storage, "the journal is closed")
        bell.finish()
        changes.finish()
        await working?.value
        try await disconnect()
    }

    private func disconnect() async throws {
        for client in clients { try await client.shutdown() }
    }
}

/// Sizes in bytes.
package struct JournalLimits: Sendable {
    /// Of a page, before it is turned. The head is written whole with every append.
    package var page = 96 << 10
    /// Of one append. An object has one and a half megabytes at most, a ConfigMap one; base64 adds a third.
    package var largest = 700 << 10
    /// How many appends may wait.
    package var waiting = 8192
    /// How long a write is tried.
    package var patience: Duration = .seconds(20)
    /// Between a change of states and its objects for people.
    package var gathering: Duration = .milliseconds(500)

    package init() {}
}

/// How much of the journal is kept.
package struct JournalKeeping: Sendable {
    /// Pages with nothing younger go.
    package var age: Span
    /// Of all pages.
    package var bytes: Int
    /// Records of deployments for each environment, when their pages are gone.
    package var deployments: Int

    package init(age: Span = .days(30), bytes: Int = 32 << 20, deployments: Int = 200) {
        self.age = age
        self.bytes = bytes
        self.deployments = deployments
    }
}

/// A page before the head.
struct PageMark: Sendable {
    var name: String
    /// The number of its last entry.
    var last: Int64
    var bytes: Int
    /// When its newest entry was written, in milliseconds since 1970.
    var newest: Int64

    init(_ page: JournalPage, newest: Int64) {
        name = page.name
        last = page.last
        bytes = page.entries.count
        self.newest = newest
    }
}
