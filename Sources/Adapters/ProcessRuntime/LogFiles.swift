import Glibc
import Ports

/// Reads what the host wrote of an instance's output: lines `<unix-ms> <o|e|k> <text>`, in a file and the one before it
/// (`.1`). `k` marks remarks of the keeper.
enum LogFiles {
    struct Line: Hashable {
        var at: Int64
        var isError: Bool
        var text: String
    }

    private static let part = 64 << 10

    /// The last lines, oldest first. Reads from the end, so memory is that of the lines and a little more.
    /// - Parameter after: only lines after this time, in milliseconds since 1970.
    static func tail(_ path: String, lines: Int, after: Int64? = nil) throws -> [Line] {
        var found: [Line] = []
        for file in [path, path + ".1"] where found.count < lines {
            if try collect(file, lines, after, &found) { break }
        }
        return found.reversed()
    }

    /// Puts a file's last lines behind those found already, newest first.
    /// - Returns: whether lines are so old by now that nothing before them is asked for.
    private static func collect(_ file: String, _ lines: Int, _ after: Int64?, _ found: inout [Line]) throws -> Bool {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return false }
            throw SmallFile.trouble("read", file)
        }
        defer { close(descriptor) }
        var position = lseek(descriptor, 0, Int32(SEEK_END))
        // The start of a line whose end was read already.
        var rest: [UInt8] = []
        while position > 0, found.count < lines {
            let count = min(off_t(part), position)
            position -= count
            var bytes = [UInt8](repeating: 0, count: Int(count))
            let got = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, position) }
            guard got >= 0 else { throw SmallFile.trouble("read", file) }
            bytes = Array(bytes[..<got]) + rest
            let first: Int
            if position == 0 {
                first = 0
            } else if let newline = bytes.firstIndex(of: UInt8(ascii: "\n")) {
                first = newline + 1
            } else {
                rest = bytes
                continue
            }
            rest = Array(bytes[..<first])
            for line in bytes[first...].split(separator: UInt8(ascii: "\n")).reversed() {
                guard let parsed = parse(line) else { continue }
                if let after, parsed.at <= after { return true }
                found.append(parsed)
                if found.count == lines { return true }
            }
        }
        return false
    }

    /// Nil for what is no line of the host's.
    static func parse(_ bytes: ArraySlice<UInt8>) -> Line? {
        guard let space = bytes.firstIndex(of: UInt8(ascii: " ")), space - bytes.startIndex <= 16,
            let at = Int64(String(decoding: bytes[..<space], as: UTF8.self)),
            space + 1 < bytes.endIndex
        else { return nil }
        let mark = bytes[space + 1]
        guard [UInt8(ascii: "o"), UInt8(ascii: "e"), UInt8(ascii: "k")].contains(mark) else { return nil }
        let text = bytes[min(bytes.endIndex, space + 3)...]
        return Line(at: at, isError: mark == UInt8(ascii: "e"), text: String(decoding: text, as: UTF8.self))
    }
}

/// Reads one growing log on, across its being turned over. Holds at most one part and one unfinished line.
struct LogFollower {
    private let path: String
    private var inode: UInt64 = 0
    private var offset: off_t = 0
    private var rest: [UInt8] = []

    /// At most so many bytes are read at a time.
    private static let part = 256 << 10

    /// Begins at the file's present end, or at its start when it is not there yet.
    init(path: String, fromStart: Bool = false) {
        self.path = path
        var status = stat()
        if stat(path, &status) == 0 {
            inode = UInt64(status.st_ino)
            offset = fromStart ? 0 : status.st_size
        }
    }

    /// The lines since the last call; none when there are none.
    mutating func next() throws -> [LogFiles.Line] {
        var status = stat()
        guard stat(path, &status) == 0 else { return [] }
        var lines: [LogFiles.Line] = []
        if UInt64(status.st_ino) != inode {
            if inode != 0 {
                var old = stat()
                // What came at the old file's end before it was turned over.
                if stat(path + ".1", &old) == 0, UInt64(old.st_ino) == inode {
                    while case let more = try read(path + ".1"), !more.isEmpty { lines += more }
                }
            }
            inode = UInt64(status.st_ino)
            offset = 0
            rest = []
        } else if status.st_size < offset {
            offset = 0
            rest = []
        }
        return lines + (try read(path))
    }

    private mutating func read(_ file: String) throws -> [LogFiles.Line] {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return [] }
            throw SmallFile.trouble("read", file)
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.part)
        let position = offset
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, position) }
        guard count >= 0 else { throw SmallFile.trouble("read", file) }
        offset += off_t(count)
        bytes = rest + bytes[..<count]
        guard let last = bytes.lastIndex(of: UInt8(ascii: "\n")) else {
            rest = bytes.count > Self.part ? [] : bytes
            return []
        }
        rest = Array(bytes[(last + 1)...])
        return bytes[..<last].split(separator: UInt8(ascii: "\n")).compactMap { LogFiles.parse($0) }
    }
}
