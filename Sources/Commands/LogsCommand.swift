package import ArgumentParser
import Domain
import FoundationEssentials
import Glibc
import SupervisorAPI

/// `slipway logs`: what instances wrote.
package struct LogsCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Show what instances wrote.",
        discussion: """
            Each line has its time, `service@release/instance`, and a red bar where it came from standard error.

            Examples:
              slipway logs
              slipway logs api -f
              slipway logs production api --release 14 --lines 500
              slipway logs api --migrate          (what migrations wrote)
              slipway logs --output json          (a line of JSON each)
            """)

    @OptionGroup package var common: CommonOptions

    @Argument(help: ArgumentHelp("Only this service.", valueName: "service"), completion: Completions.services)
    package var only: String?

    @Option(help: "The same, as an option.")
    package var service: String?

    @Option(help: "Only this release of it.")
    package var release: Int?

    @Option(name: [.customShort("n"), .customLong("lines")], help: "At most so many of the last lines.")
    package var lines = 100

    @Flag(help: "What migrations wrote, instead of instances.")
    package var migrate = false

    @Flag(name: .shortAndLong, help: "Go on with new lines.")
    package var follow = false

    package init() {}

    package func validate() throws {
        if lines < 1 { throw ValidationError("--lines must be at least 1") }
    }

    package func run() async throws {
        try await reportingErrors(common.output) {
            let target = try resolveTarget(common, second: only, service: service)
            if release != nil, target.service == nil { throw usageError("--release needs a service") }
            return try await Session.open(common, in: target.environment, startIfNeeded: false) { session in
                try await confirm(target.service, in: target.environment, session)
                try await show(target, session)
                return 0
            }
        }
    }

    private func show(_ target: Target, _ session: Session) async throws {
        let view = LogView(style: .forOutput())
        var tail = LogTail()
        repeat {
            let report = try await session.client.logs(
                target.environment, service: target.service, release: release.map { ReleaseNumber($0) },
                lines: tail.after == nil ? lines : 100_000, after: tail.after, ofMigrations: migrate)
            for line in tail.unseen(report.lines) {
                if common.output == .json { try printJSONLine(line) } else { print(view.line(line)) }
            }
            fflush(nil)
            if follow { try await Task.sleep(for: .milliseconds(200)) }
        } while follow
    }
}
