package import Domain
package import Judging

/// Series of canary and baseline as a table: `at,metric,side,value`, one value a line. `at` (seconds) may be left out.
package struct SeriesFile: Hashable, Sendable {
    /// One value.
    struct Row: Hashable, Sendable {
        /// Milliseconds.
        var at: Int64
        var metric: String
        var isCanary: Bool
        /// NaN: there was none.
        var value: Double
    }

    /// In the order of their times.
    private var rows: [Row] = []
    /// In the order of their first appearance.
    package private(set) var metrics: [String] = []
    /// The file says when values were taken, so that there may be more than one look.
    package private(set) var hasTimes = false

    /// - Throws: `RecordingError` for the first line that makes no sense.
    package init(_ text: String) throws(RecordingError) {
        var columns: [String]?
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = raw.hasSuffix("\r") ? raw.dropLast() : raw
            if line.allSatisfy(\.isWhitespace) { continue }
            let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(Self.trimmed)
            guard let known = columns else {
                columns = try Self.header(cells, index + 1)
                hasTimes = cells.contains("at")
                continue
            }
            guard cells.count == known.count else {
                let words = "\(cells.count) values, and the first line names \(known.count) columns"
                throw RecordingError(line: index + 1, words: words)
            }
            let row = try Self.row(Dictionary(uniqueKeysWithValues: zip(known, cells)), index + 1)
            rows.append(row)
            if !metrics.contains(row.metric) { metrics.append(row.metric) }
        }
        guard !rows.isEmpty else { throw RecordingError(line: 1, words: "there is no value in it", hint: Self.form) }
        rows.sort { $0.at < $1.at }
    }

    private static let form = "the first line names the columns: at,metric,side,value"

    private static func trimmed(_ cell: Substring) -> String {
        var cell = cell.drop(while: \.isWhitespace)
        while cell.last?.isWhitespace == true { cell.removeLast() }
        return String(cell)
    }

    private static func header(_ cells: [String], _ line: Int) throws(RecordingError) -> [String] {
        let known = ["at", "metric", "side", "value"]
        guard Set(cells).count == cells.count, cells.allSatisfy(known.contains),
            known.dropFirst().allSatisfy(cells.contains)
        else {
            throw RecordingError(line: line, words: "the columns are not known", hint: form)
        }
        return cells
    }

    private static func row(_ cells: [String: String], _ line: Int) throws(RecordingError) -> Row {
        let metric = cells["metric"] ?? ""
        guard !metric.isEmpty else { throw RecordingError(line: line, words: "`metric` is empty") }
        let side = cells["side"] ?? ""
        guard side == "canary" || side == "baseline" else {
            throw RecordingError(
                line: line, words: "`side` is canary or baseline, not \(side.printable.bounded(to: 40))")
        }
        var at: Int64 = 0
        if let text = cells["at"] {
            guard let seconds = Double(text), seconds.isFinite, abs(seconds) < 1e12 else {
                throw RecordingError(line: line, words: "`at` is a number of seconds")
            }
            at = Int64((seconds * 1000).rounded())
        }
        let text = cells["value"] ?? ""
        let isMissing = text.isEmpty || text.lowercased() == "nan"
        guard let value = isMissing ? .nan : Double(text), isMissing || value.isFinite else {
            throw RecordingError(line: line, words: "`value` is a number, NaN or empty")
        }
        return Row(at: at, metric: metric, isCanary: side == "canary", value: value)
    }

    /// What a judge says of everything until then, look by look.
    /// - Parameter every: from one look to the next; nil: one look at all of it.
    package func looks(_ spec: SeriesSpec, every: Span?) -> [SeriesLook] {
        guard let first = rows.first?.at, let last = rows.last?.at else { return [] }
        let judge = SeriesJudge(spec)
        var times: [Int64] = []
        if let every, hasTimes, every > .zero {
            var time = first + every.milliseconds
            while time < last {
                times.append(time)
                time += every.milliseconds
            }
        }
        times.append(last)
        return times.enumerated().map { index, time in
            let seen = rows.prefix { $0.at <= time }
            let pairs = spec.metrics.map { metric in
                SeriesPair(
                    metric.name, canary: seen.filter { $0.metric == metric.name && $0.isCanary }.map(\.value),
                    baseline: seen.filter { $0.metric == metric.name && !$0.isCanary }.map(\.value))
            }
            return SeriesLook(
                look: index + 1, at: Span(milliseconds: time - first), values: seen.count, verdict: judge.look(pairs))
        }
    }
}

/// One look of the judge of series.
package struct SeriesLook: Hashable, Sendable {
    package var look: Int
    /// Since the first value.
    package var at: Span
    /// How many it saw.
    package var values: Int
    package var verdict: SeriesVerdict
}
