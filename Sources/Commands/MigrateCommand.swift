package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway migrate`: a person's word about a migration whose outcome nobody knows.
package struct MigrateCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Say what became of a migration whose outcome nobody knows.",
        discussion: """
            Migrations run by themselves when a release with a new `schema` is deployed. When the machine or the \
            supervisor went down at the wrong moment, nobody can tell whether one ran to its end; it is not run again \
            blindly. Look at the data, then say it. Your word is journaled.

            Examples:
              slipway migrate --done --reason "the table has the column"
              slipway migrate --failed production api --reason "rolled back by the database"
              slipway migrate --again --reason "it never began, see pg_stat_activity"

            --done goes on with the rollout, --failed fails it, --again runs the migration once more.
            """)

    @OptionGroup package var common: CommonOptions

    @Argument(help: ArgumentHelp("Only this service; otherwise every one that waits.", valueName: "service"))
    package var only: String?

    @Option(help: "The same, as an option.")
    package var service: String?

    @Flag(help: "The data is at the new schema: go on.")
    package var done = false

    @Flag(help: "The data is not at the new schema: the rollout fails.")
    package var failed = false

    @Flag(help: "Run it once more: nothing of it runs, and it may run again.")
    package var again = false

    @Option(help: "Why; kept in the journal.")
    package var reason: String = ""

    package init() {}

    package func validate() throws {
        if [done, failed, again].filter({ $0 }).count != 1 {
            throw ValidationError("say one of --done, --failed and --again")
        }
        if reason.isEmpty { throw ValidationError("--reason is needed: it is journaled") }
    }

    package func run() async throws {
        try await reportingErrors(common.output) {
            let target = try resolveTarget(common, second: only, service: service)
            return try await Session.open(common, in: target.environment, startIfNeeded: false) { session in
                try await confirm(target.service, in: target.environment, session)
                let reply = try await session.client.command(
                    target.environment,
                    CommandRequest(
                        verb: .migrate, service: target.service, reason: reason,
                        migration: done ? "done" : failed ? "failed" : "again", by: session.user))
                return try reply.conclude(
                    common.output,
                    done: "noted: slipway status \(target.environment.name) --follow shows how it goes on")
            }
        }
    }
}
