package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway up`: starts Slipway where it does not run, and the project's services.
package struct UpCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Start everything: Slipway, and the project's services as the manifest says.",
        discussion: """
            Starts Slipway for this user when it does not run, deploys what changed and brings back what was taken down.

            Examples:
              slipway up
              slipway up dev --file Examples/shop/slipway.yaml

            Exit codes: as for deploy.
            """)

    @OptionGroup package var common: CommonOptions

    @Option(help: "Do not look at the machine first, for this reason; kept in the journal.")
    package var skipPreflight: String?

    package init() {}

    package func run() async throws {
        try await reportingErrors(common.output) {
            let loaded = try loadProject(common)
            return try await Session.open(common, startIfNeeded: true) { session in
                let code = try await deployAndFollow(
                    loaded, try DeployOptions.parse([]), reason: "up", session: session, common: common, wait: true,
                    detach: false, skipPreflight: try reasonGiven(skipPreflight))
                // After a stop everything may stand already and yet have to be started again.
                var report = try await session.client.status(loaded.environment)
                let deadline = ContinuousClock.now + .seconds(60)
                while code == 0, ContinuousClock.now < deadline, !report.services.allSatisfy(\.isServing) {
                    report = try await session.client.status(loaded.environment, since: report.revision)
                }
                if code == 0, common.output == .text {
                    for line in StatusView(style: .forOutput()).lines(report) { print(line) }
                }
                return code
            }
        }
    }
}
