import Domain
import SupervisorAPI

/// `VerifyReport` as lines.
struct VerifyView {
    var style: Style

    func lines(_ report: VerifyReport) -> [String] {
        if report.results.isEmpty { return ["nothing stands: there is nothing to verify"] }
        let status = StatusView(style: style)
        return report.results.flatMap { entry -> [String] in
            let evidence = entry.result.evidence
            let line =
                "\(entry.service)@\(entry.release)  gate \(entry.gate)  \(status.word(entry.result.verdict))  "
                + harmless(evidence.summary)
            return [line] + evidence.objections(beyond: evidence.summary).map { "    " + $0 }
        }
    }
}
