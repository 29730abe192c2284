package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway promote`.
package struct PromoteCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "End a hold: the rollout goes on.",
        discussion: """
            After a commit it ends the watch of what was promoted, also of one that failed and waits: the release is kept.

            Skipping a gate that has not answered needs its own flag and a reason, and is journaled.

            Examples:
              slipway promote
              slipway promote api
              slipway promote production api
              slipway promote --skip-gate --reason "the test is broken, see #90"
            """)

    @OptionGroup package var common: CommonOptions

    @Argument(help: ArgumentHelp("Only this service; otherwise every one that waits.", valueName: "service"))
    package var only: String?

    @Option(help: "The same, as an option.")
    package var service: String?

    @Flag(help: "Skip the gate that is asked now.")
    package var skipGate = false

    @Option(help: "Why; kept in the journal.")
    package var reason: String = ""

    package init() {}

    package func validate() throws {
        if skipGate, reason.isEmpty { throw ValidationError("--skip-gate needs --reason: it is journaled") }
    }

    package func run() async throws {
        try await reportingErrors(common.output) {
            let target = try resolveTarget(common, second: only, service: service)
            return try await Session.open(common, in: target.environment, startIfNeeded: false) { session in
                try await confirm(target.service, in: target.environment, session)
                let reply = try await session.client.command(
                    target.environment,
                    CommandRequest(
                        verb: .promote, service: target.service, reason: reason, skipGate: skipGate,
                        by: session.user))
                return try reply.conclude(
                    common.output,
                    done: "promoted: slipway status \(target.environment.name) --follow shows how it goes on")
            }
        }
    }
}
