package import Domain
import FoundationEssentials
import GRDB
import Ports

/// What a compaction keeps.
package struct JournalRetention: Hashable, Sendable {
    /// What gates saw and were told is kept whole for this long.
    package var evidence: Span
    /// States of services that a newer one has replaced are kept whole for this long. The newest are always kept.
    package var superseded: Span

    package init(evidence: Span, superseded: Span) {
        self.evidence = evidence
        self.superseded = superseded
    }
}

/// What a compaction did.
package struct CompactionReport: Hashable, Sendable {
    /// Bodies dropped.
    package var dropped: Int64
    /// Their bytes. SQLite uses the room again; the file does not shrink.
    package var bytes: Int64
    /// The checkpoints that say so.
    package var checkpoints: [Int64]
}

extension JournalStore {
    /// Bodies that one transaction drops at most, so that appends get their turn in between.
    static let compactionBatch = 2000

    /// Drops the bodies of old evidence and of superseded service states. Each batch appends a checkpoint that says how
    /// many went and, by a digest, which; the entries themselves stay, with the digests of their bodies, so that the
    /// chain can still be followed and a body that is gone without a checkpoint's word is found.
    /// - Parameter now: milliseconds since 1970; ages are counted from it.
    /// - Throws: `PortError` with code `storage`; `CancellationError` between batches. What was dropped before stays
    ///   so.
    package func compact(keeping retention: JournalRetention, now: Int64) async throws -> CompactionReport {
        var report = CompactionReport(dropped: 0, bytes: 0, checkpoints: [])
        while true {
            try Task.checkCancellation()
            let batch = try await withCheckedThrowingContinuation { done in
                pool.asyncWriteWithoutTransaction { db in
                    done.resume(with: Result { try self.compactOnce(db, keeping: retention, now: now) })
                }
            }
            guard let batch else { return report }
            report.dropped += batch.dropped
            report.bytes += batch.bytes
            report.checkpoints += batch.checkpoints
        }
    }

    /// One batch; nil when there is nothing to drop.
    private func compactOnce(
        _ db: Database, keeping retention: JournalRetention, now: Int64
    ) throws -> CompactionReport? {
        var report: CompactionReport?
        try writer.transaction(durable: true, db) { head in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT seq, digest, length(body) FROM entries WHERE dropped = 0 AND kind IN (?, ?) AND at < ?
                    UNION ALL
                    SELECT seq, digest, length(body) FROM entries WHERE dropped = 0 AND kind = ? AND at < ?
                        AND seq NOT IN (SELECT seq FROM latest)
                    ORDER BY seq LIMIT ?
                    """,
                arguments: [
                    Int64(EntryKind.evidence.rawValue), Int64(EntryKind.recording.rawValue),
                    Self.limit(now, retention.evidence),
                    Int64(EntryKind.service.rawValue), Self.limit(now, retention.superseded), Self.compactionBatch,
                ])
            guard !rows.isEmpty else { return }
            let checkpoint = head.sequence + 1
            var tally = DropTally()
            var bytes: Int64 = 0
            for row in rows {
                guard let sequence = EntryRow.integer(row, 0), let digest = EntryRow.bytes(row, 1) else {
                    throw PortError.damaged(files.database, "a row of `entries` is malformed")
                }
                tally.add(sequence, digest: digest)
                bytes += EntryRow.integer(row, 2) ?? 0
                try db.cachedStatement(sql: "UPDATE entries SET body = NULL, dropped = ? WHERE seq = ?")
                    .execute(arguments: [checkpoint, sequence])
            }
            let body = tally.checkpoint.body
            let link = ChainLink(
                sequence: checkpoint, kind: JournalSchema.checkpointKind, project: nil, environment: nil, key: "",
                at: now, digest: ChainLink.digest(body))
            try writer.insert(link, body: body, after: &head, db)
            report = CompactionReport(dropped: tally.count, bytes: bytes, checkpoints: [checkpoint])
        }
        return report
    }

    private static func limit(_ now: Int64, _ age: Span) -> Int64 {
        let (limit, overflows) = now.subtractingReportingOverflow(age.milliseconds)
        return overflows ? .min : limit
    }
}
