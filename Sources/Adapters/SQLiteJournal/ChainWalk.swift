import Crypto

/// Follows the chain from one link to the next and says where it is broken. After a broken link it goes on from what is
/// stored there, so that one changed entry is one problem.
struct ChainWalk {
    /// The last link seen.
    private(set) var head: ChainHead
    /// Entries whose body was dropped, by the checkpoint that allowed it.
    private var dropped: [Int64: DropTally] = [:]
    /// Whether the walk began at the first entry: then checkpoints can be compared with what was dropped.
    private let isWhole: Bool
    private(set) var count: Int64 = 0
    private(set) var droppedCount: Int64 = 0

    /// From the first entry.
    init(genesis: [UInt8]) {
        head = ChainHead(sequence: 0, digest: genesis)
        isWhole = true
    }

    /// From the entry after this one.
    init(following entry: EntryRow) {
        head = ChainHead(sequence: entry.link.sequence, digest: entry.chain)
        isWhole = false
    }

    /// Looks at the next row; nil when it is malformed, with the number that it should have.
    mutating func see(_ entry: EntryRow?, at sequence: Int64?) -> [JournalProblem] {
        guard let entry else {
            let number = sequence ?? head.sequence + 1
            skip(to: number)
            return [JournalProblem(.unreadable, sequence: number, "entry \(number) is malformed")]
        }
        var problems: [JournalProblem] = []
        let number = entry.link.sequence
        count += 1
        if number != head.sequence + 1 {
            let gap =
                number - 1 > head.sequence + 1 ? "entries \(head.sequence + 1) to \(number - 1)" : "entry \(number - 1)"
            if isKnown { problems.append(JournalProblem(.missing, sequence: head.sequence + 1, "\(gap) missing")) }
        } else if isKnown, entry.link.chained(to: head.digest) != entry.chain {
            problems.append(
                JournalProblem(.changed, sequence: number, "entry \(number) does not follow from the one before it"))
        }
        if let body = entry.body {
            if ChainLink.digest(body) != entry.link.digest {
                problems.append(JournalProblem(.changed, sequence: number, "the body of entry \(number) was changed"))
            }
            if isWhole, entry.link.kind == JournalSchema.checkpointKind { problems += compare(body, at: number) }
        } else {
            droppedCount += 1
            problems += tally(entry)
        }
        head = ChainHead(sequence: number, digest: entry.chain)
        isKnown = true
        return problems
    }

    /// Whether `head` is an entry that was read.
    private var isKnown = true

    /// Goes on after entries that could not be read.
    mutating func skip(to sequence: Int64) {
        head = ChainHead(sequence: sequence, digest: head.digest)
        isKnown = false
    }

    /// What is left when the last row was seen: bodies that are gone without a checkpoint's word.
    func ending() -> [JournalProblem] {
        guard isWhole else { return [] }
        return dropped.sorted { $0.key < $1.key }.map { checkpoint, tally in
            JournalProblem(
                .unexplained, sequence: checkpoint,
                "\(tally.count) bodies are gone by the word of checkpoint \(checkpoint), which does not exist")
        }
    }

    private mutating func tally(_ entry: EntryRow) -> [JournalProblem] {
        let number = entry.link.sequence
        guard entry.dropped > number else {
            return [JournalProblem(.unexplained, sequence: number, "the body of entry \(number) is gone")]
        }
        if isWhole { dropped[entry.dropped, default: DropTally()].add(number, digest: entry.link.digest) }
        return []
    }

    private mutating func compare(_ body: [UInt8], at number: Int64) -> [JournalProblem] {
        let seen = dropped.removeValue(forKey: number) ?? DropTally()
        guard let checkpoint = Checkpoint(body) else {
            return [JournalProblem(.unreadable, sequence: number, "checkpoint \(number) is malformed")]
        }
        guard checkpoint == seen.checkpoint else {
            return [
                JournalProblem(
                    .unexplained, sequence: number,
                    "checkpoint \(number) allowed \(checkpoint.count) bodies to go; \(seen.count) others are gone")
            ]
        }
        return []
    }
}

/// The journal's own entry about bodies that were dropped: how many, and a digest over exactly which.
struct Checkpoint: Hashable {
    var count: Int64
    /// SHA-256 over (sequence number, body's digest) of each, in order.
    var digest: [UInt8]

    init(count: Int64, digest: [UInt8]) {
        self.count = count
        self.digest = digest
    }

    /// One byte of version, eight of count, the digest.
    var body: [UInt8] { [1] + withUnsafeBytes(of: count.bigEndian) { Array($0) } + digest }

    init?(_ body: [UInt8]) {
        guard body.count == 41, body[0] == 1 else { return nil }
        let count = body[1...8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        self.init(count: Int64(bitPattern: count), digest: Array(body[9...]))
    }
}

/// Sums up dropped entries as they are met, in the order of their numbers.
struct DropTally {
    private(set) var count: Int64 = 0
    private var hash = SHA256()

    mutating func add(_ sequence: Int64, digest: [UInt8]) {
        count += 1
        withUnsafeBytes(of: sequence.bigEndian) { hash.update(bufferPointer: $0) }
        hash.update(data: digest)
    }

    var checkpoint: Checkpoint { Checkpoint(count: count, digest: Array(hash.finalize())) }
}
