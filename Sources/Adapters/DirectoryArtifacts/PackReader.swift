import Crypto
import Domain
import Glibc
import Ports

/// Reads one pack from its start to its end, taking the digest on the way. What does not add up is an error before
/// anything made from it is used: callers look at `digest` last and throw their work away when it is another one.
struct PackReader: ~Copyable {
    private let descriptor: Int32
    private let path: String
    private var hash = SHA256()
    private var buffer: [UInt8]
    private var start = 0
    private var end = 0

    init(path: String) throws {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw fileTrouble("read", path) }
        self.path = path
        buffer = [UInt8](repeating: 0, count: 1 << 20)
    }

    deinit { close(descriptor) }

    /// The next entry; nil at the archive's end. Its content must be taken by `content` before the next one.
    mutating func next() throws -> TreeEntry? {
        var extended: [String: [UInt8]] = [:]
        while true {
            guard let decoded = TarHeader.decode(try take(TarHeader.block), extended: extended) else {
                throw damaged("a header makes no sense")
            }
            switch decoded {
            case .end:
                guard try take(TarHeader.block).allSatisfy({ $0 == 0 }) else { throw damaged("its end is missing") }
                return nil
            case .records(let count):
                let bytes = try take(count)
                _ = try take(TarHeader.padding(Int64(count)))
                guard extended.isEmpty, let records = TarHeader.records(bytes) else {
                    throw damaged("an extended header makes no sense")
                }
                extended = records
            case .entry(let entry):
                guard Self.isSafe(entry.path) else { throw damaged("it names a file outside of itself: \(entry.path)") }
                return entry
            }
        }
    }

    /// Hands out a file's content in parts, and reads over what fills its last block.
    mutating func content(_ size: Int64, _ body: (ArraySlice<UInt8>) throws -> Void) throws {
        var rest = size
        while rest > 0 {
            if start == end { try fill() }
            let count = Int(min(rest, Int64(end - start)))
            try body(buffer[start..<start + count])
            start += count
            rest -= Int64(count)
        }
        _ = try take(TarHeader.padding(size))
    }

    /// The digest of the whole file, whatever still was unread.
    mutating func digest() throws -> ContentDigest {
        repeat { start = end } while try refill() > 0
        return ContentDigest(hash.finalize())
    }

    /// A path that stays in the directory where it is unpacked.
    static func isSafe(_ path: String) -> Bool {
        !path.isEmpty && !path.utf8.contains(0)
            && path.split(separator: "/", omittingEmptySubsequences: false)
                .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }

    private mutating func take(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            if start == end { try fill() }
            let part = min(count - bytes.count, end - start)
            bytes += buffer[start..<start + part]
            start += part
        }
        return bytes
    }

    private mutating func fill() throws {
        guard try refill() > 0 else { throw damaged("it is too short") }
    }

    private mutating func refill() throws -> Int {
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw fileTrouble("read", path) }
            start = 0
            end = count
            buffer.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            return count
        }
    }

    private func damaged(_ why: String) -> PortError { PackReader.damaged(path, why) }

    static func damaged(_ path: String, _ why: String) -> PortError {
        PortError(
            .incompatible, "the artifact \(path) is damaged: \(why)",
            hint: "check the disk; remove the file and deploy again from a checkout")
    }
}
