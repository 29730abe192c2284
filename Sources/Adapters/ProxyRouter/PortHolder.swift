import Dispatch
import Glibc

/// The process that listens on a port, as far as this user may see it.
package struct PortHolder: Hashable, Sendable {
    package var pid: Int
    /// Its name as the kernel has it, at most 15 characters.
    package var program: String

    /// Looks through `/proc`; nil when nobody listens, or when the listener belongs to another user.
    package static func find(port: Int) async -> PortHolder? {
        // A walk over all processes may take tens of milliseconds: not on the cooperative pool.
        await withCheckedContinuation { continuation in
            DispatchQueue.global(qos: .utility).async { continuation.resume(returning: search(port: port)) }
        }
    }

    private static func search(port: Int) -> PortHolder? {
        var inodes: Set<String> = []
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            for line in lines(of: table).dropFirst() {
                let fields = line.split(separator: " ")
                // sl, local_address, rem_address, st (0A: listening), …, inode
                guard fields.count > 9, fields[3] == "0A", let colon = fields[1].lastIndex(of: ":"),
                    Int(fields[1][fields[1].index(after: colon)...], radix: 16) == port
                else { continue }
                inodes.insert("socket:[\(fields[9])]")
            }
        }
        if inodes.isEmpty { return nil }
        // Several processes may share the socket: the one that has lived longest has the lowest number, as a rule.
        for pid in entries(of: "/proc").compactMap(Int.init).sorted() {
            let directory = "/proc/\(pid)/fd"
            for name in entries(of: directory) where inodes.contains(target(of: "\(directory)/\(name)")) {
                let program = lines(of: "/proc/\(pid)/comm").first ?? "a process"
                return PortHolder(pid: pid, program: program)
            }
        }
        return nil
    }

    private static func entries(of path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            names.append(name)
        }
        return names
    }

    private static func target(of link: String) -> String {
        var room = [UInt8](repeating: 0, count: 128)
        let count = readlink(link, &room, room.count)
        return count > 0 ? String(decoding: room.prefix(count), as: UTF8.self) : ""
    }

    private static func lines(of path: String) -> [String] {
        (SmallFile.read(path) ?? []).split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }
}
