import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ProxyControl

/// The agent as a program: beside each proxy inside a cluster, in the place of a supervisor.
package struct AgentRole: Sendable {
    private let configuration: AgentConfiguration
    private let desk: AgentDesk

    package init(_ configuration: AgentConfiguration) {
        self.configuration = configuration
        desk = AgentDesk(configuration)
    }

    /// Until the task is cancelled.
    /// - Throws: when nobody can be told how the proxy is, because the port cannot be listened on.
    package func run() async throws {
        let (desk, server) = (desk, application)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for kind in AgentDesk.Kind.allCases { group.addTask { await desk.watch(kind) } }
            group.addTask { await desk.lead() }
            group.addTask { await desk.look() }
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Reading only: there is nothing to be ordered here.
    private var application: some ApplicationProtocol {
        let desk = desk
        let router = Router(context: BasicRequestContext.self)
        router.get("ready") { _, _ in
            let isReady = await desk.isReady
            return Response(
                status: isReady ? .ok : .serviceUnavailable, headers: [.contentType: "text/plain"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: isReady ? "ready\n" : "not yet\n")))
        }
        router.get("snapshot") { _, _ in
            let body = try JSONEncoder().encode(await desk.report)
            return Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
        }
        router.get("snapshots") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/x-ndjson"],
                body: ResponseBody { writer in
                    let (reader, lines) = await desk.lines()
                    do {
                        for await line in lines { try await writer.write(ByteBuffer(bytes: line)) }
                        await desk.letGo(reader)
                        try await writer.finish(nil)
                    } catch {
                        await desk.letGo(reader)
                        throw error
                    }
                })
        }
        var logger = Logger(label: "agent")
        logger.logLevel = .error
        return Application(
            router: router,
            configuration: .init(
                address: .hostname(configuration.address, port: configuration.port), serverName: "slipway"),
            logger: logger)
    }
}
