import Glibc
import Synchronization

/// A block of lines at the bottom of a terminal, redrawn in place with one write a frame.
final class Screen: Sendable {
    private let drawn = Mutex(0)

    func draw(_ lines: [String]) {
        let size = Self.size()
        let shown = lines.prefix(max(1, size.rows - 1)).map { clipped($0, to: size.columns) }
        drawn.withLock { drawn in
            var frame = drawn > 0 ? "\u{1b}[\(drawn)A\r" : ""
            frame += "\u{1b}[?25l"
            for line in shown { frame += line + "\u{1b}[K\n" }
            frame += "\u{1b}[J"
            drawn = shown.count
            Self.put(frame)
        }
    }

    /// Leaves the block as it stands and gives the cursor back.
    func leave() {
        Self.put("\u{1b}[?25h")
        drawn.withLock { $0 = 0 }
    }

    deinit { Self.put("\u{1b}[?25h") }

    private static func put(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
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
