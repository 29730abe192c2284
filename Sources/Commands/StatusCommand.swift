package import ArgumentParser
import SupervisorAPI

/// `slipway status`: what stands and what goes on.
package struct StatusCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what stands and what goes on.",
        discussion: """
            Signs: ● ready, ○ starting, ◐ not ready, ◌ leaving, ✗ failed.

            Examples:
              slipway status
              slipway status production --follow
              slipway status --output json
              slipway status --follow --output json      (a line of JSON for every change)

            Exit codes: 0 shown, 1 failed, 4 a rollout, or a watch that failed, waits for a person.
            """)

    @OptionGroup package var common: CommonOptions

    @Flag(name: .shortAndLong, help: "Keep showing; Ctrl-C stops showing, nothing else.")
    package var follow = false

    package init() {}

    package func run() async throws {
        try await reportingErrors(common.output) {
            let environment = try resolveEnvironment(common)
            return try await Session.open(common, startIfNeeded: false) { session in
                let report = try await session.client.status(environment)
                if follow, common.output == .json {
                    return try await stream(report, session)
                }
                if follow {
                    return try await Follower(
                        session: session, environment: environment, deployment: report.deployment?.number
                    ).run()
                }
                if common.output == .json {
                    try printJSON(report)
                } else {
                    for line in StatusView(style: .forOutput()).lines(report) { print(line) }
                }
                let waits = report.services.contains { $0.rollout?.waitsSince != nil || $0.watch?.waitsSince != nil }
                return waits ? 4 : 0
            }
        }
    }

    /// Every change as a line, until the deployment that was under way at the start is over.
    private func stream(_ first: StatusReport, _ session: Session) async throws -> Int32 {
        var report = first
        try printJSONLine(report)
        while first.deployment == nil || report.deployment?.number == first.deployment?.number {
            report = try await session.client.status(first.environment, since: report.revision)
            try printJSONLine(report)
        }
        return report.last?.phase == "committed" ? 0 : 3
    }
}
