import ProxyControl

/// All counters of one event loop, by service, release and weight epoch; bounded.
final class TallyBook {
    /// Services that left the table, whose last counts are kept.
    private static let keptServices = 8

    private struct Page {
        var tallies: [ReleaseTally] = []
        /// When the service left the table, as a count of tables; nil while it is in it.
        var leftAt: Int?
    }

    private let keptEpochs: Int
    private var pages: [String: Page] = [:]
    private var tables = 0

    init(keptEpochs: Int) { self.keptEpochs = keptEpochs }

    /// The counters for a release in an epoch, made on first use.
    /// - Parameters:
    ///   - weight: of the release in this epoch, in percent.
    ///   - isSticky: whether visitors stay on their side in this epoch.
    func tally(service: String, _ key: TallyKey, weight: Int, isSticky: Bool) -> ReleaseTally {
        if let known = pages[service]?.tallies.first(where: { $0.key == key }) { return known }
        let tally = ReleaseTally(key, weight: weight, isSticky: isSticky)
        pages[service, default: Page()].tallies.append(tally)
        return tally
    }

    /// Forgets what a new table makes old: epochs beyond the last few, services that left long ago. What has
    /// requests under way stays.
    func trim(current: [String: UInt64]) {
        tables += 1
        for name in pages.keys.sorted() {
            guard var page = pages[name] else { continue }
            page.leftAt = current[name] == nil ? page.leftAt ?? tables : nil
            var epochs = Set(page.tallies.map(\.key.epoch)).sorted(by: >)
            if let epoch = current[name] {
                // The epoch in force counts as the newest, even if its number is lower.
                epochs.removeAll { $0 == epoch }
                epochs.insert(epoch, at: 0)
            }
            let kept = Set(epochs.prefix(keptEpochs))
            page.tallies.removeAll { !kept.contains($0.key.epoch) && $0.inFlight == 0 }
            pages[name] = page
        }
        let gone = pages.filter { $0.value.leftAt != nil }.sorted {
            ($0.value.leftAt ?? 0, $0.key) > ($1.value.leftAt ?? 0, $1.key)
        }
        for (name, page) in gone.dropFirst(Self.keptServices) where page.tallies.allSatisfy({ $0.inFlight == 0 }) {
            pages[name] = nil
        }
    }

    /// Calls `body` with each service and its counters.
    func visit(_ body: (String, [ReleaseTally]) -> Void) {
        for name in pages.keys.sorted() { body(name, pages[name]?.tallies ?? []) }
    }
}
