package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway pause`.
package struct PauseCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Stop a rollout where it stands, serving.",
        discussion: """
            Background gates go on looking, and a failing one still reverts.

            Example:
              slipway pause production
            """)

    @OptionGroup package var common: CommonOptions

    @Argument(help: ArgumentHelp("Only this service; otherwise every one under way.", valueName: "service"))
    package var only: String?

    @Option(help: "The same, as an option.")
    package var service: String?

    package init() {}

    package func run() async throws {
        try await reportingErrors(common.output) {
            let target = try resolveTarget(common, second: only, service: service)
            return try await Session.open(common, in: target.environment, startIfNeeded: false) { session in
                try await confirm(target.service, in: target.environment, session)
                let reply = try await session.client.command(
                    target.environment,
                    CommandRequest(
                        verb: .pause, service: target.service, by: session.user))
                return try reply.conclude(
                    common.output, done: "paused: slipway resume \(target.environment.name) goes on")
            }
        }
    }
}
