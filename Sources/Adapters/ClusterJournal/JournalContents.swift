import Domain
import Ports

/// Everything that the journal holds, in memory: entries of the pages that are kept, and of those before the newest
/// of every state.
struct JournalContents: Sendable {
    /// By sequence number, the lowest first.
    private var entries: [StoredEntry] = []
    /// Of every state: the number of its newest entry.
    private var newest: [EntryPlace: Int64] = [:]

    /// - Parameter entries: in any order.
    init(_ entries: [StoredEntry]) {
        for entry in entries.sorted(by: { $0.sequence < $1.sequence }) { add(entry) }
    }

    /// - Parameter stored: has a higher number than all before it.
    mutating func add(_ stored: StoredEntry) {
        if let last = entries.last, last.sequence >= stored.sequence { return }
        entries.append(stored)
        if stored.entry.kind.isState { newest[EntryPlace(stored.entry)] = stored.sequence }
    }

    /// The newest entry of every state, in the order of writing.
    var states: [StoredEntry] {
        entries.filter { $0.entry.kind.isState && newest[EntryPlace($0.entry)] == $0.sequence }
    }

    /// States whose newest entry has a higher number.
    func states(above sequence: Int64) -> [StoredEntry] {
        entries[index(after: sequence)...].filter {
            $0.entry.kind.isState && newest[EntryPlace($0.entry)] == $0.sequence
        }
    }

    func found(_ query: JournalQuery) -> [StoredEntry] {
        let limit = max(0, query.limit)
        let start = query.after.map { index(after: $0) } ?? entries.startIndex
        let end = query.before.map { $0 > Int64.min ? index(after: $0 - 1) : 0 } ?? entries.endIndex
        guard start < end, limit > 0 else { return [] }
        let range = entries[start..<end]
        return query.isOldestFirst
            ? Array(range.lazy.filter { Self.matches($0.entry, query) }.prefix(limit))
            : Array(range.reversed().lazy.filter { Self.matches($0.entry, query) }.prefix(limit))
    }

    private static func matches(_ entry: JournalEntry, _ query: JournalQuery) -> Bool {
        (query.kinds.isEmpty || query.kinds.contains(entry.kind))
            && (query.environment == nil || query.environment == entry.environment)
            && (query.key.map { $0.utf8.elementsEqual(entry.key.utf8) } ?? true)
    }

    /// Forgets what has a lower number, but for the newest entry of every state.
    mutating func forget(below floor: Int64) {
        entries.removeAll { stored in
            guard stored.sequence < floor else { return false }
            return !stored.entry.kind.isState || newest[EntryPlace(stored.entry)] != stored.sequence
        }
    }

    /// Forgets a state that has only its newest entry.
    mutating func forget(_ place: EntryPlace) {
        guard let sequence = newest.removeValue(forKey: place) else { return }
        entries.removeAll { $0.sequence == sequence }
    }

    /// Where the first entry with a higher number is.
    private func index(after sequence: Int64) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].sequence <= sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
