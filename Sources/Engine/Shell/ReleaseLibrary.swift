package import Domain
import FoundationEssentials
package import Ports
import Synchronization

/// Releases by label, read from the journal when they are first asked for. Bounded: what is let go of is read again.
package final class ReleaseLibrary: Sendable {
    private struct Key: Hashable {
        var environment: EnvironmentID
        var service: ServiceName
        var number: ReleaseNumber
    }

    /// Releases in memory at most: many times what one deployment touches.
    private static let capacity = 256

    private let known = Mutex<[Key: Release]>([:])
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
        let key = Key(environment: environment, service: service, number: number)
        if let release = known.withLock({ $0[key] }) { return release }
        let query = JournalQuery(
            kinds: [.release], environment: environment, key: "\(service)@\(number)", limit: 1)
        guard let entry = try await journal.history(query).first?.entry else {
            throw PortError(.notFound, "the journal knows no release \(service)@\(number) in \(environment)")
        }
        let release = try Self.read(entry)
        keep(release, key)
        return release
    }

    /// Takes over what a turn has just made durable.
    func learn(_ entries: [JournalEntry]) throws {
        for entry in entries where entry.kind == .release {
            let release = try Self.read(entry)
            let key = Key(environment: release.environment, service: release.service, number: release.number)
            keep(release, key)
        }
    }

    private func keep(_ release: Release, _ key: Key) {
        known.withLock { known in
            if known.count >= Self.capacity, known[key] == nil { known.removeAll() }
            known[key] = release
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
