package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway plan`: what a deploy would do.
package struct PlanCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show what a deploy would change, service by service.",
        discussion: """
            Packs the project's files and compares with what stands. Nothing is deployed.

            Examples:
              slipway plan
              slipway plan production --output json

            Exit codes: 0 it could be deployed, 1 it could not, 2 usage.
            """)

    @OptionGroup package var common: CommonOptions

    @Option(name: .customLong("service"), help: "Only this service; may be given more than once.")
    package var services: [String] = []

    package init() {}

    package func run() async throws {
        try await reportingErrors {
            let loaded = try loadProject(common)
            return try await Session.open(common, startIfNeeded: true) { session in
                let only = services.map { ServiceName($0) }
                let artifacts = try await packArtifacts(loaded, only: only, session: session) { _ in }
                let report = try await session.client.plan(
                    DeployRequest(project: loaded.project, artifacts: artifacts, by: session.user, only: only))
                if common.output == .json {
                    try printJSON(report)
                } else {
                    for line in PlanView(style: .forOutput()).lines(report) { print(line) }
                }
                return report.objections.isEmpty ? 0 : 1
            }
        }
    }
}

/// `PlanReport` as lines.
struct PlanView {
    var style: Style

    func lines(_ report: PlanReport) -> [String] {
        var lines: [String] = []
        var wave = -1
        let waves = (report.items.map(\.wave).max() ?? 0) + 1
        for item in report.items {
            if waves > 1, item.wave != wave {
                wave = item.wave
                lines.append(style.paint("wave \(wave + 1) of \(waves)", .dim))
            }
            lines += self.lines(item)
        }
        if !report.hasChanges, report.objections.isEmpty {
            lines.append("nothing to do: everything stands as it should")
        }
        for text in report.notes { lines.append(style.paint("note: \(text)", .yellow)) }
        for objection in report.objections {
            lines.append(style.paint("error: \(objection.message)", .red))
            if !objection.hint.isEmpty { lines.append("hint: \(objection.hint)") }
        }
        return lines
    }

    private func lines(_ item: PlanItem) -> [String] {
        let arrow = style.sign("→", "->")
        let from = item.from.map { "@\($0) \(arrow) " } ?? ""
        let to = item.to.map { "@\($0)" } ?? ""
        switch item.action {
        case "keep": return ["  \(item.service)  \(to)  " + style.paint("unchanged", .dim)]
        case "create": return [style.paint("+ \(item.service)", .green) + "  \(to)  new, \(item.strategy)"]
        case "start": return [style.paint("^ \(item.service)", .green) + "  \(to)  started again, \(item.strategy)"]
        case _: break
        }
        var lines = [style.paint("~ \(item.service)", .yellow) + "  \(from)\(to)  \(item.strategy)"]
        for change in item.changes {
            let old = change.old.isEmpty ? "(none)" : change.old
            let new = change.new.isEmpty ? "(none)" : change.new
            lines.append("    \(change.field): \(style.paint(old, .red)) \(arrow) \(style.paint(new, .green))")
        }
        lines.append(style.paint("    " + item.stages.joined(separator: " \(arrow) "), .dim))
        return lines
    }
}
