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
              slipway history --of 37
              slipway history --output json
            """)

    @OptionGroup package var common: CommonOptions

    @Option(help: "How many deployments.")
    package var limit = 20

    @Option(name: .customLong("of"), help: "The story of this deployment.")
    package var number: Int?

    package init() {}

    package func run() async throws {
        try await reportingErrors {
            let environment = try resolveEnvironment(common)
            return try await Session.open(common, startIfNeeded: false) { session in
                if let number { return try await story(DeploymentNumber(number), environment, session) }
                let report = try await session.client.history(environment, limit: limit)
                if common.output == .json {
                    try printJSON(report)
                } else {
                    for line in lines(report, .forOutput()) { print(line) }
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
        if common.output == .json {
            try printJSON(EventsReport(events: events))
        } else if events.isEmpty {
            throw SupervisorError(
                code: "not-found", message: "nothing is known of deployment \(number)", hint: "slipway history")
        } else {
            let view = EventLines(style: .forOutput())
            for event in events { print(view.line(event)) }
        }
        return 0
    }

    private func lines(_ report: HistoryReport, _ style: Style) -> [String] {
        if report.deployments.isEmpty { return ["nothing was deployed yet"] }
        return report.deployments.flatMap { deployment -> [String] in
            let took = deployment.ended.map { Span(milliseconds: $0 - deployment.started).rounded } ?? "under way"
            let tone: Style.Tone = deployment.phase == "committed" ? .green : deployment.isOver ? .red : .blue
            let items = deployment.items.map { item in
                "\(item.service) " + (item.from.map { "@\($0)\(style.sign("→", "->"))" } ?? "") + "@\(item.to)"
            }.joined(separator: ", ")
            var lines = [
                "\(padded("\(deployment.number)", 5)) \(calendarTime(deployment.started))  "
                    + "\(padded(style.paint(deployment.phase, tone), 10))  \(padded(took, 8))  "
                    + "\(deployment.kind) by \(deployment.by)  \(items)"
            ]
            if !deployment.reason.isEmpty { lines[0] += "  \(style.paint(deployment.reason, .dim))" }
            if let failure = deployment.failure {
                let blamed = deployment.failedService.map { "\($0): " } ?? ""
                lines.append("      " + style.paint("\(blamed)\(failure)", .red))
            }
            return lines
        }
    }
}
