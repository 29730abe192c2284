package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway quarantine`: releases that no deployment brings back by itself.
package struct QuarantineCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "quarantine",
        abstract: "Show, add or lift releases in quarantine.",
        discussion: """
            A release whose rollout failed is quarantined by its digest. Only a person brings it back.

            Examples:
              slipway quarantine list
              slipway quarantine lift api@15 --reason "it was the load balancer"
              slipway quarantine lift fe2f853448b9 production --reason "see #90"
              slipway quarantine add api@14 --reason "leaks memory, see #77"
            """,
        subcommands: [List.self, Lift.self, Add.self], defaultSubcommand: List.self)

    package init() {}

    package struct List: AsyncParsableCommand {
        package static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "Show releases in quarantine.",
            discussion: """
                Example:
                  slipway quarantine list production
                """)
        @OptionGroup package var common: CommonOptions
        package init() {}

        package func run() async throws {
            try await reportingErrors(common.output) {
                let environment = try resolveEnvironment(common)
                return try await Session.open(common, startIfNeeded: false) { session in
                    let report = try await session.client.quarantine(environment)
                    if common.output == .json {
                        try printJSON(report)
                        return 0
                    }
                    for line in QuarantineCommand.lines(report) { print(line) }
                    return 0
                }
            }
        }
    }

    package struct Lift: AsyncParsableCommand {
        package static let configuration = CommandConfiguration(
            commandName: "lift",
            abstract: "Let a release be deployed again.",
            discussion: """
                Examples:
                  slipway quarantine lift api@15 --reason "it was the load balancer"
                  slipway quarantine lift fe2f853448b9 production --reason "see #90"

                Exit codes: 0 lifted, 1 there is no such release in quarantine.
                """)
        @Argument(help: "`api@15`, or the first digits of its digest.") package var release: String
        @Option(help: "Why; kept in the journal.") package var reason: String
        @OptionGroup package var common: CommonOptions
        package init() {}

        package func run() async throws { try await QuarantineCommand.ask(lift: true, release, reason, common) }
    }

    package struct Add: AsyncParsableCommand {
        package static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Keep a release from being deployed.",
            discussion: """
                It is known by its digest: the same files with the same settings are kept out, whatever their number. \
                What stands already goes on.

                Example:
                  slipway quarantine add api@14 --reason "leaks memory, see #77"
                """)
        @Argument(help: "Such as `api@14`.") package var release: String
        @Option(help: "Why; kept in the journal.") package var reason: String
        @OptionGroup package var common: CommonOptions
        package init() {}

        package func validate() throws {
            guard ReleaseName(release) == nil else { return }
            throw ValidationError("`\(release)` does not name a release; one is like api@14")
        }

        package func run() async throws { try await QuarantineCommand.ask(lift: false, release, reason, common) }
    }

    /// The digest's start names a release too: the same files and settings may have more than one number.
    static func lines(_ report: QuarantineReport) -> [String] {
        if report.entries.isEmpty { return ["nothing is in quarantine"] }
        let names = report.entries.map { entry in
            entry.release.value > 0 ? "\(entry.service)@\(entry.release)" : "\(entry.service)"
        }
        let width = names.map(\.count).max() ?? 0
        return zip(names, report.entries).map { name, entry in
            let first = entry.reason.split(separator: "\n").first.map { harmless(String($0)) } ?? ""
            return "\(padded(name, width))  \(entry.digest.short)  \(calendarTime(entry.at))  \(first)"
        }
    }

    fileprivate static func ask(lift: Bool, _ release: String, _ reason: String, _ common: CommonOptions) async throws {
        try await reportingErrors(common.output) {
            let environment = try resolveEnvironment(common)
            return try await Session.open(common, startIfNeeded: false) { session in
                let reply = try await session.client.quarantine(
                    environment, QuarantineRequest(lift: lift, release: release, reason: reason, by: session.user))
                return try reply.conclude(common.output, done: lift ? "lifted" : "\(release) is in quarantine")
            }
        }
    }
}
