import Domain

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
        if item.isAlarm(item.now) { mark = "  " + style.paint("ALARM", .red) }
        if item.isMiss(item.now) { mark = "  " + style.paint("MISS", .red) }
        let then = item.then.map { "then \(text($0, isLong: false)); " } ?? "not asked then; "
        let first =
            "  \(padded(item.rollout.label, width))  \(padded(item.rollout.nature.rawValue, 7))  "
            + then + "now \(text(item.now, isLong: true))\(mark)"
        let gap = String(repeating: " ", count: width + 4)
        var lines = [first, style.paint("\(gap)\(harmless(item.rollout.why))", .dim)]
        if !item.now.reason.isEmpty { lines.append(style.paint("\(gap)now: \(harmless(item.now.reason))", .dim)) }
        if item.then == nil {
            lines.append(style.paint("\(gap)by what gate \(item.recorded) recorded", .dim))
        }
        return lines
    }

    private func text(_ answer: GateBacktest.Answer, isLong: Bool) -> String {
        let word: String
        switch answer.decision {
        case "pass": word = style.paint("pass", .green)
        case "fail": word = style.paint("fail", .red)
        case _: word = style.paint(answer.decision, .yellow)
        }
        let long = "\(counted(answer.looks, "look")), \(counted(answer.requests, "request")), \(answer.took.rounded)"
        return "\(word) (\(isLong ? long : answer.took.rounded))"
    }

    private func counted(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }

    private func summary(_ test: GateBacktest) -> [String] {
        let asked = test.cases.filter { $0.then != nil }
        let good = test.count(.good)
        let bad = test.count(.bad)
        func before(_ count: Int) -> String { asked.isEmpty ? "" : ", then \(count)" }
        var lines = [
            "  alarms: \(test.alarms { $0.now }) of \(counted(good, "good release"))" + before(test.alarms { $0.then }),
            "  misses: \(test.misses { $0.now }) of \(counted(bad, "bad release"))" + before(test.misses { $0.then }),
        ]
        func medians(_ answer: (GateBacktest.Case) -> GateBacktest.Answer?) -> String? {
            guard let looks = test.median(answer, \.looks), let requests = test.median(answer, \.requests),
                let took = test.median(answer, \.took)
            else { return nil }
            return "\(counted(looks, "look")), \(counted(requests, "request")), \(took.rounded)"
        }
        if let now = medians({ $0.now }) {
            lines.append("  time to decide (median): \(now)" + (medians { $0.then }.map { ", then \($0)" } ?? ""))
        }
        let open = test.cases.filter { $0.now.decision == "undecided" }.count
        if open > 0 {
            lines.append("  undecided where the recording ends: \(open)")
        }
        if test.isWorse { lines.append("  " + style.paint("worse than what was asked then", .red)) }
        return lines
    }
}
