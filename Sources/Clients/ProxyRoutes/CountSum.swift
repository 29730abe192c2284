import Domain
package import Ports
package import ProxyControl

/// The counts of several proxies as those of one. A proxy that is started again begins anew, and one that goes takes
/// its counts with it: what they had counted when they were last seen stays in the sum, which therefore never falls. A
/// value without I/O.
package struct CountSum: Sendable {
    /// Splits of one service that are kept of proxies that are gone, the latest.
    static let epochsKept = 40

    /// The same for as long as the sum lives.
    package let source: String
    private var ledgers: [String: CountLedger] = [:]
    private var gone: [String: TrafficCounts] = [:]

    package init(source: String) { self.source = source }

    /// Takes in what one proxy says.
    /// - Parameter name: the same for all its starts.
    package mutating func absorb(_ snapshot: ProxySnapshot, of name: String) {
        if let known = ledgers[name], known.source != snapshot.bootID { retire(name) }
        ledgers[name, default: CountLedger()].absorb(snapshot)
    }

    /// A proxy that is gone.
    package mutating func retire(_ name: String) {
        guard let ledger = ledgers.removeValue(forKey: name) else { return }
        for service in ledger.services {
            guard let key = ServiceKey(service) else { continue }
            var last = ledger.counts(key)
            for index in last.releases.indices { last.releases[index].inFlight = 0 }
            var sum = gone[service] ?? TrafficCounts(source: source, releases: [])
            sum.add(last)
            sum.epochs = Array(sum.epochs.suffix(Self.epochsKept))
            gone[service] = sum
        }
    }

    package func counts(_ key: ServiceKey) -> TrafficCounts {
        var sum = gone[key.description] ?? TrafficCounts(source: source, releases: [])
        for (_, ledger) in ledgers.sorted(by: { $0.key < $1.key }) { sum.add(ledger.counts(key)) }
        return sum
    }

    /// All requests of each service.
    package var sums: [(service: String, requests: UInt64)] {
        var sums: [String: UInt64] = [:]
        for (service, counts) in gone {
            sums[service] = counts.releases.reduce(0) { $0 + UInt64(max(0, $1.requests)) }
        }
        for ledger in ledgers.values {
            for (service, requests) in ledger.sums { sums[service, default: 0] += requests }
        }
        return sums.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
