extension LoadReport {
    /// The report as one HTML page that needs nothing else: no script, no font, no picture from elsewhere. Light and
    /// dark as the reader's system is, and narrow enough for a phone.
    package func page() -> String { LoadPage(report: self).text }
}

/// Writes the page of a report.
struct LoadPage {
    let report: LoadReport

    var text: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <title>Load: \(Self.escaped(report.subject.url))</title>
        <style>
        \(PageStyle.sheet)
        </style>
        </head>
        <body>
        <main>
        \(header)
        \(tiles)
        \(thresholds)
        \(charts)
        \(table)
        \(failures)
        <footer>slipway load. Latencies count from when a request was due.</footer>
        </main>
        </body>
        </html>

        """
    }

    // MARK: Parts

    private var header: String {
        let subject = report.subject
        var facts = [report.mode, "\(Figures.fixed(report.elapsedSeconds, 1)) s", UTCText.of(report.startedAt)]
        if let seed = subject.seed { facts.append("seed \(seed)") }
        if report.interrupted { facts.append("stopped early") }
        let missed = report.missed.count
        var verdict = ""
        if !report.thresholds.isEmpty {
            let words =
                missed == 0
                ? "every threshold kept" : "\(missed) of \(report.thresholds.count) thresholds missed"
            verdict =
                "<p class=\"verdict \(missed == 0 ? "kept" : "missed")\">\(missed == 0 ? "✓" : "✗") \(words)</p>\n"
        }
        return """
            <header>
            <h1>\(Self.escaped(subject.flows == nil ? subject.method : "Scenario")) <span>\(Self.escaped(subject.url))</span></h1>
            <p>\(facts.map(Self.escaped).joined(separator: " · "))</p>
            \(verdict)</header>
            """
    }

    private var tiles: String {
        let latency = report.all.latency
        let rate = report.requestsPerSecond
        let cells: [(String, String)] = [
            ("requests", "\(report.counts.ended)"), ("per second", Figures.fixed(rate, rate < 100 ? 1 : 0)),
            ("failed", Figures.share(report.all.failures, of: report.all.count)),
            ("p50", Figures.latency(latency?.p50)), ("p95", Figures.latency(latency?.p95)),
            ("p99", Figures.latency(latency?.p99)),
        ]
        let items = cells.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" }
        return "<dl class=\"tiles\">\n\(items.joined(separator: "\n"))\n</dl>"
    }

    private var thresholds: String {
        guard !report.thresholds.isEmpty else { return "" }
        let rows = report.thresholds.map { result in
            "<tr class=\"\(result.kept ? "kept" : "missed")\"><td>\(result.kept ? "✓ kept" : "✗ missed")</td>"
                + "<td>\(Self.escaped(result.threshold))</td>"
                + "<td>\(Self.escaped(result.value ?? "nothing measured"))</td></tr>"
        }
        return Self.section("Thresholds", Self.table(["", "threshold", "measured"], rows, textColumns: 2))
    }

    private var charts: String {
        let columns = PageChart.columns(report.timeline)
        let parts = [
            ("Requests a second", PageChart.rate(columns), "answered well, and failed"),
            ("p99 over time", PageChart.latency(columns), "of the requests that ended then"),
            ("Latencies", PageChart.distribution(report.distribution, report.all.latency), "how many took how long"),
        ]
        let figures = parts.map { title, chart, words in
            "<figure>\n<figcaption><h2>\(title)</h2> \(words)</figcaption>\n\(chart)\n</figure>"
        }
        return "<div class=\"charts\">\n\(figures.joined(separator: "\n"))\n</div>"
    }

    private var table: String {
        var rows = [row("all", report.all)]
        rows += report.requests.map { row($0.name, $0.statistics) }
        rows += report.statusClasses.keys.sorted().compactMap { name in
            report.statusClasses[name].map { row(name, $0) }
        }
        rows += report.groups.map { row("\(report.subject.groupBy ?? "group") \($0.name)", $0.statistics) }
        let heads = ["", "requests", "failed", "min", "p50", "p90", "p95", "p99", "p99.9", "max"]
        return Self.section("Requests", Self.table(heads, rows, textColumns: 1))
    }

    private func row(_ name: String, _ part: LoadStatistics) -> String {
        let latency = part.latency
        let times = [
            latency?.min, latency?.p50, latency?.p90, latency?.p95, latency?.p99, latency?.p999, latency?.max,
        ]
        let cells = ["\(part.count)", "\(part.failures)"] + times.map { Figures.latency($0) }
        return "<tr><td>\(Self.escaped(name))</td>" + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
    }

    private var failures: String {
        guard !report.failures.isEmpty else { return "" }
        let rows = report.failures.map { failure in
            "<tr><td>\(Self.escaped(failure.request ?? ""))</td><td>\(Self.escaped(failure.detail))</td>"
                + "<td>\(Figures.fixed(failure.at, 3)) s</td></tr>"
        }
        let all = report.all.failures
        let title = all > rows.count ? "The first \(rows.count) of \(all) failures" : "Failures"
        return Self.section(title, Self.table(["request", "what happened", "at"], rows, textColumns: 2))
    }

    // MARK: Elements

    private static func section(_ title: String, _ content: String) -> String {
        "<section>\n<h2>\(title)</h2>\n\(content)\n</section>"
    }

    private static func table(_ heads: [String], _ rows: [String], textColumns: Int) -> String {
        let head = heads.map { "<th scope=\"col\">\($0)</th>" }.joined()
        return """
            <div class="scroll"><table class="text\(textColumns)">
            <thead><tr>\(head)</tr></thead>
            <tbody>
            \(rows.joined(separator: "\n"))
            </tbody>
            </table></div>
            """
    }

    /// Text as text: what a server sent must not become markup. Control characters, which no page may have, are marked.
    static func escaped(_ text: String) -> String {
        var safe = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": safe += "&amp;"
            case "<": safe += "&lt;"
            case ">": safe += "&gt;"
            case "\"": safe += "&quot;"
            case "'": safe += "&#39;"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value & 0xFFFE == 0xFFFE:
                safe += "\u{FFFD}"
            case _: safe.unicodeScalars.append(scalar)
            }
        }
        return safe
    }
}

/// A moment as people write it.
enum UTCText {
    /// `2026-03-01 14:05:09 UTC`; the date by Hinnant's algorithm for proleptic Gregorian days.
    static func of(_ secondsSince1970: Double) -> String {
        guard secondsSince1970.isFinite, abs(secondsSince1970) < 1e11 else { return "" }
        let all = Int(secondsSince1970.rounded(.down))
        let day = all >= 0 ? all / 86_400 : (all - 86_399) / 86_400
        let second = all - day * 86_400
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let ofEra = shifted - era * 146_097
        let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let month = (5 * ofYear + 2) / 153
        let date = ofYear - (153 * month + 2) / 5 + 1
        let civil = month < 10 ? month + 3 : month - 9
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let time = "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
        return "\(year + era * 400 + (civil <= 2 ? 1 : 0))-\(two(civil))-\(two(date)) \(time) UTC"
    }
}
