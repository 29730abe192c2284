import Deployments
import Domain
import Engine
import FoundationEssentials
import HTTPTypes
package import Hummingbird
package import Logging
import NIOCore
import NIOFoundationEssentialsCompat
import Ports
import SupervisorAPI
import Synchronization

/// The supervisor's interface: HTTP and JSON on a private Unix socket, or on a port with a door that asks for tokens.
package struct SupervisorServer: Sendable {
    private let desk: SupervisorDesk

    package init(_ desk: SupervisorDesk) { self.desk = desk }

    /// The application, ready to run.
    /// - Parameters:
    ///   - socket: its path; whoever may reach it may command, so its directory must be private.
    ///   - onRunning: called when it listens.
    package func application(
        socket: String, logger: Logger, onRunning: @escaping @Sendable () async -> Void
    ) -> some ApplicationProtocol {
        let router = Router(context: PeerContext.self)
        router.add(middleware: ErrorsAsJSON(version: desk.about.version, others: OtherVersions(logger: logger)))
        addReading(router)
        addAsking(router)
        addHandover(router)
        addHouse(router)
        addArtifacts(router)
        return application(router, socket: socket, logger: logger, onRunning: onRunning)
    }

    /// The same on a port, for whoever shows a token; without artifacts, and without what ends or replaces the server.
    /// - Parameter onRunning: called with the port when it listens.
    package func application(
        host: String, port: Int, door: TokenDoor, logger: Logger,
        onRunning: @escaping @Sendable (Int) async -> Void
    ) -> some ApplicationProtocol {
        let router = Router(context: PeerContext.self)
        router.add(middleware: ErrorsAsJSON(version: desk.about.version, others: OtherVersions(logger: logger)))
        router.add(middleware: DoorKeeper(door: door))
        addReading(router)
        addAsking(router)
        addHandover(router)
        return Application(
            router: router, configuration: .init(address: .hostname(host, port: port), serverName: "slipway"),
            onServerRunning: { await onRunning($0.localAddress?.port ?? port) }, logger: logger)
    }

    /// A second door for people who may answer approvals and nothing else: versions, environments, status, approve and
    /// reject. Who may reach its socket is told by the directory that it stands in.
    package func approvals(
        socket: String, logger: Logger, onRunning: @escaping @Sendable () async -> Void
    ) -> some ApplicationProtocol {
        let desk = desk
        let router = Router(context: PeerContext.self)
        router.add(middleware: ErrorsAsJSON(version: desk.about.version, others: OtherVersions(logger: logger)))
        addStanding(router)
        router.post("/v1/environments/:project/:name/command") { request, context in
            var asked: CommandRequest = try await read(request)
            asked.by = try await context.user()
            switch asked.verb {
            case .approve, .reject: return try json(try await desk.command(try id(context), asked))
            case .promote, .pause, .resume, .abort, .retry, .down, .migrate, .scale:
                throw PortError(.invalid, "this socket takes approvals only, not \(asked.verb.rawValue)")
            }
        }
        return application(router, socket: socket, logger: logger, onRunning: onRunning)
    }

    private func application(
        _ router: Router<PeerContext>, socket: String, logger: Logger, onRunning: @escaping @Sendable () async -> Void
    ) -> some ApplicationProtocol {
        Application(
            router: router, configuration: .init(address: .unixDomainSocket(path: socket), serverName: "slipway"),
            onServerRunning: { _ in await onRunning() }, logger: logger)
    }

    private func addStanding(_ router: Router<PeerContext>) {
        let desk = desk
        router.get("/v1/version") { _, _ in try json(desk.about) }
        router.get("/v1/environments") { _, _ in
            try json(EnvironmentsReport(environments: desk.engine.current.environments.map(\.id)))
        }
        router.get("/v1/environments/:project/:name/status") { request, context in
            try json(
                try await desk.status(try id(context), since: request.uri.queryParameters.get("since", as: UInt64.self))
            )
        }
    }

    private func addReading(_ router: Router<PeerContext>) {
        addStanding(router)
        let desk = desk
        let environment = "/v1/environments/:project/:name"
        router.get("\(environment)/history") { request, context in
            try json(
                try await desk.history(
                    try id(context), limit: request.uri.queryParameters.get("limit", as: Int.self) ?? 20))
        }
        router.get("\(environment)/events") { request, context in
            let query = request.uri.queryParameters
            return try json(
                try await desk.events(
                    try id(context), after: query.get("after", as: Int64.self) ?? 0,
                    limit: query.get("limit", as: Int.self) ?? 100))
        }
        router.get("\(environment)/logs") { request, context in
            let query = request.uri.queryParameters
            return try json(
                try await desk.logs(
                    ofMigrations: query.get("of") == "migrations",
                    LogQuery(
                        environment: try id(context), service: query.get("service").map { ServiceName($0) },
                        release: query.get("release", as: Int.self).map { ReleaseNumber($0) },
                        lines: query.get("lines", as: Int.self) ?? 100, after: query.get("after", as: Int64.self))))
        }
        router.get("\(environment)/evidence") { request, context in
            let query = request.uri.queryParameters
            return try json(
                try await desk.evidence(
                    try id(context), of: DeploymentNumber(query.get("deployment", as: Int.self) ?? 0),
                    after: query.get("after", as: Int64.self) ?? 0))
        }
        router.get("\(environment)/quarantine") { _, context in try json(desk.quarantine(try id(context))) }
    }

    private func addAsking(_ router: Router<PeerContext>) {
        let desk = desk
        let environment = "/v1/environments/:project/:name"
        router.post("\(environment)/plan") { request, context in
            try json(try await desk.plan(try await readProject(request, context)))
        }
        router.post("\(environment)/deploy") { request, context in
            var asked = try await readProject(request, context)
            asked.by = try await context.user()
            return try json(try await desk.deploy(asked))
        }
        router.post("\(environment)/verify") { request, context in
            try json(try await desk.verify(try await readProject(request, context)))
        }
        router.post("\(environment)/rollback") { request, context in
            var asked: RollbackRequest = try await read(request)
            asked.by = try await context.user()
            return try json(try await desk.rollback(try id(context), asked))
        }
        router.post("\(environment)/rollback/plan") { request, context in
            try json(try await desk.planRollback(try id(context), try await read(request)))
        }
        router.post("\(environment)/command") { request, context in
            var asked: CommandRequest = try await read(request)
            asked.by = try await context.user()
            return try json(try await desk.command(try id(context), asked))
        }
        router.post("\(environment)/quarantine") { request, context in
            var asked: QuarantineRequest = try await read(request)
            asked.by = try await context.user()
            return try json(try await desk.quarantine(try id(context), asked))
        }
        router.post("\(environment)/notify/test") { request, context in
            try json(await desk.testNotify(try id(context), try await read(request)))
        }
    }

    private func addHandover(_ router: Router<PeerContext>) {
        let desk = desk
        let handover = "/v1/environments/:project/:name/handover"
        router.get("\(handover)") { _, context in try json(try await desk.estate(of: try id(context))) }
        router.post("\(handover)/give") { _, context in
            try json(try await desk.give(try id(context), by: try await context.user()))
        }
        router.post("\(handover)/take") { request, context in
            try json(try await desk.take(try id(context), try await read(request), by: try await context.user()))
        }
    }

    /// What concerns the supervisor itself.
    private func addHouse(_ router: Router<PeerContext>) {
        let desk = desk
        router.post("/v1/restart") { request, _ in
            let asked: RestartRequest = try await read(request)
            try await desk.restart(asked.program)
            return try json(CommandReply(outcome: "accepted"))
        }
        router.post("/v1/shutdown") { _, _ in
            try await desk.shutdown()
            return try json(CommandReply(outcome: "accepted"))
        }
    }

    private func addArtifacts(_ router: Router<PeerContext>) {
        let desk = desk
        router.get("/v1/artifacts/:digest") { _, context in try json(try await desk.artifact(try digest(context))) }
        router.post("/v1/artifacts/:digest") { request, context in
            let query = request.uri.queryParameters
            guard let offset = query.get("offset", as: Int64.self), let size = query.get("size", as: Int64.self) else {
                throw PortError(.invalid, "a piece of an artifact needs its offset and the whole size")
            }
            let piece = try await request.body.collect(upTo: ArtifactReport.pieceLimit)
            return try json(
                try await desk.take(Array(piece.readableBytesView), at: offset, of: try digest(context), size: size))
        }
    }
}

