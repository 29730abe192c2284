import Domain
import FoundationEssentials
import Glibc
package import Ports
package import ProxyRoutes
import Synchronization

/// The stable local address of every service: a port chosen once for each service of each environment, and kept in a
/// small file, so that a peer's `API_URL` never changes. Where the search begins depends on the file's place.
///
/// The file is JSON, `{"version":1,"ports":{"shop/dev/api":19000}}`. One that cannot be understood is an error, since
/// choosing anew would move addresses that running instances have been given.
package final class LocalPorts: Sendable {
    package static let standardRange = 19_000...19_999

    private struct Book: Codable {
        var version: Int
        var ports: [String: Int]
    }

    private let path: String
    private let host: String
    private let range: ClosedRange<Int>
    private let isFree: @Sendable (SocketAddress) -> Bool
    private let ports: Mutex<[String: Int]>

    /// Reads the file; one that is not there is empty.
    /// - Throws: `PortError`: `storage` when it cannot be read, `incompatible` when it is damaged or from a later
    ///   version.
    package init(
        path: String, host: String = "127.0.0.1", range: ClosedRange<Int> = LocalPorts.standardRange,
        isFree: @escaping @Sendable (SocketAddress) -> Bool = LocalPorts.canBind
    ) throws(PortError) {
        self.path = path
        self.host = host
        self.range = range
        self.isFree = isFree
        ports = Mutex(try Self.load(path))
    }

    /// The address of a service; chosen and made durable when it has none yet.
    /// - Throws: `PortError` with code `storage`, or `unavailable` when no port of the range is left.
    package func address(of key: ServiceKey) throws(PortError) -> SocketAddress {
        // A lock held over a flush to disk, once in a service's life: the caller needs the address to go on at all.
        let chosen: Result<Int, PortError> = ports.withLock { ports in
            if let known = ports[key.description] { return .success(known) }
            let taken = Set(ports.values)
            // Another Slipway on the machine, with a state of its own, begins elsewhere: whoever chooses at the same
            // moment, or while the other is stopped, would not see its ports.
            let free = PreferredPorts(in: range.lowerBound..<range.upperBound + 1, by: path)
                .first { !taken.contains($0) && isFree(SocketAddress(host: host, port: $0)) }
            guard let free else {
                return .failure(
                    PortError(
                        .unavailable, "no port of \(range.lowerBound)–\(range.upperBound) is left for \(key)",
                        hint: "remove services that are gone from \(path) while Slipway is stopped"))
            }
            var next = ports
            next[key.description] = free
            do throws(PortError) {
                try Self.store(next, path)
            } catch {
                return .failure(error)
            }
            ports = next
            return .success(free)
        }
        return SocketAddress(host: host, port: try chosen.get())
    }

    /// The address of a service, if it has one.
    package func known(_ key: ServiceKey) -> SocketAddress? {
        ports.withLock { $0[key.description] }.map { SocketAddress(host: host, port: $0) }
    }

    private static func load(_ path: String) throws(PortError) -> [String: Int] {
        guard let bytes = SmallFile.read(path) else {
            if errno == ENOENT { return [:] }
            throw SmallFile.trouble("read", path)
        }
        let book: Book
        do {
            book = try JSONDecoder().decode(Book.self, from: Data(bytes))
        } catch {
            throw PortError(
                .incompatible, "\(path) is damaged: \(error)",
                hint: "bring it back from a backup; without it, remove it, then deploy services with `needs` again")
        }
        guard book.version == 1 else {
            throw PortError(
                .incompatible, "\(path) has version \(book.version), this Slipway reads version 1",
                hint: "a later Slipway has written it: use that one")
        }
        return book.ports
    }

    private static func store(_ ports: [String: Int], _ path: String) throws(PortError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let data: Data
        do {
            data = try encoder.encode(Book(version: 1, ports: ports))
        } catch {
            throw PortError(.invalid, "the ports of services cannot be written down: \(error)")
        }
        try SmallFile.replace(path, with: Array(data))
    }

    /// Whether an IPv4 address can be bound now, with nobody else listening there.
    package static func canBind(_ address: SocketAddress) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = in_port_t(UInt16(clamping: address.port)).bigEndian
        guard inet_pton(AF_INET, address.host, &name.sin_addr) == 1 else { return false }
        let bound = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // With SO_REUSEADDR only listen(2) sees another listener, where the first one set it too.
        return bound == 0 && listen(descriptor, 1) == 0
    }
}
