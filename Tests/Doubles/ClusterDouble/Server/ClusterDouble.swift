import AsyncHTTPClient
import FoundationEssentials
import HTTPTypes
import Hummingbird
package import KubernetesAPI
import KubernetesObjects
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// An API server with the controllers of a cluster, for tests: it answers over HTTP as a real one does. What it does
/// not know it refuses. It is held to the suite that real servers are held to.
package final class ClusterDouble: Sendable {
    package let cluster: Cluster
    package let port: Int
    private let running: Task<Void, Never>
    private let working: Task<Void, Never>
    private let desk: RequestDesk

    private init(_ cluster: Cluster, _ desk: RequestDesk, _ port: Int, _ running: Task<Void, Never>) {
        self.cluster = cluster
        self.desk = desk
        self.port = port
        self.running = running
        working = Task { await cluster.work() }
    }

    /// Listens on a free port of the loopback interface.
    package static func start(
        _ settings: ClusterSettings = ClusterSettings(), faults: FaultPlan = FaultPlan()
    ) async throws -> ClusterDouble {
        let cluster = Cluster(settings)
        let desk = RequestDesk(cluster, faults)
        try await desk.begin()
        let (ports, told) = AsyncStream.makeStream(of: Int.self)
        var logger = Logger(label: "cluster-double")
        logger.logLevel = .critical
        let server = Application(
            responder: CallbackResponder { (request: Request, _: BasicRequestContext) in
                try await desk.respond(request)
            },
            configuration: .init(address: .hostname("127.0.0.1", port: 0), serverName: "double"),
            onServerRunning: { channel in
                told.yield(channel.localAddress?.port ?? 0)
                told.finish()
            }, logger: logger)
        let running = Task {
            // It ends by being cancelled; whatever else ends it shows in the test that asks it.
            do { try await server.run() } catch { told.finish() }
        }
        for await port in ports {
            cluster.kubelet?.serve(at: "http://127.0.0.1:\(port)")
            return ClusterDouble(cluster, desk, port, running)
        }
        throw Trouble()
    }

    /// It did not begin to listen.
    package struct Trouble: Error {}

    package func stop() async {
        await cluster.stop()
        working.cancel()
        // Programs end first: a server that stops must not meet new connections.
        await working.value
        await takeIn()
        running.cancel()
        await running.value
    }

    /// Connections are taken in one after the other: once this one is answered, none that came before is half open.
    private func takeIn() async {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/version")
        request.headers.add(name: "Connection", value: "close")
        // Whatever it answers.
        _ = try? await HTTPClient.shared.execute(request, timeout: .seconds(1))
    }

    package var access: ClusterAccess {
        ClusterAccess(name: "double", server: "http://127.0.0.1:\(port)", credential: .token("admin"))
    }

    /// Kills the program of a pod, by the pod's UID.
    /// - Returns: whether it ran.
    package func kill(_ uid: String) async -> Bool { await cluster.kubelet?.kill(uid) ?? false }

    /// Every request that changed something or tried to, as `POST /api/v1/…`.
    package var writes: [String] { desk.writes }
    /// How many requests came, watches included.
    package var requests: Int { desk.requests }
}

/// What goes wrong, and when.
package struct FaultPlan: Sendable {
    /// Asked for every request.
    package var fault: @Sendable (RequestMark) -> Fault?

    package init(_ fault: @escaping @Sendable (RequestMark) -> Fault? = { _ in nil }) { self.fault = fault }
}

/// One request that came.
package struct RequestMark: Sendable {
    /// From zero.
    package var index: Int
    package var method: String
    package var path: String
    package var isWatch: Bool
    package var isWrite: Bool { method != "GET" }
}

/// What goes wrong with a request.
package enum Fault: Sendable, Hashable {
    /// It is answered with this code, and nothing happens.
    case refuse(code: Int, retryAfter: Int? = nil, message: String = "the double refuses it")
    /// The connection is cut, and nothing happens.
    case cutBefore
    /// It happens, and the connection is cut.
    case cutAfter
    /// It is answered by a server that lags so many changes behind.
    case stale(UInt64)
    /// A watch that opens and tells nothing.
    case silent
}
