import Domain
import Synchronization

/// The end of what a program wrote, bounded.
package final class OutputTail: Sendable {
    package static let lineLimit = 10
    package static let byteLimit = 4096

    private let kept = Mutex<[UInt8]>([])

    package init() {}

    package func append(_ bytes: UnsafeRawBufferPointer) {
        kept.withLock { kept in
            kept += bytes.suffix(Self.byteLimit)
            // A little more than is shown, so that it is not cut anew with every part.
            if kept.count > 4 * Self.byteLimit { kept.removeFirst(kept.count - Self.byteLimit) }
        }
    }

    /// At most ten lines and 4 KiB, oldest first; without control characters.
    package var lines: [String] {
        let bytes = kept.withLock { Array($0.suffix(Self.byteLimit)) }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
        return lines.suffix(Self.lineLimit).map { String(decoding: $0, as: UTF8.self).printable }
    }
}
