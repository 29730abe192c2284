import Crypto
import Domain
import Glibc
import Ports

/// Writes one pack beside its final place while taking its digest. Whatever goes wrong, no half file stays.
struct PackWriter: ~Copyable {
    private let descriptor: Int32
    private let path: String
    private var hash = SHA256()
    private var buffer: [UInt8] = []
    private(set) var size: Int64 = 0
    private var isFinished = false

    private static let bufferSize = 1 << 20

    /// - Parameter path: the temporary file, in the directory of the final one.
    init(path: String) throws {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw fileTrouble("create", path) }
        self.path = path
        buffer.reserveCapacity(Self.bufferSize)
    }

    deinit {
        close(descriptor)
        if !isFinished { unlink(path) }
    }

    /// Packs a tree.
    /// - Throws: `storage` when it cannot be read or written; `invalid` when it changes meanwhile.
    mutating func write(_ entries: [TreeEntry], root: String) throws {
        for entry in entries {
            try put(TarHeader.encode(entry))
            if case .file(let size, _) = entry.kind {
                try copy("\(root)/\(entry.path)", size)
                try put([UInt8](repeating: 0, count: TarHeader.padding(size)))
            }
        }
        try put(TarHeader.end)
    }

    /// Makes the bytes durable and moves the file to its place, which depends on its digest.
    mutating func finish(place: (ContentDigest) -> String) throws -> ContentDigest {
        try flush()
        guard fsync(descriptor) == 0 else { throw fileTrouble("flush", path) }
        let digest = ContentDigest(hash.finalize())
        let final = place(digest)
        guard rename(path, final) == 0 else { throw fileTrouble("create", final) }
        isFinished = true
        return digest
    }

    private mutating func copy(_ source: String, _ size: Int64) throws {
        let input = open(source, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard input >= 0 else { throw fileTrouble("read", source) }
        defer { close(input) }
        var rest = size
        var part = [UInt8](repeating: 0, count: Self.bufferSize)
        while true {
            let count = part.withUnsafeMutableBytes { read(input, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw fileTrouble("read", source) }
            if count == 0 { break }
            rest -= Int64(count)
            guard rest >= 0 else { break }
            try put(part[..<count])
        }
        guard rest == 0 else {
            throw PortError(
                .invalid, "\(source) changed while it was packed",
                hint: "wait until nothing writes there, then deploy again")
        }
    }

    private mutating func put(_ bytes: some Collection<UInt8>) throws {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.bufferSize { try flush() }
    }

    private mutating func flush() throws {
        hash.update(data: buffer)
        try writeAll(descriptor, buffer, path)
        size += Int64(buffer.count)
        buffer.removeAll(keepingCapacity: true)
    }
}

/// Writes all bytes, whatever write(2) takes at a time.
func writeAll(_ descriptor: Int32, _ bytes: [UInt8], _ path: String) throws {
    var offset = 0
    while offset < bytes.count {
        let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + offset }, $0.count - offset) }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw fileTrouble("write", path, count == 0 ? ENOSPC : errno) }
        offset += count
    }
}
