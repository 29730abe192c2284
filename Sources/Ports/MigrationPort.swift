package import Domain

/// What runs migrations: programs that may run once for their key and no more.
///
/// A key is written down, durably, before anything of it is started, so that whoever comes back after a crash knows
/// of it. How it ended is kept until a later migration of the service has ended.
package protocol MigrationPort: Sendable {
    /// Starts it, once for its key: asked again for a key that it knows, it does nothing. Returns when the key is
    /// written down; that it cannot be started is told by its state (`notStarted`).
    /// - Throws: `PortError`: `stale` when a later attempt or one of a later deployment is known, `invalid` when
    ///   another migration of the service may still run; nothing of it runs then, now or later.
    func start(_ request: MigrationRequest) async throws
    /// Asks it to end (TERM), or ends it (KILL). One that has not begun never begins then. Convergent; a key that is
    /// not known is no error.
    func stop(_ key: MigrationKey, kill: Bool) async throws
    /// What is known of migrations, by service. A migration that was started is in it, in whatever state.
    /// - Throws: `unavailable` while that is not known, after a restart.
    func observe(_ environment: EnvironmentID) async throws -> [ServiceName: [MigrationView]]
}

/// A migration that is to be started.
package struct MigrationRequest: Hashable, Sendable {
    package var key: MigrationKey
    /// Whose files it runs in, and whose `migrate:` it is.
    package var release: Release
    package init(key: MigrationKey, release: Release) {
        self.key = key
        self.release = release
    }
}

/// What a runtime keeps of its migrations' output.
package protocol MigrationLogs: Sendable {
    /// The last lines of migrations, oldest first. The query's instance is not looked at.
    func migrationTail(_ query: LogQuery) async throws -> [LogLine]
}
