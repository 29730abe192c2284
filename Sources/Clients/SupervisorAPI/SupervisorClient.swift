package import Domain
import FoundationEssentials

/// Talks to a supervisor, whatever the way to it.
package struct SupervisorClient: Sendable {
    /// Of the interface; a supervisor with another one is told apart by the client, and says so itself.
    package static let apiVersion = 1

    private let way: any SupervisorWay
    private let version: String

    /// - Parameters:
    ///   - way: to the supervisor.
    ///   - version: of this binary, told with every request.
    package init(_ way: any SupervisorWay, version: String) {
        self.way = way
        self.version = version
    }

    package func version() async throws -> VersionReport { try await get("/v1/version") }
    package func environments() async throws -> EnvironmentsReport { try await get("/v1/environments") }

    /// - Parameter since: waits, up to some seconds, for a revision above this one.
    package func status(_ environment: EnvironmentID, since: UInt64? = nil) async throws -> StatusReport {
        try await get(path(environment, "status" + (since.map { "?since=\($0)" } ?? "")), seconds: 40)
    }

    package func plan(_ request: DeployRequest) async throws -> PlanReport {
        try await post(path(request.project.environment, "plan"), request)
    }

    package func deploy(_ request: DeployRequest) async throws -> CommandReply {
        // Hooks run before the answer.
        try await post(path(request.project.environment, "deploy"), request, seconds: 7200)
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

    /// Ends that an environment is driven by this supervisor, which starts again without it.
    package func give(_ environment: EnvironmentID) async throws -> CommandReply {
        try await send(SupervisorRequest(method: "POST", path: path(environment, "handover/give"), seconds: 60))
    }

    /// What is known of an environment that was given away.
    package func estate(_ environment: EnvironmentID) async throws -> EstateReport {
        try await get(path(environment, "handover"))
    }

    package func take(_ environment: EnvironmentID, _ estate: EstateReport) async throws -> CommandReply {
        try await post(path(environment, "handover/take"), estate)
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
        // Even a slow line carries a piece in ten minutes.
        try await send(
            SupervisorRequest(
                method: "POST", path: "/v1/artifacts/\(digest.hex)?offset=\(offset)&size=\(size)",
                type: "application/octet-stream", body: piece, seconds: 600))
    }

    package func verify(_ request: DeployRequest) async throws -> VerifyReport {
        try await post(path(request.project.environment, "verify"), request, seconds: 600)
    }

    /// Sends a test over each channel, once.
    package func testNotify(_ environment: EnvironmentID, _ request: NotifyTestRequest) async throws -> NotifyTestReport
    {
        try await post(path(environment, "notify/test"), request, seconds: 300)
    }

    /// Lets the supervisor go on with another executable; proxy, instances and connections stay.
    package func restart(program: String) async throws -> CommandReply {
        try await post("/v1/restart", RestartRequest(program: program), seconds: 60)
    }

    /// Stops everything: instances, proxy, supervisor, keeper.
    package func shutdown() async throws -> CommandReply {
        try await post("/v1/shutdown", CommandRequest(verb: .down, by: ""), seconds: 120)
    }

    private func path(_ environment: EnvironmentID, _ rest: String) -> String {
        "/v1/environments/\(environment.project)/\(environment.name)/\(rest)"
    }

    private func get<Answer: Decodable>(_ path: String, seconds: Int64 = 30) async throws -> Answer {
        try await send(SupervisorRequest(method: "GET", path: path, seconds: seconds))
    }

    private func post<Answer: Decodable>(
        _ path: String, _ body: some Encodable, seconds: Int64 = 60
    ) async throws -> Answer {
        try await send(
            SupervisorRequest(
                method: "POST", path: path, type: "application/json", body: [UInt8](try JSONEncoder().encode(body)),
                seconds: seconds))
    }

    private func send<Answer: Decodable>(_ request: SupervisorRequest) async throws -> Answer {
        var request = request
        request.version = version
        let answer = try await way.send(request)
        if (200..<300).contains(answer.status) {
            do { return try JSONDecoder().decode(Answer.self, from: Data(answer.body)) } catch {
                throw SupervisorError(
                    code: "version",
                    message: "cannot read the supervisor's answer (it runs version \(answer.version ?? "unknown"), "
                        + "this is \(version)): \(error)",
                    hint: way.updateHint)
            }
        }
        let report: ErrorReport
        do { report = try JSONDecoder().decode(ErrorReport.self, from: Data(answer.body)) } catch {
            let text = String(decoding: answer.body, as: UTF8.self)
            report = ErrorReport(code: "http", message: "the supervisor answered \(answer.status): \(text)")
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
