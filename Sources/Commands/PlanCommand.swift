package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway plan`: what a deploy would do.
package struct PlanCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show what a deploy would change, service by service.",
        discussion: """
            Packs the project's files and compares with what stands: releases, differences field by field, waves, \
            strategies, gates. Nothing is deployed. The options are those of deploy.

            Examples:
              slipway plan
              slipway plan production --output json
              slipway plan production --from staging
              slipway plan --release api@14

            Exit codes: 0 it could be deployed, 1 it could not, 2 usage.
            """)

    @OptionGroup package var common: CommonOptions

    @OptionGroup package var options: DeployOptions

    package init() {}

    package func run() async throws {
        try await reportingErrors(common.output) {
            let loaded = try loadProject(common)
            return try await Session.open(common, startIfNeeded: true) { session in
                let request = try await options.request(loaded, session: session, common: common) { _ in }
                return try show(try await session.client.plan(request), common.output)
            }
        }
    }
}

/// Prints a plan; exit code 1 when it could not be carried out.
func show(_ report: PlanReport, _ output: OutputFormat) throws -> Int32 {
    if output == .json {
        try printJSON(report)
    } else {
        for line in PlanView(style: .forOutput()).lines(report) { print(line) }
    }
    return report.objections.isEmpty ? 0 : 1
}
