package import Domain

/// The migration of one rollout, from the decision to run it to what became of it.
package struct MigrationRun: Hashable, Sendable {
    /// Counted from 1; each start that a person asks for has the next one.
    package var attempt: Int
    package var phase: MigrationPhase
    /// Since when it is in its phase.
    package var since: Moment
    /// Of the supervisor that was to start it.
    package var fence: UInt64
    /// When its process was first seen.
    package var runningSince: Moment?
    /// When it was last told to stop.
    package var signalled: Moment?

    package init(attempt: Int, phase: MigrationPhase = .wanted, since: Moment, fence: UInt64 = 0) {
        self.attempt = attempt
        self.phase = phase
        self.since = since
        self.fence = fence
    }

    /// It may be running, now or later.
    package var isOpen: Bool {
        switch phase {
        case .wanted, .done, .failed: false
        case .started, .stopping, .unknown: true
        }
    }
}

/// How far a migration is. The numbers are on disk.
package enum MigrationPhase: UInt8, Hashable, Sendable, CaseIterable {
    /// To be started with the next step.
    case wanted = 1
    /// Its start is written down.
    case started = 2
    /// It is told to stop: its time is over, or somebody aborted.
    case stopping = 3
    /// Nobody knows how it ended: a person has to look.
    case unknown = 4
    case done = 5
    case failed = 6
}

/// A schema mark that a service's data has reached in an environment.
package struct AppliedSchema: Hashable, Sendable {
    package var schema: String
    /// The release before it could run on it.
    package var isCompatible: Bool
    package var release: ReleaseNumber

    package init(schema: String, isCompatible: Bool, release: ReleaseNumber) {
        self.schema = schema
        self.isCompatible = isCompatible
        self.release = release
    }
}

/// What a person says became of a migration whose outcome nobody knows.
package enum MigrationWord: String, Hashable, Sendable, Codable, CaseIterable {
    /// The data is at the new schema: go on.
    case done
    /// It is not: the rollout fails.
    case failed
    /// Run it once more.
    case again
}

extension ServiceState {
    package func hasApplied(_ schema: String) -> Bool { schemas.contains { $0.schema == schema } }

    /// The migrations that a release does not know of: the data has gone through them since it ran.
    package func migrations(beyond release: ReleaseFacts, isNew: Bool) -> [AppliedSchema] {
        if let mark = release.migration?.schema {
            guard let index = schemas.lastIndex(where: { $0.schema == mark }) else { return [] }
            return Array(schemas[(index + 1)...])
        }
        return isNew ? [] : schemas.filter { $0.release > release.number }
    }
}
