package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway promote`.
package struct PromoteCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "End a hold: the rollout goes on.",
        discussion: """
            Skipping a gate that has not answered needs its own flag and a reason, and is journaled.

            Examples:
              slipway promote
              slipway promote production --service api
              slipway promote --skip-gate --reason "the smoke test itself is broken, see #90"
            """)

    @OptionGroup package var common: CommonOptions

    @Option(help: "Only this service; otherwise every one that waits.")
    package var service: String?

    @Flag(help: "Skip the gate that is asked now.")
    package var skipGate = false

    @Option(help: "Why; kept in the journal.")
    package var reason: String = ""

    package init() {}

    package func run() async throws {
        try await reportingErrors {
            let environment = try resolveEnvironment(common)
            return try await Session.open(common, startIfNeeded: false) { session in
                let reply = try await session.client.command(
                    environment,
                    CommandRequest(
                        verb: .promote, service: service.map { ServiceName($0) }, reason: reason, skipGate: skipGate,
                        by: session.user))
                return try reply.conclude(common.output, done: "promoted: slipway status --follow shows how it goes on")
            }
        }
    }
}
