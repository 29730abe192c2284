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

    @Option(help: "Only this service; otherwise every one that waits.")
    package var service: String?

    package init() {}

    package func run() async throws {
        try await reportingErrors {
            let environment = try resolveEnvironment(common)
            return try await Session.open(common, startIfNeeded: false) { session in
                let reply = try await session.client.command(
                    environment,
                    CommandRequest(
                        verb: .pause, service: service.map { ServiceName($0) }, by: session.user))
                return try reply.conclude(common.output, done: "paused: slipway resume goes on")
            }
        }
    }
}
