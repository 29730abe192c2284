import Glibc
package import NIOCore
import NIOPosix

/// Carries out one plan.
///
/// ```swift
/// let plan = LoadPlan(
///     target: try LoadTarget(url: "http://127.0.0.1:8080/"),
///     arrival: .rate(perSecond: 200, maxConnections: 512), duration: .seconds(10))
/// let report = try await LoadRun(plan).run()
/// ```
package struct LoadRun: Sendable {
    package let plan: LoadPlan

    /// Throws `LoadPlanError` when the plan cannot be run.
    package init(_ plan: LoadPlan) throws(LoadPlanError) {
        try plan.validate()
        self.plan = plan
    }

    /// Sends the requests and returns when the last one has ended: at most a time-out after the plan's duration.
    ///
    /// Cancelling the task stops the run at once and returns the report so far, with `interrupted` set. A target that
    /// is down is no error: its refusals are counted. Throws `LoadPlanError` when the target's name has no address.
    ///
    /// - Parameter observer: called about four times a second, one call at a time, away from the loop that sends. When
    ///   it is slow it misses states; the run does not wait for it.
    package func run(observer: @escaping @Sendable (LoadProgress) -> Void = { _ in }) async throws -> LoadReport {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let outcome: Result<LoadReport, any Error>
        do { outcome = .success(try await run(on: group.next(), observer: observer)) } catch {
            outcome = .failure(error)
        }
        try await group.shutdownGracefully()
        return try outcome.get()
    }

    /// The same on a loop of the caller's, which it must not block.
    package func run(
        on loop: any EventLoop, observer: @escaping @Sendable (LoadProgress) -> Void = { _ in }
    ) async throws -> LoadReport {
        let address = try await Self.resolve(plan.connectTo ?? plan.target.endpoint, on: loop)
        return try await run(to: address, on: loop, observer: observer)
    }

    private func run(
        to address: SocketAddress, on loop: any EventLoop, observer: @escaping @Sendable (LoadProgress) -> Void
    ) async throws -> LoadReport {
        let state = NIOLoopBoundBox.makeBoxSendingValue(State(), eventLoop: loop)
        let (states, continuation) = AsyncStream.makeStream(of: LoadProgress.self, bufferingPolicy: .bufferingNewest(1))
        async let observing: Void = { for await state in states { observer(state) } }()
        let report = try await withTaskCancellationHandler {
            try await loop.flatSubmit { [plan] in
                Self.takePriorityOfProcess()
                let driver = Driver(plan: plan, address: address, loop: loop) { continuation.yield($0) }
                state.value.driver = driver
                let report = driver.begin()
                if state.value.stopped { driver.stop() }
                return report.always { _ in continuation.finish() }
            }.get()
        } onCancel: {
            loop.execute {
                state.value.stopped = true
                state.value.driver?.stop()
            }
        }
        await observing
        return report
    }

    /// A thread inherits the priority of the one that starts it, and the pool for urgent tasks has a higher one if it
    /// may (as root). A sender with that would take the processor from the server at every answer: many times the
    /// switches between the two, and results that are about the sender.
    private static func takePriorityOfProcess() {
        let process = Int32(PRIO_PROCESS.rawValue)
        let wanted = getpriority(process, id_t(getpid()))
        // 0 is the calling thread. Lowering needs no right, and where it fails the run is as good as before.
        if getpriority(process, 0) < wanted { _ = setpriority(process, 0, wanted) }
    }

    private struct State {
        var driver: Driver?
        var stopped = false
    }

    /// Finds the address of the target, once for the whole run.
    ///
    /// `localhost` and names under it are 127.0.0.1 without asking (RFC 6761, section 6.3): a resolver might say `::1`,
    /// and every request would be refused by a server that listens on IPv4 only.
    private static func resolve(
        _ endpoint: LoadTarget.Endpoint, on loop: any EventLoop
    ) async throws -> SocketAddress {
        let name = endpoint.host.lowercased()
        let host = name == "localhost" || name.hasSuffix(".localhost") ? "127.0.0.1" : endpoint.host
        do {
            // Through a future: a cancelled run still looks the name up, and then returns its empty report.
            return try await NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
                try SocketAddress.makeAddressResolvingHost(host, port: endpoint.port)
            }.get()
        } catch {
            throw LoadPlanError(
                code: .resolution, cause: "'\(endpoint.host)' has no address: \(error)",
                hint: "check the name, or give an address with --connect")
        }
    }
}
