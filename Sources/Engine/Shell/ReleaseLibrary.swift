package import Domain
import FoundationEssentials
package import Ports
import Synchronization

/// Releases by label, read from the journal when they are first asked for. Bounded: what is let go of is read again.
package final class ReleaseLibrary: Sendable {
    private struct Key: Hashable {
        var environment: EnvironmentID
        var service: ServiceName
    }

    /// Releases of one service in memory at most: stable, the one on trial, and what may be brought back.
    static let capacity = 4

    /// Those that were read or written last come last.
    private let known = Mutex<[Key: [Release]]>([:])
    private let journal: any JournalPort

    package init(journal: any JournalPort) { self.journal = journal }

    /// - Throws: `PortError` with code `notFound` for a release that the journal does not know.
    package func release(
        _ number: ReleaseNumber, of service: ServiceName, in environment: EnvironmentID
    ) async throws -> Release {
        // A baseline is the release itself, under a number of its own.
        if number.isBaseline {
            return try await release(number.origin, of: service, in: environment).known(as: number)
        }
        let key = Key(environment: environment, service: service)
        if let release = known.withLock({ $0[key]?.first { $0.number == number } }) { return release }
        let query = JournalQuery(
            kinds: [.release], environment: environment, key: "\(service)@\(number)", limit: 1)
        guard let entry = try await journal.history(query).first?.entry else {
            throw PortError(.notFound, "the journal knows no release \(service)@\(number) in \(environment)")
        }
        let release = try Self.read(entry)
        keep(release)
        return release
    }

    /// Releases of one look into the journal when all are read: a release is large, and not all are held at once.
    static let page = 32

    /// Reads every release of an environment, the newest first, and holds none of them.
    /// - Throws: `PortError` when the journal cannot be read, or a release in it.
    package func each(in environment: EnvironmentID, _ body: (Release) throws -> Void) async throws {
        var query = JournalQuery(kinds: [.release], environment: environment, limit: Self.page)
        while true {
            let entries = try await journal.history(query)
            for stored in entries { try body(Self.read(stored.entry)) }
            guard entries.count == Self.page, let last = entries.map(\.sequence).min() else { return }
            query.before = last
        }
    }

    /// Takes over what a turn has just made durable.
    func learn(_ entries: [JournalEntry]) throws {
        for entry in entries where entry.kind == .release {
            keep(try Self.read(entry))
        }
    }

    private func keep(_ release: Release) {
        let key = Key(environment: release.environment, service: release.service)
        known.withLock { known in
            let others = known[key, default: []].filter { $0.number != release.number }
            known[key] = others.suffix(Self.capacity - 1) + [release]
        }
    }

    /// A release from its entry.
    package static func read(_ entry: JournalEntry) throws -> Release {
        guard let environment = entry.environment else {
            throw PortError(.incompatible, "release \(entry.key) belongs to no environment")
        }
        do {
            let record = try ReleaseRecord(recorded: entry.body, known: ReleaseRecord.version)
            let parts = try JSONDecoder().decode(ReleaseParts.self, from: Data(record.parts))
            return Release(
                environment: environment, number: record.facts.number, digest: record.facts.digest, parts: parts,
                createdAt: record.createdAt, createdBy: record.createdBy)
        } catch {
            throw PortError(
                .incompatible, "release \(entry.key) of \(environment) cannot be read: \(error)",
                hint: "slipway journal verify shows what is damaged")
        }
    }
}
