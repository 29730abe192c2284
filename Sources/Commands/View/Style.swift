import FoundationEssentials
import Glibc

/// How text is dressed: colours and signs, or neither.
struct Style: Sendable {
    var isColoured: Bool
    var isUnicode: Bool

    static let plain = Style(isColoured: false, isUnicode: true)

    /// For a stream of this process: colours on a terminal only, and not with NO_COLOR or a dumb one.
    static func forOutput(_ descriptor: Int32 = 1) -> Style {
        let environment = ProcessInfo.processInfo.environment
        let isPlain = isDumbTerminal || environment["NO_COLOR"]?.isEmpty == false
        // POSIX: the first of these that is set and not empty.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        let isUnicode = locale.uppercased().contains("UTF-8") || locale.uppercased().contains("UTF8")
        return Style(isColoured: isatty(descriptor) == 1 && !isPlain, isUnicode: isUnicode)
    }

    /// Whether the terminal cannot move its cursor.
    static var isDumbTerminal: Bool {
        let term = ProcessInfo.processInfo.environment["TERM"] ?? ""
        return term.isEmpty || term == "dumb"
    }

    enum Tone: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case blue = "34"
        case cyan = "36"
    }

    func paint(_ text: String, _ tone: Tone) -> String {
        isColoured && !text.isEmpty ? "\u{1b}[\(tone.rawValue)m\(text)\u{1b}[0m" : text
    }

    func sign(_ unicode: String, _ ascii: String) -> String { isUnicode ? unicode : ascii }

    /// A share as a bar of so many cells.
    func bar(_ percent: Int, cells: Int) -> String {
        let full = (percent * cells + 50) / 100
        return String(repeating: sign("█", "#"), count: full) + String(repeating: sign("░", "."), count: cells - full)
    }
}

/// `14:03:07`, local time.
func clockTime(_ milliseconds: Int64) -> String {
    var seconds = time_t(milliseconds / 1000)
    var parts = tm()
    localtime_r(&seconds, &parts)
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
}

/// `2026-11-21 14:03`, local time.
func calendarTime(_ milliseconds: Int64) -> String {
    var seconds = time_t(milliseconds / 1000)
    var parts = tm()
    localtime_r(&seconds, &parts)
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return
        "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) \(two(parts.tm_hour)):\(two(parts.tm_min))"
}
