package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway abort`.
package struct AbortCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "abort",
        abstract: "Stop the deployment and go back to what stood before.",
        discussion: """
            After a commit, while the new releases are watched, it takes the deployment back with a new one.

            Examples:
              slipway abort production --reason "wrong branch"
              slipway abort --accept     (whatever the migration did to the data)

            Exit codes: 3 reverted, 1 there was nothing to abort.
            """)

    @OptionGroup package var common: CommonOptions

    @Flag(help: "Go back across a migration that is not declared compatible.")
    package var accept = false

    @Option(help: "Why; kept in the journal.")
    package var reason: String = ""

    package init() {}

    package func run() async throws {
        try await reportingErrors(common.output) {
            let environment = try resolveEnvironment(common)
            return try await Session.open(common, startIfNeeded: false) { session in
                let reply = try await session.client.command(
                    environment, CommandRequest(verb: .abort, reason: reason, accept: accept, by: session.user))
                guard reply.outcome == "accepted", let number = reply.deployment else {
                    return try reply.conclude(common.output, done: "")
                }
                return try await follow(number, environment, session, common.output)
            }
        }
    }
}
