/// What `verify` found.
package struct VerifyReport: Hashable, Sendable {
    /// Entries that are there, the journal's own checkpoints and those without a body among them.
    package var entries: Int64
    /// Entries whose body was dropped by a compaction.
    package var dropped: Int64
    /// The first and the last sequence number; nil when there are none.
    package var first: Int64?
    package var last: Int64?
    /// The end of the chain. Noted elsewhere, it lets a later `verify` prove that nothing before it was replaced.
    package var head: ChainHead
    /// At most `VerifyReport.mostProblems`, in the order in which they were met.
    package var problems: [JournalProblem]
    /// Problems beyond those listed.
    package var further: Int

    package static let mostProblems = 100

    package var isWhole: Bool { problems.isEmpty && further == 0 }

    mutating func note(_ found: [JournalProblem]) {
        let room = max(0, Self.mostProblems - problems.count)
        problems += found.prefix(room)
        further += max(0, found.count - room)
    }
}

/// One thing that is wrong with a journal.
package struct JournalProblem: Hashable, Sendable, CustomStringConvertible {
    package var kind: JournalProblemKind
    /// The entry, where one can be named.
    package var sequence: Int64?
    package var description: String

    init(_ kind: JournalProblemKind, sequence: Int64? = nil, _ description: String) {
        self.kind = kind
        self.sequence = sequence
        self.description = description
    }
}

/// Kinds of damage.
package enum JournalProblemKind: String, Hashable, Sendable, CaseIterable {
    /// SQLite's own check of the file's structure failed.
    case structure
    /// Entries that were written are not there.
    case missing
    /// An entry is not what it was when it was written.
    case changed
    /// An entry cannot be read.
    case unreadable
    /// A body is gone without a checkpoint that says so.
    case unexplained
    /// The table of newest entries does not agree with the entries.
    case latest
    /// The chain does not contain a head that was noted earlier.
    case head
}
