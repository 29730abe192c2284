import Glibc
import Synchronization

/// A block of lines at the bottom of a terminal, redrawn in place with one write a frame.
final class Screen: Sendable {
    private struct Drawn {
        var lines = 0
        var size = (rows: 0, columns: 0)
        var hidesCursor = false
    }
    private let drawn = Mutex(Drawn())
    private let style: Style

    init(style: Style) { self.style = style }

    /// Nil where standard output is no terminal that can move its cursor.
    static func onTerminal() -> Screen? {
        isatty(1) == 1 && !Style.isDumbTerminal ? Screen(style: .forOutput()) : nil
    }

    func draw(_ lines: [String]) {
        let size = Self.size()
        drawn.withLock { drawn in
            var frame = drawn.hidesCursor ? "" : "\u{1b}[?25l"
            if drawn.lines > 0, size != drawn.size {
                // The terminal may have broken the old lines anew: nobody knows where they are now.
                frame += "\u{1b}[H\u{1b}[2J"
            } else if drawn.lines > 0 {
                frame += "\u{1b}[\(drawn.lines)A\r"
            }
            let shown = Self.fitted(lines, rows: size.rows, columns: size.columns, style: style)
            for line in shown { frame += line + "\u{1b}[K\n" }
            frame += "\u{1b}[J"
            drawn = Drawn(lines: shown.count, size: size, hidesCursor: true)
            Self.put(frame)
        }
    }

    /// Leaves the block as it stands and gives the cursor back.
    func leave() {
        drawn.withLock { drawn in
            if drawn.hidesCursor { Self.put("\u{1b}[?25h") }
            drawn = Drawn()
        }
    }

    deinit { leave() }

    /// What of the lines has room: cut at the right; where they are too many, the last one says how many more.
    static func fitted(_ lines: [String], rows: Int, columns: Int, style: Style) -> [String] {
        // The cursor stands on the line below the block.
        let room = max(1, rows - 1)
        var shown = Array(lines.prefix(room))
        if lines.count > room {
            shown[room - 1] = style.paint("\(style.sign("…", "...")) \(lines.count - room + 1) more lines", .dim)
        }
        return shown.map { clipped($0, to: columns, ellipsis: style.sign("…", "~")) }
    }

    private static func put(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return }
            bytes = bytes.dropFirst(count)
        }
    }

    private static func size() -> (rows: Int, columns: Int) {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (24, 80) }
        return (Int(size.ws_row), Int(size.ws_col))
    }
}
