package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway retry`.
package struct RetryCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Try the last deployment again, or a revert that is stuck.",
        discussion: """
            The releases are the same as before. One that is in quarantine needs a person's word first: slipway \
            quarantine lift.

            Example:
              slipway retry production --reason "the database is back"
            """)

    @OptionGroup package var common: CommonOptions

    @Option(help: "Why; kept in the journal.")
    package var reason: String = ""

    package init() {}

    package func run() async throws {
        try await reportingErrors(common.output) {
            let environment = try resolveEnvironment(common)
            return try await Session.open(common, startIfNeeded: false) { session in
                let reply = try await session.client.command(
                    environment, CommandRequest(verb: .retry, reason: reason, by: session.user))
                guard reply.outcome == "accepted", let number = reply.deployment else {
                    return try reply.conclude(common.output, done: "")
                }
                return try await follow(number, environment, session, common.output)
            }
        }
    }
}
