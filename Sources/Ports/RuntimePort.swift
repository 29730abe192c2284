package import Domain

/// What runs instances. It is told whole wishes and converges to them by itself: it starts, restarts with back-off and
/// stops instances, probes them, and tells in snapshots how far it is.
///
/// Of a set with more instances than wished for, those not ready leave first. An instance that leaves gets no new work;
/// it is stopped when it is let go, or when its release's drain time has passed.
package protocol RuntimePort: Sendable {
    /// Takes over a wish. Returns when the wish is accepted, not when it is reached.
    /// - Throws: `PortError` with code `stale` for an older fence or generation.
    func apply(_ wish: RuntimeWish, releases: [Release]) async throws
    /// These leaving instances have no more requests in flight: they may stop. Convergent.
    func letGo(_ instances: [InstanceID], of service: ServiceName, in environment: EnvironmentID) async throws
    /// A service that is gone for good: what it shares between its releases is not to stay. Convergent.
    func forget(_ wish: ForgetWish) async throws
    /// A snapshot per service that it knows in this environment.
    func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RuntimeView]
    /// Why what `observe` tells may be out of date, for people; nil: it is not.
    func doubt(_ environment: EnvironmentID) async -> String?
}

extension RuntimePort {
    /// On one machine nothing is left when no instance is.
    package func forget(_ wish: ForgetWish) async throws {}

    /// A machine sees its own processes.
    package func doubt(_ environment: EnvironmentID) async -> String? { nil }
}

/// What a runtime keeps of its instances' output.
package protocol InstanceLogs: Sendable {
    /// The last lines of one instance or of all of a service, oldest first.
    func tail(_ query: LogQuery) async throws -> [LogLine]
}

/// Which lines are asked for.
package struct LogQuery: Hashable, Sendable, Codable {
    package var environment: EnvironmentID
    package var service: ServiceName?
    package var release: ReleaseNumber?
    package var instance: InstanceID?
    /// At most so many of the last lines.
    package var lines: Int
    /// Only lines after this time, in milliseconds since 1970.
    package var after: Int64?

    package init(
        environment: EnvironmentID, service: ServiceName? = nil, release: ReleaseNumber? = nil,
        instance: InstanceID? = nil, lines: Int = 100, after: Int64? = nil
    ) {
        self.environment = environment
        self.service = service
        self.release = release
        self.instance = instance
        self.lines = lines
        self.after = after
    }
}

/// One line that an instance wrote.
package struct LogLine: Hashable, Sendable, Codable {
    /// Milliseconds since 1970.
    package var at: Int64
    package var service: ServiceName
    package var release: ReleaseNumber
    package var instance: InstanceID
    package var isError: Bool
    package var text: String

    package init(
        at: Int64, service: ServiceName, release: ReleaseNumber, instance: InstanceID, isError: Bool, text: String
    ) {
        self.at = at
        self.service = service
        self.release = release
        self.instance = instance
        self.isError = isError
        self.text = text
    }
}
