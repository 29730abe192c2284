extension LoadReport {
    /// The report as a person reads it: several lines, the last one without a line end.
    package func summary() -> String {
        let what = subject.flows.map { $0.count == 1 ? "1 flow" : "\($0.count) flows" } ?? subject.method
        var lines = ["\(what) \(subject.url)  ·  \(mode)\(interrupted ? "  ·  stopped early" : "")", ""]
        lines += overview + [""] + table.lines()
        if !thresholds.isEmpty { lines += [""] + thresholdLines }
        if !failures.isEmpty { lines += [""] + failureLines }
        return lines.joined(separator: "\n")
    }

    var mode: String {
        var text: String
        if let rate = subject.rate {
            text =
                "\(Figures.plain(rate)) requests/s, constant arrival rate, at most \(subject.connections) connection"
                + (subject.connections == 1 ? "" : "s")
        } else if let ramp = subject.ramp {
            text = ramp
        } else {
            text = "closed loop, \(subject.connections) connection\(subject.connections == 1 ? "" : "s")"
        }
        if subject.users > 0 { text += ", \(subject.users) user\(subject.users == 1 ? "" : "s")" }
        return text
    }

    private var overview: [String] {
        let rate = Figures.fixed(requestsPerSecond, requestsPerSecond < 100 ? 1 : 0)
        var lines = [
            "requests  \(counts.ended) in \(Figures.fixed(elapsedSeconds, 2)) s (\(rate)/s), "
                + "failed \(all.failures) (\(Figures.share(all.failures, of: all.count)))"
        ]
        let named = outcomes.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }
        lines.append("outcomes  \(named.isEmpty ? "none" : named.joined(separator: ", "))")
        let notes = remarks.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }
        if !notes.isEmpty { lines.append("of these  \(notes.joined(separator: ", "))") }
        lines.append(
            "traffic   \(Figures.bytes(counts.bytesReceived)) in, \(Figures.bytes(counts.bytesSent)) out, "
                + "\(counts.connectionsOpened) connection\(counts.connectionsOpened == 1 ? "" : "s")")
        if let seed = subject.seed { lines.append("seed      \(seed)") }
        if elapsedSeconds > 1, generatorCPUSeconds > 0.9 * elapsedSeconds {
            lines.append(
                "warning   the generator used all of its processor: the server may be faster than these numbers say")
        }
        return lines
    }

    private var outcomes: [(String, Int)] {
        [
            ("2xx", counts.status2xx), ("3xx", counts.status3xx), ("4xx", counts.status4xx), ("5xx", counts.status5xx),
            ("refused", counts.refused), ("reset", counts.reset), ("closed early", counts.closedEarly),
            ("stale connection", counts.staleConnection), ("timed out", counts.timeout),
            ("malformed", counts.malformed), ("not connected", counts.connectFailed), ("dropped", counts.dropped),
            ("unfinished", counts.unfinished),
        ]
    }

    private var remarks: [(String, Int)] {
        [
            ("sent late", counts.late), ("sent again", counts.retriedStale),
            ("connections with stray bytes", counts.strayBytes),
        ]
    }

    private var table: TextTable {
        var table = TextTable()
        table.add(["", "count", "failed", "min", "p50", "p90", "p95", "p99", "p99.9", "max", "mean"])
        func add(_ name: String, _ part: LoadStatistics) {
            guard let latency = part.latency else {
                table.add([name, "\(part.count)", "\(part.failures)"] + Array(repeating: "–", count: 8))
                return
            }
            let columns = [
                latency.min, latency.p50, latency.p90, latency.p95, latency.p99, latency.p999, latency.max,
            ]
            table.add(
                [name, "\(part.count)", "\(part.failures)"] + columns.map { Figures.latency($0) }
                    + [Figures.latency(latency.mean)])
        }
        add("all", all)
        for request in requests { add(request.name, request.statistics) }
        for name in statusClasses.keys.sorted() { if let part = statusClasses[name] { add(name, part) } }
        for group in groups { add("\(subject.groupBy ?? "group") \(group.name)", group.statistics) }
        if let ungrouped, ungrouped.count > 0 { add("without \(subject.groupBy ?? "group")", ungrouped) }
        for split in usersByGroup {
            add("\(split.usersEver) user\(split.usersEver == 1 ? "" : "s") that saw \(split.group)", split.ever)
            if split.usersNever > 0 {
                add(
                    "\(split.usersNever) user\(split.usersNever == 1 ? "" : "s") that never saw \(split.group)",
                    split.never)
            }
        }
        return table
    }

    private var thresholdLines: [String] {
        var table = TextTable()
        for result in thresholds { table.add(result.cells) }
        return ["thresholds"] + table.lines()
    }

    private var failureLines: [String] {
        var lines = [counts.ended > 0 ? "failed in \(failedSeconds)" : "failures", ""]
        if timeline.allSatisfy({ $0.failed == 0 }) { lines = [] }
        lines.append(all.failures > failures.count ? "the first \(failures.count) failures" : "failures")
        var table = TextTable()
        for failure in failures {
            let group = failure.group.map { "  \(subject.groupBy ?? "group") \($0)" } ?? ""
            let request = failure.request.map { "\($0): " } ?? ""
            table.add(
                ["  \(failure.kind.name)", "at \(Figures.fixed(failure.at, 3)) s", request + failure.detail + group])
        }
        return lines + table.lines()
    }

    /// The seconds in which something failed, neighbours joined: `second 3 (12), seconds 7–9 (40)`.
    private var failedSeconds: String {
        var spans: [(first: Int, last: Int, count: Int)] = []
        for second in timeline where second.failed > 0 {
            if let last = spans.last, last.last + 1 == second.second {
                spans[spans.count - 1].last = second.second
                spans[spans.count - 1].count += second.failed
            } else {
                spans.append((second.second, second.second, second.failed))
            }
        }
        let shown = spans.prefix(8).map { span in
            span.first == span.last
                ? "second \(span.first) (\(span.count))" : "seconds \(span.first)–\(span.last) (\(span.count))"
        }
        return shown.joined(separator: ", ") + (spans.count > 8 ? " and \(spans.count - 8) more spans" : "")
    }
}

