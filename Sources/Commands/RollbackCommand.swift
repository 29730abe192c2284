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
            needed. The releases have passed their gates before: none is asked. Without options it goes to what stood \
            before the last deployment; --to names an earlier one, and brings the whole environment back to what stood \
            after it. Services that did not stand then are left running, unless --take-down.

            Examples:
              slipway rollback
              slipway rollback production --to 36
              slipway rollback --service api
              slipway rollback --service api --to 14
              slipway rollback --to 36 --dry-run
              slipway rollback --to 36 --take-down
              slipway rollback --accept            (across an incompatible migration)

            Exit codes: 0 done, 1 refused, 3 the rollback itself was reverted.
            """)

    @OptionGroup package var common: CommonOptions

    @Option(help: "To what stood after this deployment; with --service: to this release of it.")
    package var to: Int?

    @Option(help: "Only this service.")
    package var service: String?

    @Option(help: "With --service: to this release, the same as --to there.")
    package var release: Int?

    @Flag(help: "Go back across migrations that are not declared compatible.")
    package var accept = false

    @Flag(help: "Take down services that did not stand then.")
    package var takeDown = false

    @Flag(help: "Show what would change, as `plan` does; nothing is deployed.")
    package var dryRun = false

    @Option(help: "Why; kept in the journal.")
    package var reason: String = ""

    package init() {}

    package func validate() throws {
        if release != nil, service == nil { throw ValidationError("--release needs --service") }
        if release != nil, to != nil { throw ValidationError("--release and --to exclude each other") }
        if takeDown, service != nil {
            throw ValidationError("--take-down is for whole environments, not for --service")
        }
    }

    package func run() async throws {
        try await reportingErrors(common.output) {
            let environment = try resolveEnvironment(common)
            return try await Session.open(common, startIfNeeded: false) { session in
                try await confirm(service.map { ServiceName($0) }, in: environment, session)
                let request = RollbackRequest(
                    to: service == nil ? to.map { DeploymentNumber($0) } : nil,
                    service: service.map { ServiceName($0) },
                    release: service == nil ? nil : (release ?? to).map { ReleaseNumber($0) }, takeDown: takeDown,
                    by: session.user, reason: reason, accept: accept)
                if dryRun {
                    return try show(try await session.client.planRollback(environment, request), common.output)
                }
                let reply = try await session.client.rollback(environment, request)
                guard reply.outcome == "accepted", let number = reply.deployment else {
                    return try reply.conclude(common.output, done: "")
                }
                reply.tellNotes(common.output)
                return try await follow(number, environment, session, common.output)
            }
        }
    }
}
