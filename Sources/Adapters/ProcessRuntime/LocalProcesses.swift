package import Domain
package import Logging
package import Ports

/// Runs instances as processes of this machine: the runtime behind `runtime: process`.
///
/// `run()` owns all its work; until it has adopted what runs already, `observe` answers `unavailable`.
package final class LocalProcesses: RuntimePort, InstanceLogs {
    package let configuration: ProcessRuntimeConfiguration

    package init(
        configuration: ProcessRuntimeConfiguration, host: any InstanceHost, artifacts: any ArtifactStorePort,
        logger: Logger
    ) throws {
        self.configuration = configuration
    }

    /// Adopts what runs, then converges to the wishes until the task is cancelled. Instances go on running then.
    package func run() async throws {
        throw Self.unfinished
    }

    package func apply(_ wish: RuntimeWish, releases: [Release]) async throws {
        throw Self.unfinished
    }

    package func letGo(_ instances: [InstanceID], of service: ServiceName, in environment: EnvironmentID) async throws {
        throw Self.unfinished
    }

    package func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RuntimeView] {
        throw Self.unfinished
    }

    package func tail(_ query: LogQuery) async throws -> [LogLine] {
        throw Self.unfinished
    }

    /// New lines as they are written, after those that `tail` gives. Ends when the consumer's task is cancelled.
    package func follow(_ query: LogQuery) -> AsyncThrowingStream<LogLine, any Error> {
        AsyncThrowingStream { $0.finish(throwing: Self.unfinished) }
    }

    /// Something is worth an `observe`. Wake-ups that nobody has taken yet are one; a lost one changes nothing.
    package func changes() -> AsyncStream<Void> {
        AsyncStream { $0.finish() }
    }

    /// Removes the files of releases that are not kept and not in use, and of instances that ended long ago.
    /// - Returns: bytes that became free.
    package func collectGarbage(keeping releases: [KeptRelease]) async throws -> Int64 {
        throw Self.unfinished
    }

    private static let unfinished = PortError(.unavailable, "the process runtime does not run yet")
}

/// A release whose files are to stay.
package struct KeptRelease: Hashable, Sendable {
    package var environment: EnvironmentID
    package var service: ServiceName
    package var release: ReleaseNumber
    package init(environment: EnvironmentID, service: ServiceName, release: ReleaseNumber) {
        self.environment = environment
        self.service = service
        self.release = release
    }
}
