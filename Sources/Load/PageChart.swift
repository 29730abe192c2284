/// Pictures of a report as inline SVG, drawn so narrow that their words can be read on a phone.
enum PageChart {
    /// Some seconds of the run, side by side in a picture.
    struct Column {
        /// Seconds since the start, and how many.
        var second: Int
        var seconds: Int
        var ok: Int
        var failed: Int
        /// The highest of its seconds, in microseconds.
        var p99: Int?
    }

    private static let width = 400.0
    private static let height = 190.0
    private static let left = 46.0
    private static let right = 8.0
    private static let top = 14.0
    private static let bottom = 24.0
    private static var plotWidth: Double { width - left - right }
    private static var plotHeight: Double { height - top - bottom }
    private static var ground: Double { height - bottom }

    /// So many columns at most: what is longer is summed up.
    static let mostColumns = 100

    static func columns(_ timeline: [LoadSecond]) -> [Column] {
        let seconds = max(1, (timeline.count + mostColumns - 1) / mostColumns)
        return stride(from: 0, to: timeline.count, by: seconds).map { first in
            let part = timeline[first..<min(timeline.count, first + seconds)]
            return Column(
                second: first, seconds: part.count, ok: part.reduce(0) { $0 + $1.ok },
                failed: part.reduce(0) { $0 + $1.failed }, p99: part.compactMap(\.p99).max())
        }
    }

    // MARK: Pictures

    static func rate(_ columns: [Column]) -> String {
        let highest = columns.map { Double($0.ok + $0.failed) / Double($0.seconds) }.max() ?? 0
        let end = nice(highest)
        let step = plotWidth / Double(max(1, columns.count))
        let bars = columns.enumerated().map { index, column in
            let x = left + Double(index) * step
            let failed = Double(column.failed) / Double(column.seconds) / end * plotHeight
            let ok = Double(column.ok) / Double(column.seconds) / end * plotHeight
            let wide = step > 3 ? step - 1 : step
            let words = "second \(column.second): \(column.ok) answered well, \(column.failed) failed"
            return "<g><title>\(words)</title>"
                + bar(x, ground - ok, wide, ok, "ok") + bar(x, ground - ok - failed, wide, failed, "failed") + "</g>"
        }
        let legend =
            "<g class=\"key\"><rect class=\"ok\" x=\"\(at(left))\" y=\"2\" width=\"8\" height=\"8\"/>"
            + "<text x=\"\(at(left + 12))\" y=\"10\">well</text>"
            + "<rect class=\"failed\" x=\"\(at(left + 44))\" y=\"2\" width=\"8\" height=\"8\"/>"
            + "<text x=\"\(at(left + 56))\" y=\"10\">failed</text></g>"
        return picture(
            "Requests a second over time, answered well and failed",
            grid(end) { Figures.plain(($0 * 1000).rounded() / 1000) } + times(columns) + bars.joined() + legend)
    }

    static func latency(_ columns: [Column]) -> String {
        let end = nice(Double(columns.compactMap(\.p99).max() ?? 0))
        let step = plotWidth / Double(max(1, columns.count))
        var lines: [[String]] = [[]]
        var marks = ""
        for (index, column) in columns.enumerated() {
            // Where nothing ended there is nothing to draw a line through.
            guard let p99 = column.p99 else {
                if lines.last?.isEmpty == false { lines.append([]) }
                continue
            }
            let x = left + (Double(index) + 0.5) * step
            let y = ground - Double(p99) / end * plotHeight
            lines[lines.count - 1].append("\(at(x)),\(at(y))")
            marks +=
                "<circle class=\"mark\" cx=\"\(at(x))\" cy=\"\(at(y))\" r=\"\(columns.count > 50 ? "1.5" : "2.5")\">"
                + "<title>second \(column.second): \(Figures.latency(p99))</title></circle>"
        }
        let drawn = lines.filter { !$0.isEmpty }.map {
            "<polyline class=\"line\" points=\"\($0.joined(separator: " "))\"/>"
        }
        return picture("p99 over time", grid(end) { Figures.latency($0) } + times(columns) + drawn.joined() + marks)
    }