extension LoadThresholdResult {
    /// `  ✓ p95 < 200ms`, `231.4ms`.
    fileprivate var cells: [String] { ["  \(kept ? "✓" : "✗") \(threshold)", value ?? "nothing measured"] }
}

extension LoadProgress {
    /// Requests that ended in the last whole second; in the first one, as many as a second of this would have.
    private var rate: Int {
        if let lastSecond { return lastSecond.ok + lastSecond.failed }
        return elapsedSeconds > 0 ? Int((Double(counts.ended) / elapsedSeconds).rounded()) : 0
    }

    /// One line for a log.
    package func line() -> String {
        let missed = thresholds.filter { !$0.kept }.map { "; missed: \($0.threshold)" }.joined()
        return "\(Figures.fixed(elapsedSeconds, 0)) s  \(rate)/s  \(counts.ended) ended, \(failed) failed, "
            + "\(inFlight) in flight, p50 \(Figures.latency(p50)), p99 \(Figures.latency(p99))\(missed)"
    }

    private var thresholdLines: [String] {
        var table = TextTable()
        for result in thresholds.prefix(8) { table.add(result.cells) }
        return table.lines()
    }

    /// A block of lines for a terminal, always as many.
    package func block() -> [String] {
        let unanswered = counts.unanswered
        return [
            "\(Figures.fixed(elapsedSeconds, 1)) s   \(rate)/s   in flight \(inFlight)   connections \(connections)",
            "ended \(counts.ended)   ok \(ok)   failed \(failed)",
            "2xx \(counts.status2xx)   3xx \(counts.status3xx)   4xx \(counts.status4xx)   5xx \(counts.status5xx)"
                + "   no answer \(unanswered)",
            "p50 \(Figures.latency(p50))   p99 \(Figures.latency(p99))   "
                + "p99 of the last second \(Figures.latency(lastSecond?.p99))",
        ] + thresholdLines
    }
}
