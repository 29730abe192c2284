package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway verify`: the gates, asked on what stands.
package struct VerifyCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Ask the gates on the stable releases, one look each.",
        discussion: """
            Examples:
              slipway verify
              slipway verify production --service api

            Exit codes: 0 every gate passes, 1 one does not.
            """)

    @OptionGroup package var common: CommonOptions

    @Option(name: .customLong("service"), help: "Only this service; may be given more than once.")
    package var services: [String] = []

    package init() {}

    package func run() async throws {
        try await reportingErrors {
            let loaded = try loadProject(common)
            return try await Session.open(common, startIfNeeded: false) { session in
                let report = try await session.client.verify(
                    DeployRequest(
                        project: loaded.project, artifacts: [], by: session.user,
                        only: services.map { ServiceName($0) }))
                if common.output == .json {
                    try printJSON(report)
                } else {
                    for line in VerifyView(style: .forOutput()).lines(report) { print(line) }
                }
                return report.isGood ? 0 : 1
            }
        }
    }
}

/// `VerifyReport` as lines.
struct VerifyView {
    var style: Style

    func lines(_ report: VerifyReport) -> [String] {
        if report.results.isEmpty { return ["nothing stands: there is nothing to verify"] }
        let status = StatusView(style: style)
        return report.results.flatMap { entry -> [String] in
            let result = entry.result
            var lines = [
                "\(entry.service)@\(entry.release)  gate \(entry.gate)  \(status.word(result.verdict))  \(result.evidence.summary)"
            ]
            for finding in result.evidence.findings where finding.verdict != .pass {
                let wanted = finding.wanted.isEmpty ? "" : ", wanted \(finding.wanted)"
                lines.append("    \(finding.asked): \(finding.got)\(wanted)")
            }
            return lines
        }
    }
}