    static func distribution(_ buckets: [LoadBucket], _ latency: LoadLatency?) -> String {
        guard let first = buckets.first, let last = buckets.last else { return "<p>nothing was timed</p>" }
        let end = nice(Double(buckets.map(\.count).max() ?? 0))
        // The buckets are as wide as each other on a logarithmic axis, so they are drawn so.
        let step = plotWidth / Double(buckets.count)
        var drawn = ""
        var labels = ""
        var lastLabel = -100.0
        for (index, bucket) in buckets.enumerated() {
            let x = left + Double(index) * step
            let tall = Double(bucket.count) / end * plotHeight
            drawn +=
                "<g><title>\(Figures.latency(bucket.from)) to \(Figures.latency(bucket.to)): \(bucket.count)</title>"
                + bar(x, ground - tall, step > 3 ? step - 1 : step, tall, "ok") + "</g>"
            if x - lastLabel > 62, x < width - 40 {
                labels +=
                    "<text class=\"x\" x=\"\(at(x))\" y=\"\(at(height - 8))\">\(Figures.latency(bucket.from))</text>"
                lastLabel = x
            }
        }
        for (name, value) in [("p50", latency?.p50), ("p99", latency?.p99)] {
            guard let value, value >= first.from, value < last.to,
                let index = buckets.firstIndex(where: { value < $0.to })
            else { continue }
            let bucket = buckets[index]
            let within = Double(value - bucket.from) / Double(bucket.to - bucket.from)
            let x = left + (Double(index) + within) * step
            drawn +=
                "<line class=\"percentile\" x1=\"\(at(x))\" x2=\"\(at(x))\" y1=\"\(at(top))\" y2=\"\(at(ground))\"/>"
                + "<text class=\"percentile\" x=\"\(at(min(x, width - 24)))\" y=\"10\">\(name)</text>"
        }
        return picture("Distribution of latencies", grid(end) { Figures.plain($0.rounded()) } + labels + drawn)
    }

    // MARK: Parts

    private static func picture(_ title: String, _ content: String) -> String {
        "<svg viewBox=\"0 0 \(Int(width)) \(Int(height))\" role=\"img\" aria-label=\"\(title)\">\(content)</svg>"
    }

    private static func bar(_ x: Double, _ y: Double, _ wide: Double, _ tall: Double, _ kind: String) -> String {
        guard tall > 0 else { return "" }
        // A few among many are seen all the same.
        let tall = max(1, tall)
        return "<rect class=\"\(kind)\" x=\"\(at(x))\" y=\"\(at(y))\" width=\"\(at(wide))\" height=\"\(at(tall))\"/>"
    }

    private static func grid(_ end: Double, _ words: (Double) -> String) -> String {
        [0, 0.5, 1].map { part in
            let y = at(ground - part * plotHeight)
            return "<line class=\"grid\" x1=\"\(at(left))\" x2=\"\(at(width - right))\" y1=\"\(y)\" y2=\"\(y)\"/>"
                + "<text class=\"y\" x=\"\(at(left - 5))\" y=\"\(at(ground - part * plotHeight + 4))\">\(words(part * end))</text>"
        }.joined()
    }

    /// Seconds under the picture.
    private static func times(_ columns: [Column]) -> String {
        guard let last = columns.last else { return "" }
        let total = last.second + last.seconds
        let steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600]
        let step = steps.first { total / $0 <= 5 } ?? 43_200
        return stride(from: 0, through: total, by: step).map { second in
            let x = left + Double(second) / Double(total) * plotWidth
            let words = step >= 3600 ? "\(second / 3600) h" : step >= 60 ? "\(second / 60) min" : "\(second) s"
            return "<text class=\"x\" x=\"\(at(min(x, width - 16)))\" y=\"\(at(height - 8))\">\(words)</text>"
        }.joined()
    }

    /// The next of 1, 2 or 5 times a power of ten.
    private static func nice(_ value: Double) -> Double {
        guard value > 0, value.isFinite else { return 1 }
        var unit = 1.0
        while unit * 10 <= value { unit *= 10 }
        while unit > value { unit /= 10 }
        return [1, 2, 5, 10].map { $0 * unit }.first { $0 >= value } ?? 10 * unit
    }

    private static func at(_ value: Double) -> String { Figures.fixed(value, 1) }
}
