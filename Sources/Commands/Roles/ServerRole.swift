import ClusterJournal
import Dispatch
import FoundationEssentials
import Glibc
import HTTPTypes
import Hummingbird
import KubernetesAPI
import KubernetesObjects
import Logging

/// A server's life: it stands by until it leads, and ends when it leads no longer. The cluster starts it again.
struct ServerRole: Sendable {
    private let settings: ServerSettings
    private let access: ClusterAccess
    private let lease: LeaderLease
    private let client: KubernetesClient
    private let leaseClient: KubernetesClient
    private let logger: Logger

    init(_ settings: ServerSettings, _ access: ClusterAccess, logger: Logger) {
        self.settings = settings
        self.access = access
        self.logger = logger
        let variables = ProcessInfo.processInfo.environment
        var limits = ClientLimits()
        limits.manager = "slipway-server"
        client = KubernetesClient(access, environment: variables, limits: limits)
        // A renewal that hangs must have ended before the lease does: two requests, and the time to give up.
        limits.attempts = 1
        limits.answer = (settings.times.duration - settings.times.renew) / 2
        limits.connect = limits.answer
        leaseClient = KubernetesClient(access, environment: variables, limits: limits)
        lease = LeaderLease(
            leaseClient, namespace: settings.namespace, name: ServerRendering.name, identity: settings.identity,
            times: settings.times)
    }

    /// Runs until it is told to stop. When it leads no longer the process ends at once.
    func run() async throws {
        let result: Result<Void, any Error>
        do { result = .success(try await live()) } catch { result = .failure(error) }
        try await client.shutdown()
        try await leaseClient.shutdown()
        try result.get()
        logger.info("the server stops")
    }

    private func live() async throws {
        let (signals, told) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { told.yield() }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in signals { return } }
            group.addTask { try await health().run() }
            group.addTask { try await lead() }
            // It cannot fail, and ends by being cancelled alone: whoever ends first ends the server.
            group.addTask { await releaseFreeMemory() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func lead() async throws {
        try await mark(isLeader: false)
        logger.info("standing by as \(settings.identity) in namespace \(settings.namespace)")
        try await lease.acquire { trouble in logger.warning("the lease cannot be looked at: \(trouble)") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { fall(try await lease.keep()) }
            group.addTask { try await serve() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func serve() async throws {
        let house = try await ServerHouse.open(settings, access, logger: logger)
        let reviews = TokenReviews(client, namespace: settings.namespace)
        var trouble: (any Error)?
        do {
            let reason = try await house.run(settings, door: reviews.door, onRunning: { await becomeKnown() })
            if let reason { fall(reason) }
        } catch is CancellationError {
            logger.info("told to stop")
        } catch { trouble = error }
        // What is left is written, and the next may lead at once. In a task of its own, which is not cancelled with
        // whoever was told to stop, and is waited for.
        try await Task {
            try await house.journal.close()
            await lease.release()
        }.value
        if let trouble { throw trouble }
    }

    /// At once: whoever leads now must not meet anything of ours that comes late.
    private func fall(_ reason: String) -> Never {
        logger.error("this one leads no longer: \(reason)")
        _exit(1)
    }

    /// Requests are led to the pod with the label.
    private func becomeKnown() async {
        while !Task.isCancelled {
            do {
                try await mark(isLeader: true)
                return
            } catch {
                logger.warning("the pod cannot be labelled as the one that leads: \(error)")
                // Cancelled: then the loop ends.
                try? await Task.sleep(for: .seconds(2))
            }
        }
    }

    private func mark(isLeader: Bool) async throws {
        guard let pod = settings.pod else { return }
        let patch: ObjectValue = ["metadata": ["labels": [ServerRendering.leaderLabel: isLeader ? "true" : .null]]]
        _ = try await client.patch(.pods, namespace: settings.namespace, name: pod, patch)
    }

    /// `/healthz`: it runs. `/readyz`: it knows who leads.
    private func health() -> some ApplicationProtocol {
        let router = Router()
        router.get("/healthz") { _, _ in "ok\n" }
        router.get("/readyz") { _, _ in
            let holder = lease.holder
            let words = holder == settings.identity ? "leading" : "standing by for \(holder ?? "nobody yet")"
            return Response(
                status: lease.isFresh ? .ok : .serviceUnavailable, headers: [.contentType: "text/plain"],
                body: ResponseBody(byteBuffer: .init(string: words + "\n")))
        }
        return Application(
            router: router,
            configuration: .init(
                address: .hostname(settings.address, port: settings.healthPort), serverName: "slipway"),
            logger: HouseParts.quiet(logger))
    }
}
