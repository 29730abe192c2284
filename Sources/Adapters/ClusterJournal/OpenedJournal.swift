import FoundationEssentials
import KubernetesAPI
import Ports

/// A journal that has been taken over: whoever wrote it before can write no more.
struct OpenedJournal: Sendable {
    let desk: PageDesk
    let shelf: RecordShelf
    private(set) var head: JournalPage
    private(set) var pages: [PageMark] = []
    private(set) var entries: [StoredEntry] = []

    init(_ desk: PageDesk, _ shelf: RecordShelf, writer: String) async throws(PortError) {
        self.desk = desk
        self.shelf = shelf
        head = try await Self.claim(desk, writer)
        let all = try await desk.pages()
        try walk(all)
        // What its writer did not come to name belongs to nothing.
        for name in all.keys.sorted() where name != JournalPage.head && !pages.contains(where: { $0.name == name }) {
            try await desk.remove(name)
        }
        // Those above stand in pages too.
        let (records, floor) = (try await shelf.read(), head.floor)
        entries += records.filter { $0.sequence < floor }
    }

    /// Writes the head as it is, under our name.
    private static func claim(_ desk: PageDesk, _ writer: String) async throws(PortError) -> JournalPage {
        var refusal = PortError(.unavailable, "somebody else writes the journal again and again")
        for _ in 0..<5 {
            var head = try await desk.head() ?? JournalPage(identity: UUID().uuidString.lowercased(), writer: writer)
            head.writer = writer
            head.write = 0
            do throws(PageDesk.Failure) { return try await desk.write(head) } catch {
                guard case .over(let reason) = error, reason.code == .stale else { throw error.error }
                refusal = reason
            }
        }
        throw refusal
    }

    /// Follows the pages from the head back to the last that is kept.
    private mutating func walk(_ all: [String: JournalPage]) throws(PortError) {
        entries = try head.stored()
        var (first, name) = (head.first, head.previous)
        while first > head.floor {
            guard let page = all[name], page.last == first - 1 else {
                throw PortError(
                    .incompatible,
                    "the journal's entries before \(first) are missing in the cluster: there is no page \(name)",
                    hint: "put it back from a backup of the objects")
            }
            let stored = try page.stored()
            pages.insert(PageMark(page, newest: stored.map(\.entry.at).max() ?? 0), at: 0)
            entries = stored + entries
            (first, name) = (page.first, page.previous)
        }
    }
}
