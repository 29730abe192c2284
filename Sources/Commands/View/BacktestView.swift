import Deployments
import Domain
import Judging

/// What a backtest found, as lines.
struct BacktestView {
    var style: Style

    func lines(_ tests: [GateBacktest], notes: [String]) -> [String] {
        var lines: [String] = []
        for test in tests {
            if !lines.isEmpty { lines.append("") }
            lines += self.lines(test)
        }
        return lines + notes.map { style.paint("note: \($0)", .yellow) }
    }

    private func lines(_ test: GateBacktest) -> [String] {
        let state = test.before == nil ? "new" : test.isChanged ? "changed" : "as it was"
        var lines = [style.paint("gate \(test.gate.name)", .bold) + "  \(state)", "  asks: \(test.gate.words)"]
        if let before = test.before, test.isChanged { lines.append("  then: \(before.words)") }
        let width = test.cases.map(\.rollout.label.count).max() ?? 0
        for item in test.cases { lines += self.lines(item, width) }
        if test.cases.isEmpty {
            lines.append(style.paint("  no past rollout could be used", .yellow))
        } else {
            lines += summary(test)
        }
        lines += test.unused.map { style.paint("  not used: \($0.rollout): \(harmless($0.why))", .dim) }
        return lines
    }

    private func lines(_ item: GateBacktest.Case, _ width: Int) -> [String] {
        var mark = ""
        switch item.mistake {
        case .alarm: mark = "  " + style.paint("ALARM", .red)
        case .miss: mark = "  " + style.paint("MISS", .red)
        case nil: break
        }
        let then = item.then.map { "then \(text($0, isLong: false)); " } ?? "not asked then; "
        let first =
            "  \(padded(item.rollout.label, width))  \(padded(item.rollout.release.rawValue, 7))  "
            + then + "now \(text(item.now, isLong: true))\(mark)"
        let gap = String(repeating: " ", count: width + 4)
        var lines = [first, style.paint("\(gap)\(harmless(item.rollout.why))", .dim)]
        let reason = item.now.decision.reason
        if !reason.isEmpty { lines.append(style.paint("\(gap)now: \(harmless(reason))", .dim)) }
        if item.then == nil {
            lines.append(style.paint("\(gap)by what gate \(item.recorded) recorded", .dim))
        }
        return lines
    }

    private func text(_ answer: GateOutcome, isLong: Bool) -> String {
        let word: String
        switch answer.decision {
        case .pass: word = style.paint(answer.decision.word, .green)
        case .fail: word = style.paint(answer.decision.word, .red)
        case .hold, .undecided: word = style.paint(answer.decision.word, .yellow)
        }
        return "\(word) (\(isLong ? spent(answer.looks, answer.requests, answer.took) : answer.took.rounded))"
    }

    private func spent(_ looks: Int, _ requests: Int?, _ took: Span) -> String {
        [counted(looks, "look"), requests.map { counted($0, "request") }, took.rounded].compactMap { $0 }
            .joined(separator: ", ")
    }

    private func counted(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }

    private func summary(_ test: GateBacktest) -> [String] {
        let (now, then) = (test.now, test.then)
        let wasAsked = test.cases.contains { $0.then != nil }
        func before(_ count: Int) -> String { wasAsked ? ", then \(count)" : "" }
        var lines = [
            "  alarms: \(now.alarms) of \(counted(test.count(.good), "good release"))" + before(then.alarms),
            "  misses: \(now.misses) of \(counted(test.count(.bad), "bad release"))" + before(then.misses),
        ]
        func medians(_ tally: BacktestTally) -> String? {
            guard let looks = tally.looks, let took = tally.took else { return nil }
            return spent(looks, tally.requests, took)
        }
        if let median = medians(now) {
            lines.append("  time to decide (median): \(median)" + (medians(then).map { ", then \($0)" } ?? ""))
        }
        if now.undecided > 0 { lines.append("  undecided where the recording ends: \(now.undecided)") }
        if test.gate.schedule.isDryRun { lines.append("  a dry run: what it says is counted, and would stop nothing") }
        if test.isWorse { lines.append("  " + style.paint("worse than what was asked then", .red)) }
        return lines
    }
}
