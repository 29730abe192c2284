import Domain
import SupervisorAPI

/// Where somebody who follows a log stands: no line is shown twice, and none is left out.
struct LogTail {
    /// What to ask for next: lines after this time, in milliseconds since 1970. The newest millisecond is asked for
    /// again, because more lines of it may have come since. Nil: nothing was asked yet.
    private(set) var after: Int64?
    /// Lines of the newest millisecond that were shown, and how often each.
    private var shown: [LogLineReport: Int] = [:]

    /// What of an answer is new.
    mutating func unseen(_ lines: [LogLineReport]) -> [LogLineReport] {
        var skipped = shown
        let fresh = lines.filter { line in
            guard let count = skipped[line], count > 0 else { return true }
            skipped[line] = count - 1
            return false
        }
        if let newest = lines.map(\.at).max() {
            shown = [:]
            for line in lines where line.at == newest { shown[line, default: 0] += 1 }
            after = newest - 1
        } else if after == nil {
            after = 0
        }
        return fresh
    }
}

/// A line of an instance, with who wrote it.
struct LogView {
    var style: Style

    func line(_ line: LogLineReport) -> String {
        let tones: [Style.Tone] = [.cyan, .green, .yellow, .blue]
        let tone = tones[Int(line.instance.value % UInt64(tones.count))]
        let source = line.instance.value == 0 ? "migrate" : "\(line.instance)"
        let name = style.paint("\(line.service)@\(line.release)/\(source)", tone)
        let bar = line.isError ? style.paint("|", .red) : "|"
        let text = harmless(line.text, keepsColours: style.isColoured)
        return "\(style.paint(clockTime(line.at), .dim)) \(name) \(bar) \(text)"
    }
}
