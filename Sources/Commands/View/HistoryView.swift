import Domain
import SupervisorAPI

/// `HistoryReport` as lines, newest first.
struct HistoryView {
    var style: Style

    func lines(_ report: HistoryReport) -> [String] {
        if report.deployments.isEmpty { return ["nothing was deployed yet"] }
        return report.deployments.flatMap { deployment -> [String] in
            let took = deployment.ended.map { Span(milliseconds: $0 - deployment.started).rounded } ?? "under way"
            let tone: Style.Tone = deployment.phase == "committed" ? .green : deployment.isOver ? .red : .blue
            let items = deployment.items.map { item in
                "\(item.service) " + (item.from.map { "@\($0)\(style.sign("→", "->"))" } ?? "") + "@\(item.to)"
            }.joined(separator: ", ")
            let gone = deployment.removals.map { ", \(style.sign("−", "-")) \($0)" }.joined()
            let origin = deployment.origin.isEmpty ? "" : " from \(deployment.origin)"
            var lines = [
                "\(padded("\(deployment.number)", 5)) \(calendarTime(deployment.started))  "
                    + "\(padded(style.paint(deployment.phase, tone), 10))  \(padded(took, 9))  "
                    + "\(deployment.kind)\(origin) by \(deployment.by)  \(items)\(gone)"
            ]
            if let number = deployment.takesBack { lines[0] += "  takes back \(number)" }
            if !deployment.reason.isEmpty { lines[0] += "  \(style.paint(deployment.reason, .dim))" }
            if let other = report.deployments.first(where: { $0.takesBack == deployment.number }), other.isGood {
                lines.append("      " + style.paint("taken back by \(other.number)", .red))
            }
            if let failure = deployment.failure {
                let blamed = deployment.failedService.map { "\($0): " } ?? ""
                let first = failure.split(separator: "\n").first.map { harmless(String($0)) } ?? ""
                lines.append("      " + style.paint("\(blamed)\(first)", .red))
            }
            return lines
        }
    }
}

extension DeploymentReport {
    fileprivate var isGood: Bool { phase == "committed" }
}