private func digest(_ context: PeerContext) throws -> ContentDigest {
    let hex = try context.parameters.require("digest")
    guard let digest = ContentDigest("sha256:\(hex)") else {
        throw PortError(.invalid, "\(hex) is not the digest of an artifact")
    }
    return digest
}

private func id(_ context: PeerContext) throws -> EnvironmentID {
    let project = try context.parameters.require("project")
    let name = try context.parameters.require("name")
    guard isValidName(project), isValidName(name) else {
        throw PortError(.invalid, "\(project)/\(name) cannot name an environment")
    }
    return EnvironmentID(project: project, name: name)
}

private func read<Body: Decodable>(_ request: Request) async throws -> Body {
    let buffer = try await request.body.collect(upTo: 32 << 20)
    do { return try JSONDecoder().decode(Body.self, from: Data(buffer: buffer)) } catch {
        let other = request.headers[.slipwayVersion] ?? "unknown"
        throw PortError(
            .invalid, "cannot read the request of a client of version \(other): \(error)",
            hint: "use the same version on both sides: slipway restart")
    }
}

/// A project, which must be the one that the path names: that is what whoever asks may do.
private func readProject(_ request: Request, _ context: PeerContext) async throws -> DeployRequest {
    let asked: DeployRequest = try await read(request)
    let named = try id(context)
    guard asked.project.environment == named else {
        throw PortError(.invalid, "the path names \(named), and the project \(asked.project.environment)")
    }
    return asked
}

