package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway notify`: the channels by which people are told.
package struct NotifyCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "notify", abstract: "Look after notifications.",
        discussion: """
            Example:
              slipway notify test production
            """,
        subcommands: [Test.self])

    package init() {}

    /// `slipway notify test`
    package struct Test: AsyncParsableCommand {
        package static let configuration = CommandConfiguration(
            commandName: "test",
            abstract: "Send a test over the manifest's channels, once each.",
            discussion: """
                The supervisor sends it, so that its network and its secrets are what is tried. Nothing is repeated.

                Examples:
                  slipway notify test
                  slipway notify test production --channel ops

                Exit codes: 0 every channel took it, 1 one did not, 2 there is no such channel.
                """)

        @OptionGroup package var common: CommonOptions

        @Option(name: .customLong("channel"), help: "Only this channel; may be given again.")
        package var channels: [String] = []

        package init() {}

        package func run() async throws {
            try await reportingErrors(common.output) {
                let loaded = try loadProject(common)
                let known = loaded.project.notify
                guard !known.isEmpty else {
                    throw usageError(
                        "\(common.file) has no channel for \(common.environment)", hint: "`notify:` names channels")
                }
                for name in channels where !known.contains(where: { $0.name == name }) {
                    throw usageError(
                        "there is no channel `\(name)` for \(common.environment) in \(common.file)",
                        hint: suggestion(for: name, among: known.map(\.name), "channels"))
                }
                let chosen = known.filter { channels.isEmpty || channels.contains($0.name) }
                return try await Session.open(common, startIfNeeded: false) { session in
                    let request = NotifyTestRequest(channels: chosen, by: session.user)
                    let report = try await session.client.testNotify(loaded.environment, request)
                    if common.output == .json {
                        try printJSON(report)
                    } else {
                        let style = Style.forOutput()
                        for result in report.results { print(line(result, style)) }
                    }
                    return report.results.allSatisfy(\.isDelivered) ? 0 : 1
                }
            }
        }

        private func line(_ result: NotifyTestResult, _ style: Style) -> String {
            result.isDelivered
                ? "\(style.paint(style.sign("✓", "ok  "), .green)) \(result.channel): took the test"
                : "\(style.paint(style.sign("✗", "FAIL"), .red)) \(result.channel): \(harmless(result.message))"
        }
    }
}
