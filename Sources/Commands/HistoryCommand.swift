package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway history`: what was deployed, and the story of one deployment.
package struct HistoryCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show past deployments, or the story of one.",
        discussion: """
            Examples:
              slipway history
              slipway history production --limit 50
              slipway history 37              the story of deployment #37
              slipway history production 37
              slipway history --output json
            """)

    @OptionGroup package var common: CommonOptions

    @Option(help: "How many deployments.")
    package var limit = 20

    @Argument(help: ArgumentHelp("The story of this deployment.", valueName: "number"))
    package var second: Int?

    @Option(name: .customLong("of"), help: "The same, as an option.")
    package var number: Int?

    package init() {}

    package func run() async throws {
        try await reportingErrors(common.output) {
            var common = common
            var number = number ?? second
            // `slipway history 37`: the only word is the number.
            if number == nil, let alone = Int(common.environment) {
                number = alone
                common.environment = CommonOptions.defaultEnvironment
            }
            guard limit > 0 else { throw usageError("--limit must be at least 1") }
            let environment = try resolveEnvironment(common)
            return try await Session.open(common, startIfNeeded: false) { session in
                if let number { return try await story(DeploymentNumber(number), environment, session) }
                let report = try await session.client.history(environment, limit: limit)
                if common.output == .json {
                    try printJSON(report)
                } else {
                    for line in HistoryView(style: .forOutput()).lines(report) { print(line) }
                }
                return 0
            }
        }
    }

    private func story(
        _ number: DeploymentNumber, _ environment: EnvironmentID, _ session: Session
    ) async throws -> Int32 {
        let all = try await session.client.events(environment, after: 0, limit: 5000).events
        let events = all.filter { $0.event.deployment == number }
        guard let first = events.first else {
            throw SupervisorError(
                code: "not-found", message: "nothing is known of deployment \(number) in \(environment)",
                hint: "slipway history \(environment.name) shows those that are")
        }
        let evidence = try await GateEvidence.read(session.client, environment, of: number, after: first.sequence)
        if common.output == .json {
            try printJSON(StoryReport(events: events, looks: evidence.map(StoryReport.Look.init)))
            return 0
        }
        for line in EventLines(style: .forOutput()).story(events, evidence) { print(line) }
        return 0
    }
}

/// The story of a deployment, for programs.
private struct StoryReport: Encodable {
    /// One look of a gate.
    struct Look: Encodable {
        /// Its place in the journal, among those of the events.
        var sequence: Int64
        var service: ServiceName
        var gate: GateName
        var look: Int
        var result: LookResult

        init(_ evidence: GateEvidence) {
            sequence = evidence.sequence
            service = evidence.service
            gate = evidence.gate
            look = evidence.look
            result = evidence.result
        }
    }

    var events: [EventReport]
    var looks: [Look]
}
