package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway verify`: the gates, asked on what stands.
package struct VerifyCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Ask the gates on the stable releases, one look each.",
        discussion: """
            Examples:
              slipway verify
              slipway verify production --service api

            Exit codes: 0 every gate passes, 1 one does not.
            """)

    @OptionGroup package var common: CommonOptions

    @Option(name: .customLong("service"), help: "Only these services: api,web; may be given again.")
    package var services: [String] = []

    package init() {}

    package func run() async throws {
        try await reportingErrors(common.output) {
            let loaded = try loadProject(common)
            let only = try chosenServices(services, loaded)
            return try await Session.open(common, startIfNeeded: false) { session in
                let report = try await session.client.verify(
                    DeployRequest(
                        project: loaded.project, artifacts: [], by: session.user, only: only))
                if common.output == .json {
                    try printJSON(report)
                } else {
                    for line in VerifyView(style: .forOutput()).lines(report) { print(line) }
                }
                return report.isGood ? 0 : 1
            }
        }
    }
}
