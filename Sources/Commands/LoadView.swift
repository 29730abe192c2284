import Glibc
import LoadGenerator
import Synchronization

/// Progress of a load run on standard error: one block that is drawn anew on a terminal, a line every five seconds
/// elsewhere.
final class LoadView: Sendable {
    private enum Form: Sendable {
        case none
        case block
        case lines
    }

    private struct Drawn {
        var lines = 0
        var nextLine = 5.0
    }

    private let form: Form
    private let drawn = Mutex(Drawn())

    init(quiet: Bool) {
        if quiet {
            form = .none
        } else {
            let dumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? true
            form = isatty(STDERR_FILENO) == 1 && !dumb ? .block : .lines
        }
    }

    func show(_ progress: LoadProgress) {
        switch form {
        case .none: break
        case .block:
            let lines = progress.block()
            drawn.withLock { drawn in
                Self.put(Self.erase(drawn.lines) + lines.map { $0 + "\n" }.joined())
                drawn.lines = lines.count
            }
        case .lines:
            drawn.withLock { drawn in
                guard progress.elapsedSeconds >= drawn.nextLine else { return }
                drawn.nextLine += 5
                Self.put(progress.line() + "\n")
            }
        }
    }

    /// Takes the block away, before the summary is printed.
    func clear() {
        drawn.withLock { drawn in
            if drawn.lines > 0 { Self.put(Self.erase(drawn.lines)) }
            drawn.lines = 0
        }
    }

    /// Up so many lines, and everything below is erased.
    private static func erase(_ lines: Int) -> String { lines > 0 ? "\u{1B}[\(lines)A\u{1B}[J" : "" }

    /// Writes to standard error. When nobody reads it any more, progress is not worth failing for.
    static func put(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return }
            bytes = bytes.dropFirst(written)
        }
    }
}
