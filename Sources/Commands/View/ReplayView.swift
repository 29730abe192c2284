import Domain
import Gates
import Judging

/// A replayed run as lines: look by look what the gate would have said, and how it would have ended.
struct ReplayView {
    var style: Style
    /// One line for each look.
    var isBrief: Bool

    func lines(_ run: ReplayedRun, _ gate: GateSpec) -> [String] {
        var lines = [style.paint(run.recording.title, .bold), "asks: \(gate.words)"]
        if let asked = run.recording.head.asked, asked.words != gate.words {
            lines.append(style.paint("then: \(asked.words)", .dim))
        }
        let width = run.looks.map { "\($0.requests)".count }.max() ?? 0
        for look in run.looks {
            let number = String(repeating: " ", count: width - "\(look.requests)".count) + "\(look.requests)"
            let requests = run.recording.holdsAnswers ? "" : "\(number) requests  "
            lines.append(
                "  look \(padded("\(look.look)", 4)) \(padded(look.at.rounded, 8))  \(requests)"
                    + padded(word(look.result.verdict), 12) + "  " + harmless(look.result.evidence.summary))
            if isBrief { continue }
            lines += findings(look.result.evidence).map { "       " + style.paint($0, .dim) }
        }
        if run.recording.isCut {
            lines.append(
                style.paint(
                    "note: the recording was cut: of later looks only those are kept that changed the answer", .yellow))
        }
        lines.append(ending(run))
        if let then = run.recording.then { lines.append("then it was: " + told(then)) }
        return lines
    }

    func lines(_ looks: [SeriesLook]) -> [String] {
        looks.flatMap { look in
            let evidence = look.verdict.evidence
            let line =
                "  look \(padded("\(look.look)", 4)) \(padded(look.at.rounded, 8))  \(look.values) values  "
                + padded(word(look.verdict.verdict), 12) + "  " + harmless(evidence.summary)
            return [line] + (isBrief ? [] : findings(evidence).map { "       " + style.paint($0, .dim) })
        }
    }

    private func findings(_ evidence: Evidence) -> [String] {
        evidence.findings.map { finding in
            harmless(
                "\(finding.asked): \(finding.got)" + (finding.wanted.isEmpty ? "" : "; wanted \(finding.wanted)")
                    + (finding.verdict == .pass ? "" : " [\(finding.verdict.word)]"))
        }
    }

    private func ending(_ run: ReplayedRun) -> String {
        guard !run.looks.isEmpty else {
            return style.paint("undecided: no look was kept at a time when this gate would have looked", .yellow)
        }
        let tone: Style.Tone
        switch run.decision {
        case .pass: tone = .green
        case .fail: tone = .red
        case .hold, .undecided: tone = .yellow
        }
        return style.paint(told(run), tone)
    }

    private func told(_ run: ReplayedRun) -> String {
        let would = run.isDryRun ? "dry run: would have " : ""
        let word: String
        switch run.decision {
        case .pass: word = "passes"
        case .fail: word = run.isDryRun ? "\(would)failed" : "fails"
        case .hold: word = run.isDryRun ? "\(would)asked a person" : "asks a person"
        case .undecided: return "undecided when the recording ends"
        }
        guard let look = run.deciding else { return word }
        let requests = run.recording.holdsAnswers ? "" : " and \(look.requests) requests of the canary"
        return "\(word) at look \(look.look), after \(look.at.rounded)\(requests)"
    }

    private func word(_ verdict: Verdict) -> String {
        switch verdict {
        case .pass: style.paint(verdict.word, .green)
        case .fail: style.paint(verdict.word, .red)
        case .inconclusive, .error: style.paint(verdict.word, .yellow)
        }
    }
}
