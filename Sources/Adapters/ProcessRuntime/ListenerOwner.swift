import CLinux
import Glibc

/// Tells who listens on a port: the kernel names the listener's inode, `/proc/<pid>/fd` the processes that have it.
enum ListenerOwner {
    enum Answer: Hashable, Sendable {
        case own
        case nobody
        /// Somebody else; their pid when it could be seen.
        case foreign(pid: Int32?)
        /// Some process of the instance could not be looked into (another user, or not dumpable).
        case unclear
    }

    /// - Parameters:
    ///   - main: the instance's main process, which leads its session.
    ///   - mark: an entry of the environment that all processes of the instance inherit.
    static func owner(ofPort port: Int, host: String, main: Int32, mark: String) -> Answer {
        let listeners = asked(port) ?? read(port)
        // The kernel gives a connection to the most specific listener.
        let address = hexAddress(host)
        let mapped = "0000000000000000FFFF0000" + address
        let exact = listeners.filter { $0.address == address || $0.address == mapped }
        let reached = exact.isEmpty ? listeners.filter(\.isWildcard) : exact
        guard !reached.isEmpty else { return .nobody }
        var missing = Set(reached.map(\.inode))
        var sawAll = true
        let members = members(of: main, mark: mark)
        for pid in members {
            guard let inodes = sockets(of: pid) else {
                sawAll = false
                continue
            }
            missing.subtract(inodes)
        }
        if missing.isEmpty { return .own }
        return sawAll ? .foreign(pid: anyOwner(of: missing)) : .unclear
    }

    struct Listener: Hashable {
        /// As the kernel writes it: hex, in words of the machine's byte order.
        var address: String
        var inode: UInt64
        var isWildcard: Bool { address.allSatisfy { $0 == "0" } }
    }

    /// The listening sockets on a port, as `sock_diag` tells them; nil where the kernel does not offer it.
    static func asked(_ port: Int) -> [Listener]? {
        guard let port = UInt16(exactly: port) else { return [] }
        let capacity = 64
        return withUnsafeTemporaryAllocation(of: slw_listener.self, capacity: capacity) { buffer in
            let count = Int(slw_listeners(port, buffer.baseAddress, capacity))
            guard count >= 0, count <= capacity else { return nil }
            return buffer[..<count].map { listener in
                let bytes = withUnsafeBytes(of: listener.address) { Array($0) }
                return Listener(address: hex(bytes, of: Int32(listener.family)), inode: listener.inode)
            }
        }
    }

    /// The same from `/proc/net`, for which the kernel walks the table of all connections.
    static func read(_ port: Int) -> [Listener] {
        var found: [Listener] = []
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            SmallFile.lines(of: table) { found += parse($0, port: port) }
        }
        return found
    }

    /// The listening sockets on a port, of `/proc/net/tcp` or `tcp6`.
    static func parse(_ text: String, port: Int) -> [Listener] {
        var found: [Listener] = []
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            guard fields.count > 9, fields[3] == "0A" else { continue }
            let local = fields[1].split(separator: ":")
            guard local.count == 2, Int(local[1], radix: 16) == port, let inode = UInt64(fields[9]) else { continue }
            found.append(Listener(address: String(local[0]), inode: inode))
        }
        return found
    }

    /// How the kernel writes a host's address.
    static func hexAddress(_ host: String) -> String {
        guard let address = SocketAddress(host: host, port: 0) else { return "" }
        return address.withPointer { pointer, length in
            let bytes = Array(UnsafeRawBufferPointer(start: pointer, count: Int(length)))
            return hex(Array(bytes[(address.family == AF_INET ? 4 : 8)...]), of: address.family)
        }
    }

    /// An address in network order as the kernel writes it: one word, or four.
    private static func hex(_ bytes: [UInt8], of family: Int32) -> String {
        (0..<(family == AF_INET ? 1 : 4)).map { word in
            bytes[(word * 4)..<(word * 4 + 4)].reversed()
                .map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined()
        }.joined()
    }

    /// The processes of an instance: those of its session, those with its mark, and the children of these.
    static func members(of main: Int32, mark: String) -> [Int32] {
        var entries: [(pid: Int32, parent: Int32, session: Int32)] = []
        for pid in allProcesses() {
            var stat = slw_process_stat()
            guard slw_process_stat(pid, &stat) == 0 else { continue }
            entries.append((pid, stat.parent, stat.session))
        }
        var members = Set<Int32>()
        for entry in entries
        where entry.pid == main || entry.session == main || hasMark(entry.pid, mark) {
            members.insert(entry.pid)
        }
        var before = -1
        while before != members.count {
            before = members.count
            for entry in entries where members.contains(entry.parent) { members.insert(entry.pid) }
        }
        return members.sorted()
    }

    /// - Parameter mark: `NAME=value`.
    private static func hasMark(_ pid: Int32, _ mark: String) -> Bool {
        guard let equals = mark.firstIndex(of: "=") else { return false }
        var value = [CChar](repeating: 0, count: 64)
        guard slw_process_environment(pid, String(mark[...equals]), &value, value.count) > 0 else { return false }
        let found = value.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return found == Array(mark[mark.index(after: equals)...].utf8)
    }

    private static func allProcesses() -> [Int32] {
        // `/proc` cannot fail to open on a machine that runs processes; then nobody is found, which is an answer too.
        ((try? Tree.names("/proc")) ?? []).compactMap { Int32($0) }
    }

    /// The inodes of a process's sockets; nil when it may not be looked into.
    private static func sockets(of pid: Int32) -> Set<UInt64>? {
        let directory = "/proc/\(pid)/fd"
        guard let stream = opendir(directory) else { return errno == ENOENT ? [] : nil }
        defer { closedir(stream) }
        var inodes: Set<UInt64> = []
        var buffer = [CChar](repeating: 0, count: 64)
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            guard name.first != UInt8(ascii: ".") else { continue }
            let count = readlink("\(directory)/\(String(decoding: name, as: UTF8.self))", &buffer, 63)
            guard count > 0 else { continue }
            let target = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if target.hasPrefix("socket:["), let inode = UInt64(target.dropFirst(8).dropLast()) { inodes.insert(inode) }
        }
        return inodes
    }

    private static func anyOwner(of inodes: Set<UInt64>) -> Int32? {
        allProcesses().first { sockets(of: $0).map { !$0.isDisjoint(with: inodes) } ?? false }
    }
}
