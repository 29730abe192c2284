package import Ports

import Domain
import Synchronization

/// The journal's twin for simulations: entries in memory, with the promises of the port and the ways in which a real
/// one disappoints. Passes the same checks as the real one.
package final class MemoryJournal: JournalPort {
    private struct State {
        var entries: [StoredEntry] = []
        var failures: [PortError] = []
        var isClosed = false
    }

    /// Texts are told apart by their bytes, as a database does: Swift's `==` takes different bytes for the same text.
    private struct Place: Hashable {
        var kind: EntryKind
        var project: [UInt8]?
        var environment: [UInt8]?
        var key: [UInt8]

        init(_ entry: JournalEntry) {
            kind = entry.kind
            project = entry.environment.map { Array($0.project.utf8) }
            environment = entry.environment.map { Array($0.name.utf8) }
            key = Array(entry.key.utf8)
        }
    }

    private let state: Mutex<State>

    package init() { state = Mutex(State()) }

    private init(entries: [StoredEntry]) { state = Mutex(State(entries: entries)) }

    package func append(_ entries: [JournalEntry]) async throws { try appendNow(entries) }

    /// `append` for a world with virtual time: it takes none.
    package func appendNow(_ entries: [JournalEntry]) throws(PortError) {
        guard !entries.isEmpty else { return }
        for entry in entries where !Self.isStorable(entry) {
            throw PortError(.invalid, "no journal can hold an entry with such a key or environment")
        }
        let failure: PortError? = state.withLock { state in
            if state.isClosed { return PortError(.storage, "the journal is closed") }
            if !state.failures.isEmpty { return state.failures.removeFirst() }
            for entry in entries {
                state.entries.append(StoredEntry(sequence: Int64(state.entries.count + 1), entry: entry))
            }
            return nil
        }
        if let failure { throw failure }
    }

    package func latest() async throws -> [JournalEntry] { latestNow() }

    /// `latest` for a world with virtual time.
    package func latestNow() -> [JournalEntry] {
        state.withLock { state in
            var seen: Set<Place> = []
            var newest: [JournalEntry] = []
            for stored in state.entries.reversed() where stored.entry.kind.isState {
                if seen.insert(Place(stored.entry)).inserted { newest.append(stored.entry) }
            }
            return newest.reversed()
        }
    }

    package func history(_ query: JournalQuery) async throws -> [StoredEntry] {
        state.withLock { state in
            let found = state.entries.filter { Self.matches($0, query) }
            return query.isOldestFirst
                ? Array(found.prefix(max(0, query.limit))) : Array(found.reversed().prefix(max(0, query.limit)))
        }
    }

    /// Makes the next appends fail, one after the other; nothing of them takes hold.
    package func failNext(_ failures: [PortError]) {
        state.withLock { $0.failures += failures }
    }

    /// Lets no append in any more.
    package func close() { state.withLock { $0.isClosed = true } }

    /// The journal that a killed and restarted process finds: everything acknowledged.
    package func afterKill() -> MemoryJournal { MemoryJournal(entries: state.withLock { $0.entries }) }

    /// The journal that a machine finds after a power failure: everything up to the last entry of a durable kind, and
    /// of the entries after it the first `surviving`, whatever their number.
    package func afterPowerFailure(surviving: Int) -> MemoryJournal {
        state.withLock { state in
            let durable = state.entries.lastIndex { $0.entry.kind.isDurableBeforeEffects }.map { $0 + 1 } ?? 0
            return MemoryJournal(entries: Array(state.entries.prefix(durable + max(0, surviving))))
        }
    }

    private static func isStorable(_ entry: JournalEntry) -> Bool {
        let texts = [entry.environment?.project ?? "x", entry.environment?.name ?? "x"]
        return !texts.contains { $0.isEmpty || $0.utf8.contains(0) } && !entry.key.utf8.contains(0)
    }

    private static func matches(_ stored: StoredEntry, _ query: JournalQuery) -> Bool {
        let entry = stored.entry
        return (query.kinds.isEmpty || query.kinds.contains(entry.kind))
            && (query.environment == nil || query.environment == entry.environment)
            && (query.key.map { $0.utf8.elementsEqual(entry.key.utf8) } ?? true)
            && (query.before.map { stored.sequence < $0 } ?? true)
            && (query.after.map { stored.sequence > $0 } ?? true)
    }
}
