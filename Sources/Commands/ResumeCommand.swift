package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway resume`.
package struct ResumeCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Go on with a paused rollout.",
        discussion: """
            Example:
              slipway resume production
            """)

    @OptionGroup package var common: CommonOptions

    @Argument(help: ArgumentHelp("Only this service; otherwise every one that is paused.", valueName: "service"))
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
                        verb: .resume, service: target.service, by: session.user))
                return try reply.conclude(common.output, done: "resumed")
            }
        }
    }
}
