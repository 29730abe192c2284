package import KeeperControl
import Glibc

/// The keeper as the host of instances.
///
/// The link's events are given on by whoever owns the link: `onEvent: { event in host.handle(event) … }`.
package final class KeeperHost: InstanceHost {
    package let exits: AsyncStream<HostExit>
    private let continuation: AsyncStream<HostExit>.Continuation
    private let link: @Sendable () -> KeeperLink?

    /// - Parameter link: the present link; nil while there is none, which makes the host `unavailable`.
    package init(link: @escaping @Sendable () -> KeeperLink?) {
        self.link = link
        // A lost exit is found again by `list`, so the buffer may be bounded.
        (exits, continuation) = AsyncStream.makeStream(of: HostExit.self, bufferingPolicy: .bufferingNewest(1024))
    }

    /// Takes an event of the link; others than exits are not its business. Does not block.
    package func handle(_ event: KeeperEvent) {
        if case .exited(let report) = event { continuation.yield(Self.exit(report)) }
    }

    package func spawn(_ request: HostSpawn) async throws -> HostProcess {
        var limits: [ResourceLimit] = []
        if request.files > 0 {
            let count = UInt64(request.files)
            limits.append(ResourceLimit(resource: Int32(RLIMIT_NOFILE.rawValue), soft: count, hard: count))
        }
        let spawn = SpawnRequest(
            token: request.token, program: request.program, arguments: request.arguments,
            environment: request.environment, directory: request.directory, limits: limits,
            logPath: request.logPath, logLimit: request.logLimit, cgroupProcs: request.cgroupProcs,
            stopSignal: request.stopSignal, stopGrace: request.stopGrace)
        do {
            return Self.process(request.token, try await present().spawn(spawn))
        } catch let error as KeeperError {
            switch error.code {
            case .spawnFailed, .invalidRequest, .tokenInUse:
                throw HostError.cannotStart(errorNumber: error.errorNumber, message: error.description)
            case .listenFailed, .notFound, .shuttingDown, .unsupported, .roleNotReady, .system, .timedOut, .linkClosed,
                .overloaded, .unknown:
                throw HostError.unavailable(error.description)
            }
        }
    }

    package func signal(_ process: HostProcess, _ signal: Int32, toGroup: Bool) async throws {
        let identity = ProcessIdentity(pid: process.pid, startTime: process.startTime)
        do {
            try await present().signal(identity, signal, toGroup: toGroup)
        } catch let error as KeeperError {
            if error.code == .notFound { return }
            throw HostError.unavailable(error.description)
        }
    }

    package func list() async throws -> [HostEntry] {
        do {
            return try await present().list().instances.map { report in
                HostEntry(process: Self.process(report.token, report.process), exit: report.exit.map(Self.exit))
            }
        } catch let error as KeeperError {
            throw HostError.unavailable(error.description)
        }
    }

    package func acknowledge(_ token: UInt64) async throws {
        do {
            try await present().acknowledgeExit(token: token)
        } catch let error as KeeperError {
            throw HostError.unavailable(error.description)
        }
    }

    private func present() throws -> KeeperLink {
        guard let link = link() else { throw HostError.unavailable("there is no link to the keeper") }
        return link
    }

    private static func process(_ token: UInt64, _ identity: ProcessIdentity) -> HostProcess {
        HostProcess(token: token, pid: identity.pid, startTime: identity.startTime)
    }

    private static func exit(_ report: ExitReport) -> HostExit {
        let status: HostExitStatus =
            switch report.status {
            case .exited(let code): .exited(code)
            case .signalled(let number): .signalled(number)
            case .unknown: .unknown
            }
        return HostExit(token: report.token, status: status, leftBehind: Int(report.descendants))
    }
}
