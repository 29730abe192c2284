import Domain
import FoundationEssentials
import Logging
package import Ports
import Synchronization

extension LocalMigrations {
    /// Reads the records and puts them together with what the host says.
    func adopt(_ entries: [HostEntry]) async throws {
        let found = try await work.run { try self.read() }
        state.withLock { state in
            for record in found { state.records[record.key] = record }
        }
        await compare(entries)
        state.withLock { $0.isAdopted = true }
        for entry in entries {
            if let exit = entry.exit, Self.owns(exit.token) { await heard(exit) }
        }
    }

    /// Compares what is believed with what the host lists.
    func compare(_ entries: [HostEntry]) async {
        let open = state.withLock { state in
            state.records.values.filter { !$0.isOver && !state.asked.contains($0.key) }
        }
        for record in open {
            guard let entry = entries.first(where: { $0.process.token == record.token }) else {
                let text =
                    record.process == nil
                    ? "it was about to be started, and the keeper knows nothing of it"
                    : "its process is gone, and nobody saw how it ended"
                await end(record.key, .lost(text))
                continue
            }
            guard entry.exit == nil else { continue }
            state.withLock { state in
                guard var record = state.records[record.key], !record.isOver else { return }
                record.process = entry.process
                record.state = .running
                state.records[record.key] = record
            }
        }
        for entry in entries where entry.exit != nil && Self.owns(entry.process.token) {
            if let exit = entry.exit, state.withLock({ $0.isAdopted }) { await heard(exit) }
        }
    }

    private func read() throws -> [MigrationRecord] {
        var records: [MigrationRecord] = []
        for name in try Tree.names(layout.migrations) {
            let path = "\(layout.migrations)/\(name)/migration.json"
            guard let bytes = SmallFile.bytes(path) else { continue }
            do {
                records.append(try JSONDecoder().decode(MigrationRecord.self, from: Data(bytes)))
            } catch {
                logger.error("\(path) is damaged: \(error)")
            }
        }
        return records
    }

    // MARK: MigrationLogs

    package func migrationTail(_ query: LogQuery) async throws -> [LogLine] {
        let count = min(10_000, max(0, query.lines))
        let records = state.withLock { Array($0.records.values) }
            .filter { record in
                record.key.environment == query.environment
                    && (query.service == nil || query.service == record.key.service)
                    && (query.release == nil || query.release == record.release)
            }
            .sorted { $0.key < $1.key }
        return try await work.run { [layout] in
            var all: [LogLine] = []
            for record in records {
                all += try LogFiles.tail(layout.migrationLog(record.key), lines: count, after: query.after).map {
                    line in
                    LogLine(
                        at: line.at, service: record.key.service, release: record.release, instance: InstanceID(0),
                        isError: line.isError, text: line.text)
                }
                if all.count > 2 * count { all = LocalProcesses.newest(all, count) }
            }
            return LocalProcesses.newest(all, count)
        }
    }
}
