package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway down`.
package struct DownCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "down",
        abstract: "Stop the services of an environment.",
        discussion: """
            Requests in flight are drained first. Releases, history and data stay: slipway up brings everything back.

            Examples:
              slipway down
              slipway shutdown        stops Slipway itself too
            """)

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func run() async throws {
        try await reportingErrors(common.output) {
            let environment = try resolveEnvironment(common)
            return try await Session.open(common, startIfNeeded: false) { session in
                let reply = try await session.client.command(
                    environment, CommandRequest(verb: .down, by: session.user))
                guard reply.outcome == "accepted" else { return try reply.conclude(common.output, done: "") }
                var report = try await session.client.status(environment)
                while report.services.contains(where: { !$0.instances.isEmpty }) {
                    report = try await session.client.status(environment, since: report.revision)
                }
                return try reply.conclude(common.output, done: "\(environment) is down; slipway up brings it back")
            }
        }
    }
}
