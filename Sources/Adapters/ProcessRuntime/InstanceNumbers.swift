import Glibc
import Ports

/// Numbers for instances and their processes, never given twice in a state directory. The file says up to where numbers
/// may be given out without asking the disk again, so a crash skips some and repeats none.
struct InstanceNumbers {
    /// So many are taken from the file at a time.
    static let block: UInt64 = 512

    let path: String
    /// Which start of the runtime this is, counted from 1.
    private(set) var run: UInt64
    private var next: UInt64
    private var end: UInt64

    /// - Throws: `storage`; `incompatible` for a file that makes no sense, since guessing could repeat numbers.
    init(path: String) throws {
        self.path = path
        next = 1
        run = 0
        if let text = SmallFile.read(path) {
            let numbers = text.split(whereSeparator: \.isWhitespace).map { UInt64($0) }
            guard numbers.count == 2, let end = numbers[0], let run = numbers[1] else {
                throw PortError(
                    .incompatible, "\(path) is damaged",
                    hint: "write into it a number above all names in instances/ (base 36) and a 1, as in `100000 1`")
            }
            next = end
            self.run = run
        } else if access(path, F_OK) == 0 {
            throw SmallFile.trouble("read", path)
        }
        run += 1
        end = next
        try extend()
    }

    var isShort: Bool { end - next < Self.block / 2 }

    /// Takes another block from the file.
    mutating func extend() throws {
        let higher = end + Self.block
        try SmallFile.replace(path, with: Array("\(higher) \(run)\n".utf8), isDurable: true)
        end = higher
    }

    /// Nil when the block is used up and no other could be had.
    mutating func take() -> UInt64? {
        guard next < end else { return nil }
        defer { next += 1 }
        return next
    }
}
