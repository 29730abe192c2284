import Domain
import SupervisorAPI

extension StatusView {
    /// `watched for 8m more (deployment 37), then it is kept`, and its gates.
    func lines(_ watch: WatchReport, now: Int64) -> [String] {
        var lines: [String] = []
        switch watch.phase {
        case "watching":
            let left = watch.remaining
            let until = left > .zero ? "for \(left.rounded) more" : "until its gates have passed"
            let then = watch.onFailure == "hold" ? "a failure asks a person" : "a failure takes it back"
            lines.append(style.paint("watched \(until), deployment \(watch.deployment): \(then)", .cyan))
        case "reverting": lines.append(style.paint("failed after it was promoted: it is taken back", .red))
        case _: lines.append(style.paint("failed after it was promoted, and serves on", .red))
        }
        lines += watch.gates.map { self.line($0) }
        if let failure = watch.failure {
            let first = failure.split(separator: "\n").first.map { harmless(String($0)) } ?? ""
            lines.append(style.paint(first, .red))
        }
        if let awaited = watch.waitsFor {
            let age = watch.waitsSince.map { " for \(Span(milliseconds: max(0, now - $0)).rounded)" } ?? ""
            lines.append(style.paint("waits\(age) for a person: \(harmless(awaited))", .yellow))
        }
        return lines
    }
}
