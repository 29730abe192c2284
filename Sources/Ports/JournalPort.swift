package import Domain

/// The durable record of what was decided and done. One writer: the supervisor.
package protocol JournalPort: Sendable {
    /// Makes entries durable, all or none, in order. Returns when they are.
    /// - Throws: `PortError` with code `storage`; then nothing of it took hold.
    func append(_ entries: [JournalEntry]) async throws
    /// The newest entry of every key of the state kinds: what the engine starts from.
    func latest() async throws -> [JournalEntry]
    /// Entries by kind, environment and time, newest first unless asked otherwise.
    func history(_ query: JournalQuery) async throws -> [StoredEntry]
}

/// One entry.
package struct JournalEntry: Hashable, Sendable {
    package var kind: EntryKind
    /// Nil for what belongs to no environment.
    package var environment: EnvironmentID?
    /// Which thing of that kind: a service's name, `api@14`, a deployment's number. Events may leave it empty.
    package var key: String
    /// Milliseconds since 1970.
    package var at: Int64
    /// In the record codec.
    package var body: [UInt8]

    package init(kind: EntryKind, environment: EnvironmentID?, key: String, at: Int64, body: [UInt8]) {
        self.kind = kind
        self.environment = environment
        self.key = key
        self.at = at
        self.body = body
    }
}

/// What an entry is. The numbers are on disk.
package enum EntryKind: UInt8, Hashable, Sendable, CaseIterable {
    /// One per service and environment: what stands, and the rollout under way.
    case service = 1
    /// One per environment: numbers given out and the deployment under way.
    case environment = 2
    /// One per deployment, under its number: what was asked, and how it ended.
    case deployment = 3
    /// Immutable, under `api@14`.
    case release = 4
    /// What happened, for people and reports; never overwritten.
    case event = 5
    /// One per digest: quarantined, and since when.
    case quarantine = 6
    /// What a gate saw, look by look.
    case evidence = 7
    /// The fence: counted up at every start of a supervisor.
    case fence = 8
    /// One per environment that was given to another Slipway, or taken over from one.
    case handover = 9
    /// One per channel and environment: how far it has been told.
    case delivery = 60
    /// What the router counted while a gate judged, so that its run can be replayed.
    case recording = 90

    /// Whether an entry must survive a power failure before its effects may start. The others survive a killed process.
    package var isDurableBeforeEffects: Bool {
        switch self {
        case .service, .environment, .deployment, .release, .quarantine, .fence, .event, .handover, .delivery:
            true
        case .evidence, .recording: false
        }
    }

    /// Whether only the newest entry of a key says what is.
    package var isState: Bool {
        switch self {
        case .service, .environment, .deployment, .release, .quarantine, .fence, .handover, .delivery: true
        case .event, .evidence, .recording: false
        }
    }
}

/// Which entries are asked for.
package struct JournalQuery: Hashable, Sendable {
    package var kinds: [EntryKind]
    package var environment: EnvironmentID?
    package var key: String?
    /// Only entries with a lower sequence number.
    package var before: Int64?
    /// Only entries with a higher sequence number.
    package var after: Int64?
    package var limit: Int
    /// The limit counts from the oldest then.
    package var isOldestFirst: Bool

    package init(
        kinds: [EntryKind], environment: EnvironmentID? = nil, key: String? = nil, before: Int64? = nil,
        after: Int64? = nil, limit: Int = 100, isOldestFirst: Bool = false
    ) {
        self.kinds = kinds
        self.environment = environment
        self.key = key
        self.before = before
        self.after = after
        self.limit = limit
        self.isOldestFirst = isOldestFirst
    }
}

/// An entry with its place in the journal.
package struct StoredEntry: Hashable, Sendable {
    package var sequence: Int64
    package var entry: JournalEntry
    package init(sequence: Int64, entry: JournalEntry) {
        self.sequence = sequence
        self.entry = entry
    }
}
