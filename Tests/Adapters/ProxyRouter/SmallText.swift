import Glibc

/// Small files of tests.
enum SmallText {
    struct Trouble: Error { var number: Int32 }

    static func write(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw Trouble(number: errno) }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else { throw Trouble(number: errno) }
    }

    static func read(_ path: String) throws -> String {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { throw Trouble(number: errno) }
        defer { close(descriptor) }
        var room = [UInt8](repeating: 0, count: 1 << 20)
        let count = Glibc.read(descriptor, &room, room.count)
        return String(decoding: room.prefix(max(0, count)), as: UTF8.self)
    }
}