private func json(_ value: some Encodable) throws -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Response(
        status: .ok, headers: [.contentType: "application/json"],
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: try encoder.encode(value))))
}

extension HTTPField.Name {
    static let slipwayVersion = HTTPField.Name("x-slipway-version").unsafelyUnwrapped
}

/// Says in the log, once for each, that a client is of another version.
private final class OtherVersions: Sendable {
    private let told = Mutex<[String]>([])
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    func note(_ other: String, here: String) {
        let isNew = told.withLock { told in
            // What clients say of themselves must not fill the memory.
            guard !told.contains(other), told.count < 100 else { return false }
            told.append(other)
            return true
        }
        let text = String(other.unicodeScalars.prefix(40).map { $0.value < 0x20 ? "?" : Character($0) })
        if isNew { logger.warning("a client of version \(text) speaks with this supervisor of version \(here)") }
    }
}

/// Every failure has the same shape, and every answer says which version gave it.
private struct ErrorsAsJSON<Context: RequestContext>: RouterMiddleware {
    let version: String
    let others: OtherVersions

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        if let other = request.headers[.slipwayVersion], other != version { others.note(other, here: version) }
        var response: Response
        do {
            response = try await next(request, context)
        } catch let error as PortError {
            let report = ErrorReport(code: error.code.rawValue, message: error.message, hint: error.hint)
            response = try json(report)
            response.status = status(error.code)
        } catch let error as HTTPError {
            response = try json(ErrorReport(code: "http", message: error.body ?? "\(error.status)"))
            response.status = error.status
        } catch {
            response = try json(ErrorReport(code: "internal", message: "\(error)"))
            response.status = .internalServerError
        }
        response.headers[.slipwayVersion] = version
        return response
    }

    private func status(_ code: PortErrorCode) -> HTTPResponse.Status {
        switch code {
        case .stale: .conflict
        case .unavailable: .serviceUnavailable
        case .invalid: .badRequest
        case .notFound: .notFound
        case .storage, .incompatible: .internalServerError
        }
    }
}
