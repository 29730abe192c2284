import Dispatch
import Glibc

/// What a proxy process needs to know.
package struct ProxyConfiguration: Sendable {
    /// A change of the sockets that the proxy accepts on.
    package enum ListenerChange: Sendable {
        /// A listening socket; the proxy owns the descriptor from here.
        case adopt(descriptor: Int32, address: String)
        case release(address: String)
    }

    /// Where the supervisor speaks to the proxy. Its directory must be private to the user, or is made so.
    package var controlSocket: String
    /// Where the route table is kept.
    package var tableFile: String
    /// Event loops for requests.
    package var loops: Int
    package var limits: ProxyLimits
    /// How long requests and tunnels may take when the proxy stops.
    package var grace: Duration
    /// The sockets to accept on, as they come. When this ends, whoever holds the sockets is gone, and the proxy stops.
    package var listeners: AsyncStream<ListenerChange>
    /// Called when the table is loaded and the control socket answers.
    package var onServing: @Sendable () -> Void
    /// Hears what an operator should know, a line at a time.
    package var report: @Sendable (String) -> Void

    package init(
        controlSocket: String, tableFile: String, loops: Int = 1, limits: ProxyLimits = ProxyLimits(),
        grace: Duration = .seconds(30), listeners: AsyncStream<ListenerChange>,
        onServing: @escaping @Sendable () -> Void = {}, report: @escaping @Sendable (String) -> Void
    ) {
        self.controlSocket = controlSocket
        self.tableFile = tableFile
        self.loops = loops
        self.limits = limits
        self.grace = grace
        self.listeners = listeners
        self.onServing = onServing
        self.report = report
    }
}

/// The proxy as a process.
package enum ProxyRole {
    /// Serves until SIGTERM or SIGINT arrives or the stream of listeners ends; then drains, and returns.
    /// - Throws: `ProxyError`, whose `exitStatus` is what the process should end with.
    package static func run(configuration: ProxyConfiguration) async throws {
        // A peer that is gone is an error of the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        let signals = signalStream([SIGTERM, SIGINT])
        let server = try ProxyServer(
            controlSocket: configuration.controlSocket, tableFile: configuration.tableFile,
            loops: configuration.loops, limits: configuration.limits)
        try await server.start()
        configuration.onServing()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await follow(configuration, server) }
            group.addTask {
                for await number in signals {
                    configuration.report("signal \(number): the proxy drains and stops")
                    return
                }
            }
            await group.next()
            group.cancelAll()
        }
        try await server.shutdown(grace: configuration.grace)
    }

    private static func follow(_ configuration: ProxyConfiguration, _ server: ProxyServer) async {
        for await change in configuration.listeners {
            do {
                switch change {
                case .adopt(let descriptor, let address):
                    try await server.adopt(listener: descriptor, address: address)
                    configuration.report("accepting on \(address)")
                case .release(let address):
                    try await server.release(address: address)
                    configuration.report("no longer accepting on \(address)")
                }
            } catch {
                configuration.report("\(error)")
            }
        }
        if !Task.isCancelled {
            configuration.report("the listening sockets' owner is gone: the proxy drains and stops")
        }
    }

    private static func signalStream(_ numbers: [Int32]) -> AsyncStream<Int32> {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingNewest(1))
        let sources = SignalSources(numbers) { continuation.yield($0) }
        continuation.onTermination = { _ in sources.cancel() }
        return stream
    }
}

/// Turns signals into calls.
///
/// Sendable: the sources are made and resumed in the initializer and afterwards only cancelled, which Dispatch allows
/// from any thread.
private final class SignalSources: @unchecked Sendable {
    private let sources: [any DispatchSourceSignal]

    init(_ numbers: [Int32], _ onSignal: @escaping @Sendable (Int32) -> Void) {
        sources = numbers.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { onSignal(number) }
            source.resume()
            return source
        }
    }

    func cancel() {
        for source in sources { source.cancel() }
    }
}
