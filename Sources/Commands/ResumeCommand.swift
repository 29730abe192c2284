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
                        verb: .resume, service: service.map { ServiceName($0) }, by: session.user))
                return try reply.conclude(common.output, done: "resumed")
            }
        }
    }
}
