package import AsyncHTTPClient
package import Domain
import FoundationEssentials
import NIOCore
import NIOFoundationEssentialsCompat
import NIOHTTP1

/// Talks to the supervisor over its private Unix socket.
package struct SupervisorClient: Sendable {
    /// Of the interface; a supervisor with another one is told apart by the client, and says so itself.
    package static let apiVersion = 1

    private let http: HTTPClient
    private let socket: String
    private let version: String
    /// The name of the machine that the supervisor runs on; nil: this one.
    private let host: String?

    /// - Parameters:
    ///   - socket: path of the supervisor's socket, or of one that leads there.
    ///   - version: of this binary, told with every request.
    ///   - host: the name of the machine behind it, for messages; nil: this one.
    package init(http: HTTPClient, socket: String, version: String, host: String? = nil) {
        self.http = http
        self.socket = socket
        self.version = version
        self.host = host
    }

    package func version() async throws -> VersionReport { try await get("/v1/version") }
    package func environments() async throws -> EnvironmentsReport { try await get("/v1/environments") }

    /// - Parameter since: waits, up to some seconds, for a revision above this one.
    package func status(_ environment: EnvironmentID, since: UInt64? = nil) async throws -> StatusReport {
        try await get(path(environment, "status" + (since.map { "?since=\($0)" } ?? "")), timeout: .seconds(40))
    }

    package func plan(_ request: DeployRequest) async throws -> PlanReport {
        try await post(path(request.project.environment, "plan"), request)
    }

    package func deploy(_ request: DeployRequest) async throws -> CommandReply {
        // Hooks run before the answer.
        try await post(path(request.project.environment, "deploy"), request, timeout: .hours(2))
    }

    package func rollback(_ environment: EnvironmentID, _ request: RollbackRequest) async throws -> CommandReply {
        try await post(path(environment, "rollback"), request)
    }

    package func planRollback(_ environment: EnvironmentID, _ request: RollbackRequest) async throws -> PlanReport {
        try await post(path(environment, "rollback/plan"), request)
    }

    package func command(_ environment: EnvironmentID, _ request: CommandRequest) async throws -> CommandReply {
        try await post(path(environment, "command"), request)
    }

    package func history(_ environment: EnvironmentID, limit: Int) async throws -> HistoryReport {
        try await get(path(environment, "history?limit=\(limit)"))
    }

    package func events(_ environment: EnvironmentID, after: Int64, limit: Int) async throws -> EventsReport {
        try await get(path(environment, "events?after=\(after)&limit=\(limit)"))
    }

    /// - Parameters:
    ///   - lines: at most so many of the last.
    ///   - after: only lines after this time, in milliseconds since 1970.
    package func logs(
        _ environment: EnvironmentID, service: ServiceName?, release: ReleaseNumber?, lines: Int, after: Int64?,
        ofMigrations: Bool = false
    ) async throws -> LogsReport {
        var query = "logs?lines=\(lines)"
        if let service { query += "&service=\(service)" }
        if let release { query += "&release=\(release)" }
        if let after { query += "&after=\(after)" }
        if ofMigrations { query += "&of=migrations" }
        return try await get(path(environment, query))
    }

    package func quarantine(_ environment: EnvironmentID) async throws -> QuarantineReport {
        try await get(path(environment, "quarantine"))
    }

    package func quarantine(
        _ environment: EnvironmentID, _ request: QuarantineRequest
    ) async throws -> CommandReply {
        try await post(path(environment, "quarantine"), request)
    }

    /// What the gates of a deployment saw, oldest first.
    /// - Parameter after: a place in the journal before the deployment began.
    package func evidence(
        _ environment: EnvironmentID, of deployment: DeploymentNumber, after: Int64
    ) async throws -> EvidenceReport {
        try await get(path(environment, "evidence?deployment=\(deployment.value)&after=\(after)"))
    }

    /// How much of an artifact the supervisor has.
    package func artifact(_ digest: ContentDigest) async throws -> ArtifactReport {
        try await get("/v1/artifacts/\(digest.hex)")
    }

    /// Sends a piece of an artifact, of at most `ArtifactReport.pieceLimit` bytes.
    /// - Parameter size: of the whole artifact.
    package func send(
        _ piece: [UInt8], at offset: Int64, of digest: ContentDigest, size: Int64
    ) async throws -> ArtifactReport {
        var request = request("/v1/artifacts/\(digest.hex)?offset=\(offset)&size=\(size)")
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/octet-stream")
        request.body = .bytes(ByteBuffer(bytes: piece))
        // Even a slow line carries a piece in this time.
        return try await send(request, .minutes(10))
    }

    package func verify(_ request: DeployRequest) async throws -> VerifyReport {
        try await post(path(request.project.environment, "verify"), request, timeout: .minutes(10))
    }

    /// Sends a test over each channel, once.
    package func testNotify(_ environment: EnvironmentID, _ request: NotifyTestRequest) async throws -> NotifyTestReport
    {
        try await post(path(environment, "notify/test"), request, timeout: .minutes(5))
    }

    /// Lets the supervisor go on with another executable; proxy, instances and connections stay.
    package func restart(program: String) async throws -> CommandReply {
        try await post("/v1/restart", RestartRequest(program: program), timeout: .seconds(60))
    }

    /// Stops everything: instances, proxy, supervisor, keeper.
    package func shutdown() async throws -> CommandReply {
        try await post("/v1/shutdown", CommandRequest(verb: .down, by: ""), timeout: .minutes(2))
    }

    private func path(_ environment: EnvironmentID, _ rest: String) -> String {
        "/v1/environments/\(environment.project)/\(environment.name)/\(rest)"
    }

    private func get<Answer: Decodable>(_ path: String, timeout: TimeAmount = .seconds(30)) async throws -> Answer {
        try await send(request(path), timeout)
    }

    private func post<Answer: Decodable>(
        _ path: String, _ body: some Encodable, timeout: TimeAmount = .seconds(60)
    ) async throws -> Answer {
        var request = request(path)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
        return try await send(request, timeout)
    }

    private func request(_ path: String) -> HTTPClientRequest {
        let escaped = socket.utf8.map { byte -> String in
            let isPlain = (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
            let hex = String(byte, radix: 16, uppercase: true)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + (hex.utf8.count == 1 ? "0" : "") + hex
        }
        var request = HTTPClientRequest(url: "http+unix://\(escaped.joined())\(path)")
        request.headers.add(name: "x-slipway-version", value: version)
        return request
    }

    private func send<Answer: Decodable>(_ request: HTTPClientRequest, _ timeout: TimeAmount) async throws -> Answer {
        let response: HTTPClientResponse
        do {
            response = try await http.execute(request, timeout: timeout)
        } catch {
            throw SupervisorError(
                code: "unreachable",
                message: host.map { "the supervisor on \($0) does not answer: \(error)" }
                    ?? "the supervisor does not answer on \(socket): \(error)",
                hint: host.map { "slipway host check \($0) shows what is wrong" }
                    ?? "is it running? slipway doctor shows; slipway up starts it")
        }
        let body = try await response.body.collect(upTo: 64 << 20)
        if (200..<300).contains(response.status.code) {
            do { return try JSONDecoder().decode(Answer.self, from: Data(buffer: body)) } catch {
                let other = response.headers.first(name: "x-slipway-version") ?? "unknown"
                throw SupervisorError(
                    code: "version",
                    message: "cannot read the supervisor's answer (it runs version \(other), "
                        + "this is \(version)): \(error)",
                    hint: host.map { "bring that machine up to date: slipway host upgrade \($0)" }
                        ?? "restart it with this binary: slipway restart")
            }
        }
        let report: ErrorReport
        do { report = try JSONDecoder().decode(ErrorReport.self, from: Data(buffer: body)) } catch {
            report = ErrorReport(
                code: "http", message: "the supervisor answered \(response.status): \(String(buffer: body))")
        }
        throw SupervisorError(code: report.code, message: report.message, hint: report.hint)
    }
}

/// What the supervisor, or the way to it, said no to.
package struct SupervisorError: Error, Hashable, Sendable, CustomStringConvertible {
    package var code: String
    package var message: String
    package var hint: String
    package init(code: String, message: String, hint: String = "") {
        self.code = code
        self.message = message
        self.hint = hint
    }
    package var description: String { hint.isEmpty ? message : "\(message)\n  \(hint)" }
}
