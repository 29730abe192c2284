package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway rollback`: deploys earlier releases again.
package struct RollbackCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Go back: to what stood before the last deployment, or to what stood after an earlier one.",
        discussion: """
            A release that is still warm takes over at once; another one is started from its kept files. No checkout is \
            needed. The releases have passed their gates before: none is asked.

            Examples:
              slipway rollback
              slipway rollback production --to 36
              slipway rollback --service api
              slipway rollback --service api --release 14
              slipway rollback --accept            (across a migration that is not declared compatible)

            Exit codes: 0 done, 1 refused, 3 the rollback itself was reverted.
            """)

    @OptionGroup package var common: CommonOptions

    @Option(help: "To what stood after this deployment.")
    package var to: Int?

    @Option(help: "Only this service.")
    package var service: String?

    @Option(help: "With --service: to this release.")
    package var release: Int?

    @Flag(help: "Go back across migrations that are not declared compatible.")
    package var accept = false

    @Option(help: "Why; kept in the journal.")
    package var reason: String = ""

    package init() {}

    package func validate() throws {
        if release != nil, service == nil { throw ValidationError("--release needs --service") }
        if release != nil, to != nil { throw ValidationError("--release and --to exclude each other") }
    }

    package func run() async throws {
        try await reportingErrors {
            let environment = try resolveEnvironment(common)
            return try await Session.open(common, startIfNeeded: false) { session in
                try await confirm(service.map { ServiceName($0) }, in: environment, session)
                let reply = try await session.client.rollback(
                    environment,
                    RollbackRequest(
                        to: to.map { DeploymentNumber($0) }, service: service.map { ServiceName($0) },
                        release: release.map { ReleaseNumber($0) }, by: session.user, reason: reason, accept: accept))
                guard reply.outcome == "accepted", let number = reply.deployment else {
                    return try reply.conclude(common.output, done: "")
                }
                return try await follow(number, environment, session, common.output)
            }
        }
    }
}
