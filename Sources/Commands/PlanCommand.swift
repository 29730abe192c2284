package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway plan`: what a deploy would do.
package struct PlanCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show what a deploy would change, service by service.",
        discussion: """
            Packs the project's files and compares with what stands. Nothing is deployed.

            Examples:
              slipway plan
              slipway plan production --output json

            Exit codes: 0 it could be deployed, 1 it could not, 2 usage.
            """)

    @OptionGroup package var common: CommonOptions

    @Option(name: .customLong("service"), help: "Only these services: api,web; may be given again.")
    package var services: [String] = []

    package init() {}

    package func run() async throws {
        try await reportingErrors {
            let loaded = try loadProject(common)
            let only = try chosenServices(services, loaded)
            return try await Session.open(common, startIfNeeded: true) { session in
                let artifacts = try await packArtifacts(loaded, only: only, session: session) { _ in }
                let report = try await session.client.plan(
                    DeployRequest(project: loaded.project, artifacts: artifacts, by: session.user, only: only))
                if common.output == .json {
                    try printJSON(report)
                } else {
                    for line in PlanView(style: .forOutput()).lines(report) { print(line) }
                }
                return report.objections.isEmpty ? 0 : 1
            }
        }
    }
}
